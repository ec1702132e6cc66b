#include "retriever/storage/chunk_store.h"

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <ctime>
#include <thread>
#include <utility>
#include <vector>

#include "common/file.h"

namespace footnote::retriever {
namespace {

constexpr std::array<const char*, kTables> kTableNames = {"state",   "documents", "texts", "chunks",
                                                          "vectors", "postings",  "staged"};

constexpr size_t kBlockCacheBytes = size_t{64} << 20;
// Staged documents and rows pass through here; small, since a reader replays what is not flushed.
constexpr size_t kWriteBufferBytes = size_t{16} << 20;

// RocksDB's own log would keep names and keys after an erasure, and nobody reads it.
class SilentLogger : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char*, va_list) override {}
};

bool IsLockConflict(const rocksdb::Status& status) {
  return status.IsIOError() && (status.ToString().find("lock file") != std::string::npos ||
                                status.ToString().find("lock hold") != std::string::npos);
}

Status FromRocks(const rocksdb::Status& status, const std::filesystem::path& folder) {
  if (status.ok()) return OkStatus();
  const std::string what = "the tables in \"" + folder.string() + "\": " + status.ToString();
  if (status.IsNoSpace() || status.subcode() == rocksdb::Status::kNoSpace ||
      status.ToString().find("File too large") != std::string::npos) {
    return ResourceExhaustedError(what + "; free disk space and run the command again");
  }
  if (status.IsCorruption()) {
    return DataLossError(what + "; restore the folder from a copy, or delete it and index again");
  }
  if (status.IsNotFound() || status.IsPathNotFound()) {
    return DataLossError(what +
                         "; a file is missing: restore the folder from a copy, or delete it and "
                         "index again");
  }
  if (status.IsIOError() && status.ToString().find("Permission denied") != std::string::npos) {
    return PermissionDeniedError(what);
  }
  return UnavailableError(what);
}

rocksdb::Slice ToSlice(std::string_view bytes) { return {bytes.data(), bytes.size()}; }

std::string UtcNow() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[32];
  std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

// Changes whenever the set of files does: which MANIFEST is current, and how long it is. The writer
// adds to it before it deletes a log. So where it is the same before and after a reader's look, the
// reader has seen each row, in the files listed or in the logs that they do not cover; where it is
// not, a log may have gone between the two, with rows that are older than others the reader has.
std::string ListingOf(const std::filesystem::path& folder) {
  // Twice, should CURRENT change meanwhile and the file it named be gone.
  for (int i = 0; i < 2; ++i) {
    StatusOr<std::string> name = ReadFile(folder / "CURRENT", 256);
    if (!name.ok()) continue;
    while (!name->empty() && name->back() == '\n') name->pop_back();
    std::error_code error;
    const auto size = std::filesystem::file_size(folder / *name, error);
    if (!error) return *name + " " + std::to_string(size);
  }
  return "";
}

}  // namespace

struct ChunkStore::State {
  std::filesystem::path corpus;
  std::filesystem::path folder;  // RocksDB's
  bool writing = false;
  std::string listing;  // a reader's: of what it has seen
  std::shared_ptr<rocksdb::Cache> cache = rocksdb::NewLRUCache(kBlockCacheBytes);
  std::vector<rocksdb::ColumnFamilyHandle*> handles;  // the default family's is the last
  rocksdb::DB* db = nullptr;

  ~State() { Close(); }

  void Close() {
    if (db == nullptr) return;
    for (auto* handle : handles) db->DestroyColumnFamilyHandle(handle).PermitUncheckedError();
    handles.clear();
    db->Close().PermitUncheckedError();
    delete db;
    db = nullptr;
  }

  rocksdb::ColumnFamilyHandle* handle(Table table) const {
    return handles[static_cast<size_t>(table)];
  }

  rocksdb::Status Open() {
    rocksdb::DBOptions options;
    options.create_if_missing = writing;
    options.create_missing_column_families = writing;
    options.max_open_files = -1;  // a secondary keeps deleted files readable by holding them open
    options.max_background_jobs = 2;
    options.info_log = std::make_shared<SilentLogger>();
    options.keep_log_file_num = 1;
    options.max_total_wal_size = 4 * kWriteBufferBytes;
    options.stats_dump_period_sec = 0;
    options.stats_persist_period_sec = 0;
    rocksdb::ColumnFamilyOptions family;
    family.write_buffer_size = kWriteBufferBytes;
    family.compression = rocksdb::kLZ4Compression;
    rocksdb::BlockBasedTableOptions blocks;
    blocks.block_cache = cache;
    blocks.block_size = 16 << 10;
    blocks.format_version = 5;
    family.table_factory.reset(rocksdb::NewBlockBasedTableFactory(blocks));
    std::vector<rocksdb::ColumnFamilyDescriptor> families;
    for (const char* name : kTableNames) families.emplace_back(name, family);
    families.emplace_back(rocksdb::kDefaultColumnFamilyName, family);
    if (writing) return rocksdb::DB::Open(options, folder.string(), families, &handles, &db);
    // Nothing is written there, since the logger is ours; RocksDB only wants a name.
    const std::string private_path =
        (std::filesystem::temp_directory_path() / "footnote-reader").string();
    return rocksdb::DB::OpenAsSecondary(options, folder.string(), private_path, families, &handles,
                                        &db);
  }
};

struct ChunkStore::Batch::State {
  const ChunkStore::State* store;
  rocksdb::WriteBatch batch;
  rocksdb::Status status;

  void Keep(rocksdb::Status s) {
    if (status.ok()) status = std::move(s);
  }
};

ChunkStore::Batch::Batch(std::unique_ptr<State> state) : state_(std::move(state)) {}
ChunkStore::Batch::Batch(Batch&&) noexcept = default;
ChunkStore::Batch& ChunkStore::Batch::operator=(Batch&&) noexcept = default;
ChunkStore::Batch::~Batch() = default;

void ChunkStore::Batch::Put(Table table, std::string_view key, std::string_view value) {
  state_->Keep(state_->batch.Put(state_->store->handle(table), ToSlice(key), ToSlice(value)));
}

void ChunkStore::Batch::Delete(Table table, std::string_view key) {
  state_->Keep(state_->batch.Delete(state_->store->handle(table), ToSlice(key)));
}

void ChunkStore::Batch::DeleteRange(Table table, std::string_view begin, std::string_view end) {
  state_->Keep(
      state_->batch.DeleteRange(state_->store->handle(table), ToSlice(begin), ToSlice(end)));
}

size_t ChunkStore::Batch::bytes() const { return state_->batch.GetDataSize(); }

struct ChunkStore::Cursor::State {
  std::unique_ptr<rocksdb::Iterator> iterator;
  std::filesystem::path folder;
};

ChunkStore::Cursor::Cursor(std::unique_ptr<State> state) : state_(std::move(state)) {}
ChunkStore::Cursor::Cursor(Cursor&&) noexcept = default;
ChunkStore::Cursor::~Cursor() = default;

void ChunkStore::Cursor::Seek(std::string_view key) { state_->iterator->Seek(ToSlice(key)); }
bool ChunkStore::Cursor::Valid() const { return state_->iterator->Valid(); }
void ChunkStore::Cursor::Next() { state_->iterator->Next(); }

std::string_view ChunkStore::Cursor::key() const {
  const rocksdb::Slice key = state_->iterator->key();
  return {key.data(), key.size()};
}

std::string_view ChunkStore::Cursor::value() const {
  const rocksdb::Slice value = state_->iterator->value();
  return {value.data(), value.size()};
}

Status ChunkStore::Cursor::status() const {
  return FromRocks(state_->iterator->status(), state_->folder);
}

ChunkStore::ChunkStore(std::unique_ptr<State> state) : state_(std::move(state)) {}
ChunkStore::~ChunkStore() = default;

StatusOr<std::unique_ptr<ChunkStore>> ChunkStore::OpenForWriting(
    const std::filesystem::path& corpus) {
  std::error_code error;
  std::filesystem::create_directories(corpus, error);
  if (error) {
    return ErrnoError("cannot create the folder \"" + corpus.string() + "\"", error.value());
  }
  auto state = std::make_unique<State>();
  state->corpus = corpus;
  state->folder = corpus / "db";
  state->writing = true;
  const std::filesystem::path writer_file = corpus / "WRITER";
  const rocksdb::Status opened = state->Open();
  if (IsLockConflict(opened)) {
    StatusOr<std::string> who = ReadFile(writer_file, 4096);
    return AbortedError(
        "the corpus \"" + corpus.filename().string() + "\" is being written by another process (" +
        (who.ok() ? *who : std::string("unknown")) + "); wait until it ends, or end it");
  }
  FOOTNOTE_RETURN_IF_ERROR(FromRocks(opened, state->folder));
  FOOTNOTE_RETURN_IF_ERROR(WriteFileAtomically(
      writer_file, "pid " + std::to_string(::getpid()) + ", since " + UtcNow()));
  return std::unique_ptr<ChunkStore>(new ChunkStore(std::move(state)));
}

StatusOr<std::unique_ptr<ChunkStore>> ChunkStore::OpenForReading(
    const std::filesystem::path& corpus) {
  auto state = std::make_unique<State>();
  state->corpus = corpus;
  state->folder = corpus / "db";
  // While it opens, the writer may delete a file that the list just read still names, or a log
  // whose rows are in a file that was not in the list yet. Opening again mends that; a file that
  // stays missing is damage.
  constexpr int kTries = 40;
  rocksdb::Status opened;
  for (int i = 0; i < kTries; ++i) {
    const std::string before = ListingOf(state->folder);
    opened = state->Open();
    state->listing = ListingOf(state->folder);
    if (state->listing == before) {
      if (opened.ok()) return std::unique_ptr<ChunkStore>(new ChunkStore(std::move(state)));
      if (opened.IsCorruption()) break;
    }
    state->Close();
    std::this_thread::sleep_for(std::chrono::milliseconds(5 * (i + 1)));
  }
  FOOTNOTE_RETURN_IF_ERROR(FromRocks(opened, state->folder));
  return UnavailableError("the tables in \"" + state->folder.string() +
                          "\" changed each time they were opened: try again");
}

StatusOr<std::optional<std::string>> ChunkStore::Get(Table table, std::string_view key) const {
  std::string value;
  const rocksdb::Status got =
      state_->db->Get(rocksdb::ReadOptions(), state_->handle(table), ToSlice(key), &value);
  if (got.IsNotFound()) return std::optional<std::string>();
  FOOTNOTE_RETURN_IF_ERROR(FromRocks(got, state_->folder));
  return std::optional<std::string>(std::move(value));
}

ChunkStore::Cursor ChunkStore::Scan(Table table) const {
  auto state = std::make_unique<Cursor::State>();
  state->iterator.reset(state_->db->NewIterator(rocksdb::ReadOptions(), state_->handle(table)));
  state->folder = state_->folder;
  return Cursor(std::move(state));
}

ChunkStore::Batch ChunkStore::NewBatch() {
  auto state = std::make_unique<Batch::State>();
  state->store = state_.get();
  return Batch(std::move(state));
}

Status ChunkStore::Write(Batch&& batch, bool sync) {
  FOOTNOTE_RETURN_IF_ERROR(FromRocks(batch.state_->status, state_->folder));
  rocksdb::WriteOptions options;
  options.sync = sync;
  return FromRocks(state_->db->Write(options, &batch.state_->batch), state_->folder);
}

StatusOr<bool> ChunkStore::CatchUp() {
  if (ListingOf(state_->folder) != state_->listing) return false;
  const rocksdb::Status caught = state_->db->TryCatchUpWithPrimary();
  // A log may have been deleted between our listing and our opening it.
  if (ListingOf(state_->folder) != state_->listing) return false;
  FOOTNOTE_RETURN_IF_ERROR(FromRocks(caught, state_->folder));
  return true;
}

Status ChunkStore::Purge() {
  rocksdb::FlushOptions flush;
  FOOTNOTE_RETURN_IF_ERROR(FromRocks(state_->db->Flush(flush, state_->handles), state_->folder));
  rocksdb::CompactRangeOptions compact;
  compact.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
  for (auto* handle : state_->handles) {
    FOOTNOTE_RETURN_IF_ERROR(
        FromRocks(state_->db->CompactRange(compact, handle, nullptr, nullptr), state_->folder));
  }
  // The list of files (MANIFEST) still tells the smallest and largest key of the old ones, and the
  // log still holds the old rows: opening again begins new ones and deletes those.
  state_->Close();
  return FromRocks(state_->Open(), state_->folder);
}

Status ChunkStore::VerifyFiles() const {
  return FromRocks(state_->db->VerifyChecksum(), state_->folder);
}

}  // namespace footnote::retriever
