// The corpus's key-value tables in RocksDB: ordered keys, atomic batches, readers in other
// processes.
//
// A reader is a RocksDB secondary instance: it keeps the files it knows open, so that nothing the
// writer compacts or deletes is pulled away from under it, it never blocks the writer, and CatchUp
// shows what was added to the logs since. Where the set of files has changed, it says so and the
// reader opens anew: a log may be gone that it had not read, and its old values would hide the new.
// docs/index_format.md says why not checkpoints. rocksdb:: is known to chunk_store.cc alone.
// Errors: DATA_LOSS (damaged files, named), RESOURCE_EXHAUSTED (disk full), FAILED_PRECONDITION
// (another writer). Threads: reading and CatchUp are safe concurrently; writing is for one caller
// at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/status.h"

namespace footnote::retriever {

// Names of column families; the order is that of kTableNames in chunk_store.cc.
enum class Table { kState, kDocuments, kTexts, kChunks, kVectors, kPostings, kStaged };
inline constexpr int kTables = 7;

// FAILED_PRECONDITION: the corpus of this name is being made, or making it was cut short.
Status NoGenerationError(const std::string& corpus);

// Sizes of what RocksDB keeps in memory.
struct StoreMemory {
  uint64_t block_cache_bytes = uint64_t{64} << 20;
  uint64_t write_buffer_bytes = 0;  // of all tables; 0: each has its own, as large as it likes
};

class ChunkStore {
 public:
  // Changes that become visible together. Bound to the store that made it.
  class Batch {
   public:
    ~Batch();
    Batch(Batch&&) noexcept;
    Batch& operator=(Batch&&) noexcept;
    void Put(Table table, std::string_view key, std::string_view value);
    void Delete(Table table, std::string_view key);
    // Keys in [begin, end).
    void DeleteRange(Table table, std::string_view begin, std::string_view end);
    size_t bytes() const;

   private:
    friend class ChunkStore;
    struct State;
    explicit Batch(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
  };

  // Walks ascending keys. What it shows is fixed when it is made.
  class Cursor {
   public:
    ~Cursor();
    Cursor(Cursor&&) noexcept;
    void Seek(std::string_view key);
    bool Valid() const;
    void Next();
    std::string_view key() const;
    std::string_view value() const;
    // Of what ended the walk: OK at the end of the table.
    Status status() const;

   private:
    friend class ChunkStore;
    struct State;
    explicit Cursor(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
  };

  // `corpus` is the corpus's folder; the tables live in its "db". Creates them when they are new.
  static StatusOr<std::unique_ptr<ChunkStore>> OpenForWriting(const std::filesystem::path& corpus,
                                                              const StoreMemory& memory = {});
  // Shows all that was written when it was called. FAILED_PRECONDITION while the tables are being
  // made.
  static StatusOr<std::unique_ptr<ChunkStore>> OpenForReading(const std::filesystem::path& corpus);
  ~ChunkStore();

  StatusOr<std::optional<std::string>> Get(Table table, std::string_view key) const;
  Cursor Scan(Table table) const;

  Batch NewBatch();
  // sync: on disk when it returns; otherwise it survives the process's death only.
  Status Write(Batch&& batch, bool sync);

  // Reader: shows what the writer wrote until now. False where that takes a new OpenForReading;
  // what is read here may then be part old, part new.
  StatusOr<bool> CatchUp();

  // Writer: rewrites every table so that no deleted byte is left in any file, logs included; on
  // disk when it returns. After an error every call may fail, until the store is opened again.
  Status Purge();

  // Reads every block of every file and compares checksums.
  Status VerifyFiles() const;

 private:
  struct State;
  explicit ChunkStore(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace footnote::retriever
