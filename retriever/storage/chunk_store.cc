#include "retriever/storage/chunk_store.h"

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "common/file.h"

namespace footnote::retriever {
namespace {

constexpr std::array<const char*, kTables> kTableNames = {"state",   "documents", "texts", "chunks",
                                                          "vectors", "postings",  "staged"};

// Staged documents and rows pass through here; small, since a reader replays what is not flushed.
constexpr size_t kWriteBufferBytes = size_t{16} << 20;
constexpr size_t kLeastWriteBufferBytes = size_t{2} << 20;

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

// RocksDB's own list of files comes first, our tables come into it afterwards.
bool LacksTables(const rocksdb::Status& status) {
  return status.IsInvalidArgument() &&
         status.ToString().find("Column family not found") != std::string::npos;
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
  return UnavailableError(what + "; check the disk and run the command again");
}

rocksdb::Slice ToSlice(std::string_view bytes) { return {bytes.data(), bytes.size()}; }

// In names of RocksDB's files: 12 in "MANIFEST-000012" and "000012.log"; 0 when there is none.
uint64_t NumberIn(const std::string& name) {
  const size_t digit = name.find_first_of("0123456789");
  return digit == std::string::npos ? 0 : std::strtoull(name.c_str() + digit, nullptr, 10);
}

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

Status NoGenerationError(const std::string& corpus) {
  return FailedPreconditionError("the corpus \"" + corpus +
                                 "\" has no generation yet: wait until `footnote index` has "
                                 "published one, or run it again");
}

struct ChunkStore::State {
  std::filesystem::path corpus;
  std::filesystem::path folder;  // RocksDB's
  bool writing = false;
  std::string listing;  // a reader's: of what it has seen
  StoreMemory memory;
  std::shared_ptr<rocksdb::Cache> cache;
  std::vector<rocksdb::ColumnFamilyHandle*> handles;  // the default family's is the last
  rocksdb::DB* db = nullptr;
  mutable std::mutex mutex;     // guards what follows
  rocksdb::Status write_error;  // the first since they were opened

  ~State() { Close(); }

  void Close() {
    if (db == nullptr) return;
    for (auto* handle : handles) db->DestroyColumnFamilyHandle(handle).PermitUncheckedError();
    handles.clear();
    db->Close().PermitUncheckedError();
    delete db;
    db = nullptr;
    const std::lock_guard lock(mutex);
    write_error = rocksdb::Status::OK();
  }

  rocksdb::ColumnFamilyHandle* handle(Table table) const {
    return handles[static_cast<size_t>(table)];
  }

  // create: make the tables that are missing.
  rocksdb::Status Open(bool create) {
    rocksdb::DBOptions options;
    options.create_if_missing = create;
    options.create_missing_column_families = create;
    options.max_open_files = -1;  // a secondary keeps deleted files readable by holding them open
    options.max_background_jobs = 2;
    // RocksDB starts so many for each table at each opening, were there nothing to open.
    options.max_file_opening_threads = 1;
    options.info_log = std::make_shared<SilentLogger>();
    options.keep_log_file_num = 1;
    size_t write_buffer_bytes = kWriteBufferBytes;
    if (memory.write_buffer_bytes != 0) {
      // Publishing fills those of four tables at once.
      options.db_write_buffer_size = memory.write_buffer_bytes;
      write_buffer_bytes = std::clamp<size_t>(memory.write_buffer_bytes / 4, kLeastWriteBufferBytes,
                                              kWriteBufferBytes);
    }
    options.max_total_wal_size = 4 * write_buffer_bytes;
    // After an error nothing is written until the tables are opened again, which looks at what is
    // there; a writer whose caller was told that a call failed must not go on behind its back.
    options.max_bgerror_resume_count = 0;
    options.stats_dump_period_sec = 0;
    options.stats_persist_period_sec = 0;
    rocksdb::ColumnFamilyOptions family;
    family.write_buffer_size = write_buffer_bytes;
    family.compression = rocksdb::kLZ4Compression;
    rocksdb::BlockBasedTableOptions blocks;
    if (cache == nullptr) cache = rocksdb::NewLRUCache(memory.block_cache_bytes);
    blocks.block_cache = cache;
    // Otherwise the indexes of all files are in memory beside the cache.
    blocks.cache_index_and_filter_blocks = memory.write_buffer_bytes != 0;
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

  // A loss of power can leave a log whose end is torn. Nothing of that end was acknowledged, but a
  // reader refuses it; a writer's opening cuts it off. False when there is a writer, or something
  // else is damaged.
  static bool MendLog(const std::filesystem::path& folder) {
    State writer;
    writer.folder = folder;
    writer.writing = true;
    return writer.Open(/*create=*/false).ok() && writer.RemoveOldFiles().ok();
  }

  // Just opened: removes what an earlier opening wrote and this one does not use. RocksDB does that
  // too, but keeps some empty, recovered or torn logs for later, and says nothing when it fails.
  Status RemoveOldFiles() const {
    std::vector<std::string> live;  // "/000012.sst"
    uint64_t manifest_bytes = 0;
    std::unique_ptr<rocksdb::LogFile> log;
    rocksdb::Status status = db->GetLiveFiles(live, &manifest_bytes, /*flush_memtable=*/false);
    if (status.ok()) status = db->GetCurrentWalFile(&log);
    FOOTNOTE_RETURN_IF_ERROR(FromRocks(status, folder));
    uint64_t manifest = 0;
    for (const std::string& name : live) {
      if (name.find("MANIFEST") != std::string::npos) manifest = NumberIn(name);
    }
    std::vector<std::filesystem::path> old;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
      const std::string name = entry.path().filename().string();
      // What is newer, a compaction may be writing.
      const uint64_t number = NumberIn(name);
      const bool used = std::any_of(live.begin(), live.end(), [&](const std::string& path) {
        return path.compare(1, std::string::npos, name) == 0;
      });
      if (number != 0 && number < manifest && number != log->LogNumber() && !used) {
        old.push_back(entry.path());
      }
    }
    if (error) return ErrnoError("cannot list \"" + folder.string() + "\"", error.value());
    for (const auto& path : old) FOOTNOTE_RETURN_IF_ERROR(RemoveFile(path));
    return OkStatus();
  }

  // What calls get after a Purge that could not open the tables again.
  rocksdb::Status Closed() const {
    return rocksdb::Status::IOError("the tables were closed after an error", folder.string());
  }

  // What writes get: the error of one that failed. After it, RocksDB 7.8 may give the next the same
  // sequence numbers,
  // and aborts where the rows of both meet in memory: nothing is written until the tables are
  // opened anew, which looks at what reached the log. Readers of this process go on.
  rocksdb::Status Writable() const {
    if (db == nullptr) return Closed();
    const std::lock_guard lock(mutex);
    return write_error;
  }

  void KeepWriteError(const rocksdb::Status& status) {
    const std::lock_guard lock(mutex);
    if (write_error.ok()) write_error = status;
  }
};

struct ChunkStore::Batch::State {
  const ChunkStore::State* store;
  rocksdb::WriteBatch batch;
  rocksdb::Status status;

  void Keep(rocksdb::Status s) {
    if (status.ok()) status = std::move(s);
  }

  bool Usable() {
    if (store->db == nullptr) Keep(store->Closed());
    return store->db != nullptr;
  }
};

ChunkStore::Batch::Batch(std::unique_ptr<State> state) : state_(std::move(state)) {}
ChunkStore::Batch::Batch(Batch&&) noexcept = default;
ChunkStore::Batch& ChunkStore::Batch::operator=(Batch&&) noexcept = default;
ChunkStore::Batch::~Batch() = default;

void ChunkStore::Batch::Put(Table table, std::string_view key, std::string_view value) {
  if (!state_->Usable()) return;
  state_->Keep(state_->batch.Put(state_->store->handle(table), ToSlice(key), ToSlice(value)));
}

void ChunkStore::Batch::Delete(Table table, std::string_view key) {
  if (!state_->Usable()) return;
  state_->Keep(state_->batch.Delete(state_->store->handle(table), ToSlice(key)));
}

void ChunkStore::Batch::DeleteRange(Table table, std::string_view begin, std::string_view end) {
  if (!state_->Usable()) return;
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
    const std::filesystem::path& corpus, const StoreMemory& memory) {
  FOOTNOTE_RETURN_IF_ERROR(CreateFolders(corpus));
  auto state = std::make_unique<State>();
  state->memory = memory;
  state->corpus = corpus;
  state->folder = corpus / "db";
  state->writing = true;
  const std::filesystem::path writer_file = corpus / "WRITER";
  const rocksdb::Status opened = state->Open(/*create=*/true);
  if (IsLockConflict(opened)) {
    StatusOr<std::string> who = ReadFile(writer_file, 4096);
    return AbortedError(
        "the corpus \"" + corpus.filename().string() + "\" is being written by another process (" +
        (who.ok() ? *who : std::string("unknown")) + "); wait until it ends, or end it");
  }
  FOOTNOTE_RETURN_IF_ERROR(FromRocks(opened, state->folder));
  RemoveTemporaryFiles(corpus);
  state->RemoveOldFiles().IgnoreError();
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
  bool mended = false;
  for (int i = 0; i < kTries; ++i) {
    const std::string before = ListingOf(state->folder);
    opened = state->Open(/*create=*/false);
    state->listing = ListingOf(state->folder);
    if (state->listing == before) {
      if (opened.ok()) return std::unique_ptr<ChunkStore>(new ChunkStore(std::move(state)));
      if (opened.IsCorruption()) {
        if (mended || !State::MendLog(state->folder)) break;
        mended = true;
      }
      if (LacksTables(opened)) {
        return NoGenerationError(corpus.filename().string());
      }
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
      state_->db == nullptr
          ? state_->Closed()
          : state_->db->Get(rocksdb::ReadOptions(), state_->handle(table), ToSlice(key), &value);
  if (got.IsNotFound()) return std::optional<std::string>();
  FOOTNOTE_RETURN_IF_ERROR(FromRocks(got, state_->folder));
  return std::optional<std::string>(std::move(value));
}

ChunkStore::Cursor ChunkStore::Scan(Table table) const {
  auto state = std::make_unique<Cursor::State>();
  state->iterator.reset(state_->db == nullptr ? rocksdb::NewErrorIterator(state_->Closed())
                                              : state_->db->NewIterator(rocksdb::ReadOptions(),
                                                                        state_->handle(table)));
  state->folder = state_->folder;
  return Cursor(std::move(state));
}

ChunkStore::Batch ChunkStore::NewBatch() {
  auto state = std::make_unique<Batch::State>();
  state->store = state_.get();
  return Batch(std::move(state));
}

Status ChunkStore::Write(Batch&& batch, bool sync) {
  FOOTNOTE_RETURN_IF_ERROR(FromRocks(state_->Writable(), state_->folder));
  FOOTNOTE_RETURN_IF_ERROR(FromRocks(batch.state_->status, state_->folder));
  rocksdb::WriteOptions options;
  options.sync = sync;
  const rocksdb::Status written = state_->db->Write(options, &batch.state_->batch);
  if (!written.ok()) state_->KeepWriteError(written);
  return FromRocks(written, state_->folder);
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
  FOOTNOTE_RETURN_IF_ERROR(FromRocks(state_->Writable(), state_->folder));
  rocksdb::FlushOptions flush;
  if (const rocksdb::Status flushed = state_->db->Flush(flush, state_->handles); !flushed.ok()) {
    // RocksDB 7.8 aborts when ranges were deleted and a flush of them that failed is tried again.
    state_->Close();
    return FromRocks(flushed, state_->folder);
  }
  rocksdb::CompactRangeOptions compact;
  compact.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
  for (auto* handle : state_->handles) {
    FOOTNOTE_RETURN_IF_ERROR(
        FromRocks(state_->db->CompactRange(compact, handle, nullptr, nullptr), state_->folder));
  }
  // The list of files (MANIFEST) still tells the smallest and largest key of the old ones, and the
  // log still holds the old rows: opening again begins new ones and deletes those.
  state_->Close();
  FOOTNOTE_RETURN_IF_ERROR(FromRocks(state_->Open(/*create=*/false), state_->folder));
  FOOTNOTE_RETURN_IF_ERROR(state_->RemoveOldFiles());
  // Or a loss of power would bring deleted files back.
  return SyncFolder(state_->folder);
}

Status ChunkStore::VerifyFiles() const {
  return FromRocks(state_->db->VerifyChecksum(), state_->folder);
}

}  // namespace footnote::retriever
