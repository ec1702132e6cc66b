// Archives and compressed files (zip, tar, 7z, gzip, xz, …): each file inside is a document of its
// own, "manuals.zip/pump.pdf"; a compressed file is the one it holds, "pump.1" for "pump.1.gz".
//
// A bomb is told by how much more comes out than went in. A file that cannot be read is a failure
// of its own; the rest goes on.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <utility>

#include "indexer/parsers/archive.h"
#include "indexer/parsers/parser.h"

namespace footnote::indexer {
namespace {

namespace fs = std::filesystem;

constexpr int kDeepest = 4;  // archives in archives
constexpr uint64_t kHighestRatio = 200;
constexpr uint64_t kAlwaysAllowed = uint64_t{64} << 20;
constexpr uint64_t kMostUnpacked = uint64_t{64} << 30;
constexpr size_t kHeadBytes = 16 << 10;

// Where one entry waits for its parser; emptied for the next. Has no name, so that nothing is left
// behind however the program ends.
class WaitingPlace {
 public:
  static StatusOr<WaitingPlace> Make() {
    std::string name = (fs::temp_directory_path() / "footnote-unpack-XXXXXX").string();
    const int file = mkostemp(name.data(), O_CLOEXEC);
    if (file < 0) return ErrnoError("cannot make a file to unpack into, \"" + name + "\"", errno);
    unlink(name.c_str());
    return WaitingPlace(file);
  }
  WaitingPlace(WaitingPlace&& other) noexcept : file_(std::exchange(other.file_, -1)) {}
  WaitingPlace& operator=(WaitingPlace&&) = delete;
  ~WaitingPlace() {
    if (file_ >= 0) close(file_);
  }

  Status Empty() {
    if (ftruncate(file_, 0) != 0 || lseek(file_, 0, SEEK_SET) != 0) return Failed();
    return OkStatus();
  }
  Status Append(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t wrote = write(file_, bytes.data(), bytes.size());
      if (wrote < 0 && errno == EINTR) continue;
      if (wrote < 0) return Failed();
      bytes.remove_prefix(static_cast<size_t>(wrote));
    }
    return OkStatus();
  }
  fs::path path() const { return "/proc/self/fd/" + std::to_string(file_); }

 private:
  explicit WaitingPlace(int file) : file_(file) {}
  static Status Failed() {
    return ErrnoError("cannot unpack into " + fs::temp_directory_path().string(), errno);
  }
  int file_;
};

// Documents of one entry: they come from inside the archive, and progress is the archive's.
class EntrySink : public DocumentSink {
 public:
  EntrySink(DocumentSink& outer, std::string source, uint64_t bytes_read)
      : outer_(outer), source_(std::move(source)), bytes_read_(bytes_read) {}

  Status Add(ParsedDocument document) override {
    document.source = source_;
    document.source_bytes_end = std::max<uint64_t>(bytes_read_, 1);
    status_ = outer_.Add(std::move(document));
    return status_;
  }
  void Fail(const std::string&, const std::string& id, const Status& error) override {
    outer_.Fail(source_, id, error);
  }

  // The run's error, if there was one.
  const Status& status() const { return status_; }

 private:
  DocumentSink& outer_;
  const std::string source_;
  const uint64_t bytes_read_;
  Status status_;
};

// Files that systems leave in archives, and hidden ones, as in folders.
bool IsLeftOut(std::string_view name) {
  if (name.starts_with("__MACOSX/")) return true;
  return name.starts_with('.') || name.find("/.") != std::string_view::npos;
}

// gzip, bzip2, xz or zstd: one file, or a tar of many, which shows when it is unpacked.
bool IsCompressed(const SourceFile& file) {
  for (const std::string_view mark : {"\x1F\x8B", "BZh",
                                      "\xFD"
                                      "7zXZ",
                                      "\x28\xB5\x2F\xFD"}) {
    if (file.head.starts_with(mark)) return true;
  }
  return false;
}

// RESOURCE_EXHAUSTED above a document's limit; the rest is read all the same, since it has to be
// unpacked to get at the next entry, and counts.
StatusOr<SourceFile> Unpack(ArchiveReader& archive, const SizeLimit& limit, WaitingPlace& place) {
  SourceFile file;
  file.path = place.path();
  file.limit = limit;
  FOOTNOTE_RETURN_IF_ERROR(place.Empty());
  FOOTNOTE_RETURN_IF_ERROR(archive.Read([&](std::string_view bytes) -> Status {
    file.size += bytes.size();
    if (file.size > limit.bytes) return OkStatus();
    if (file.head.size() < kHeadBytes) {
      file.head += bytes.substr(0, kHeadBytes - file.head.size());
    }
    return place.Append(bytes);
  }));
  if (file.size > limit.bytes) return TooLargeError("what it unpacks to", limit);
  return file;
}

class ContainerParser : public Parser {
 public:
  bool Accepts(const SourceFile& file) const override {
    const std::string_view head = file.head;
    return head.starts_with("PK\x03\x04") || head.starts_with("7z\xBC\xAF\x27\x1C") ||
           IsCompressed(file) || (head.size() > 262 && head.substr(257, 5) == "ustar");
  }

  Status Parse(const SourceFile& file, DocumentSink& sink) const override {
    if (file.archives_around >= kDeepest) {
      return InvalidArgumentError("archives are packed into each other more than " +
                                  std::to_string(kDeepest) + " deep: unpack them");
    }
    // Archives inside share what the outermost may unpack to.
    std::shared_ptr<uint64_t> budget = file.unpack_budget;
    if (budget == nullptr) {
      budget = std::make_shared<uint64_t>(
          std::min(std::max(file.size * kHighestRatio, kAlwaysAllowed), kMostUnpacked));
    }
    FOOTNOTE_ASSIGN_OR_RETURN(const std::unique_ptr<ArchiveReader> archive,
                              ArchiveReader::Open(file.path, *budget));
    FOOTNOTE_ASSIGN_OR_RETURN(WaitingPlace place, WaitingPlace::Make());
    bool any = false;
    for (;;) {
      const StatusOr<std::optional<ArchiveEntry>> entry = archive->Next();
      if (!entry.ok()) {
        if (!any) return entry.status();
        // What is behind the fault is not known: nothing of it may count as withdrawn.
        sink.Fail(file.path.string(), "", entry.status());
        return OkStatus();
      }
      if (!*entry) break;
      any = true;
      if (IsLeftOut((*entry)->name)) continue;
      FOOTNOTE_RETURN_IF_ERROR(ParseEntry(file, **entry, budget, place, *archive, sink));
      if (*budget == 0) {
        sink.Fail(file.path.string(), "",
                  ResourceExhaustedError("the archive unpacks to far more than it holds, as a bomb "
                                         "does; if it is none, unpack it and index the folder"));
        return OkStatus();
      }
    }
    if (!any) return InvalidArgumentError("the archive is empty");
    return OkStatus();
  }

 private:
  // Errors: the run's.
  static Status ParseEntry(const SourceFile& file, const ArchiveEntry& entry,
                           const std::shared_ptr<uint64_t>& budget, WaitingPlace& place,
                           ArchiveReader& archive, DocumentSink& sink) {
    const std::string id =
        entry.is_whole ? file.relative_path.substr(
                             0, file.relative_path.size() -
                                    fs::path(file.relative_path).extension().string().size())
                       : file.relative_path + "/" + entry.name;
    const std::string source =
        entry.is_whole ? file.path.string() : file.path.string() + "/" + entry.name;
    Status status;
    EntrySink entry_sink(sink, source, archive.bytes_read());
    if (entry.is_encrypted) {
      status = InvalidArgumentError("it is protected by a password: unpack it");
    } else if (StatusOr<SourceFile> inner = Unpack(archive, file.limit, place); !inner.ok()) {
      status = inner.status();
    } else {
      inner->relative_path = id;
      inner->archives_around = file.archives_around + 1;
      inner->unpack_budget = budget;
      const StatusOr<const Parser*> parser = FindParser(*inner);
      status = parser.ok() ? (*parser)->Parse(*inner, entry_sink) : parser.status();
      FOOTNOTE_RETURN_IF_ERROR(entry_sink.status());
    }
    if (!status.ok()) sink.Fail(source, id, status);
    return OkStatus();
  }
};

}  // namespace

std::unique_ptr<Parser> MakeContainerParser() { return std::make_unique<ContainerParser>(); }

}  // namespace footnote::indexer
