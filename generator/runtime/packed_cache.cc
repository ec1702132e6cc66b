#include "generator/runtime/packed_cache.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

namespace footnote::generator {
namespace {

namespace fs = std::filesystem;

// The file: a page with the header, then the packed bytes. Raised when panels change.
constexpr char kMagic[8] = {'F', 'N', 'P', 'A', 'C', 'K', '0', '3'};
constexpr size_t kHeaderBytes = 4096;

struct Header {
  char magic[8];
  uint64_t bytes;
  uint64_t identity_bytes;
};

uint64_t Hash(std::string_view text) {  // FNV-1a
  uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return hash;
}

std::string Hex(uint64_t value) {
  std::string text(16, '0');
  for (size_t i = 0; i < 16; ++i) text[15 - i] = "0123456789abcdef"[value >> (4 * i) & 15];
  return text;
}

Status FileError(const std::string& what, const fs::path& path, int error) {
  const std::string message = what + " " + path.string() + ": " + std::strerror(error);
  if (error == ENOSPC || error == EDQUOT || error == ENOMEM) return ResourceExhaustedError(message);
  if (error == ENOENT) return NotFoundError(message);
  return PermissionDeniedError(message);
}

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return number_; }
  int release() { return std::exchange(number_, -1); }

 private:
  int number_;
};

// Whether a line of FilesIdentity is still true.
bool IsCurrent(std::string_view line) {
  const size_t time = line.rfind(' ');
  const size_t size = time == std::string_view::npos ? time : line.rfind(' ', time - 1);
  if (size == std::string_view::npos) return false;
  return FilesIdentity({fs::path(line.substr(0, size))}) == std::string(line) + "\n";
}

// Whether a file in a cache's folder was written by an older version, or for model files that are
// gone or changed. What is no packed file is not.
bool IsStale(const fs::path& path) {
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  char page[kHeaderBytes];
  if (file.get() < 0 ||
      ::pread(file.get(), page, sizeof page, 0) != static_cast<ssize_t>(sizeof page))
    return false;
  Header header;
  std::memcpy(&header, page, sizeof header);
  constexpr size_t kName = sizeof kMagic - 2;  // without the version
  if (std::memcmp(header.magic, kMagic, kName) != 0) return false;
  if (std::memcmp(header.magic, kMagic, sizeof kMagic) != 0) return true;
  if (header.identity_bytes > sizeof page - sizeof header) return true;
  std::string_view identity(page + sizeof header, header.identity_bytes);
  // The last line, instruction set and precision, has no end.
  for (size_t end; (end = identity.find('\n')) != std::string_view::npos;
       identity.remove_prefix(end + 1)) {
    if (!IsCurrent(identity.substr(0, end))) return true;
  }
  return false;
}

StatusOr<kernels::PackedMemory> MapFile(int descriptor, size_t bytes, bool writable,
                                        const fs::path& path) {
  const size_t whole = kHeaderBytes + bytes;
  void* data = ::mmap(nullptr, whole, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED,
                      descriptor, 0);
  if (data == MAP_FAILED) return FileError("cannot map", path, errno);
  return kernels::PackedMemory{
      static_cast<uint8_t*>(data) + kHeaderBytes,
      std::shared_ptr<void>(data, [whole](void* p) { ::munmap(p, whole); }), !writable, true};
}

}  // namespace

PackedCachePlace FindPackedCache(const fs::path& chosen) {
  if (!chosen.empty()) return {chosen, 0};
  if (const char* folder = std::getenv("FOOTNOTE_PACKED_CACHE"); folder != nullptr) {
    return {std::string_view(folder) == "off" ? fs::path() : fs::path(folder), 0};
  }
  const char* cache = std::getenv("FOOTNOTE_CACHE");
  if (cache != nullptr && *cache != 0) return {fs::path(cache) / "packed", kWorthKeepingBytes};
  const char* home = std::getenv("HOME");
  if (home == nullptr || *home == 0) return {};
  return {fs::path(home) / ".cache" / "footnote" / "packed", kWorthKeepingBytes};
}

PackedCache::PackedCache(fs::path folder, std::string name, std::string identity)
    : folder_(std::move(folder)), identity_(std::move(identity)) {
  path_ = folder_ / (name + "-" + Hex(Hash(identity_)) + ".packed");
  temporary_ = path_;
  temporary_ += ".new";
}

PackedCache::~PackedCache() {
  if (descriptor_ < 0) return;
  ::unlink(temporary_.c_str());  // never published
  ::close(descriptor_);
}

StatusOr<kernels::PackedMemory> PackedCache::MapExisting(size_t bytes) const {
  Descriptor file(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return FileError("cannot open", path_, errno);
  char page[kHeaderBytes];
  struct stat info = {};
  if (::pread(file.get(), page, sizeof page, 0) != static_cast<ssize_t>(sizeof page) ||
      ::fstat(file.get(), &info) != 0) {
    return DataLossError(path_.string() + " is too short");
  }
  Header header;
  std::memcpy(&header, page, sizeof header);
  const bool same = std::memcmp(header.magic, kMagic, sizeof kMagic) == 0 &&
                    header.bytes == bytes && header.identity_bytes == identity_.size() &&
                    std::memcmp(page + sizeof header, identity_.data(), identity_.size()) == 0;
  if (!same || static_cast<uint64_t>(info.st_size) != kHeaderBytes + bytes) {
    return DataLossError(path_.string() + " belongs to something else, or is damaged");
  }
  return MapFile(file.get(), bytes, false, path_);
}

StatusOr<kernels::PackedMemory> PackedCache::Map(size_t bytes) {
  if (identity_.size() > kHeaderBytes - sizeof(Header)) {
    return InvalidArgumentError("the identity of the model's files is too long to be cached");
  }
  StatusOr<kernels::PackedMemory> existing = MapExisting(bytes);
  if (existing.ok()) return existing;
  std::error_code error;
  fs::create_directories(folder_, error);
  if (error) return FileError("cannot make", folder_, error.value());
  const fs::space_info space = fs::space(folder_, error);
  if (!error && space.available / 2 < bytes) {
    return ResourceExhaustedError(folder_.string() + " has " + std::to_string(space.available) +
                                  " bytes left, less than twice the " + std::to_string(bytes) +
                                  " of the packed weights; free some, or choose another folder "
                                  "with FOOTNOTE_PACKED_CACHE (off: none)");
  }
  Descriptor file(::open(temporary_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (file.get() < 0) return FileError("cannot write", temporary_, errno);
  if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    return FailedPreconditionError("another process is writing " + temporary_.string());
  }
  // Blocks are reserved now: a full disk is an error here, not a SIGBUS later.
  const auto whole = static_cast<off_t>(kHeaderBytes + bytes);
  int failed = ::ftruncate(file.get(), 0) != 0 ? errno : 0;
  if (failed == 0) failed = ::posix_fallocate(file.get(), 0, whole);
  if (failed != 0) {
    ::unlink(temporary_.c_str());
    return FileError("cannot reserve " + std::to_string(whole) + " bytes for", temporary_, failed);
  }
  StatusOr<kernels::PackedMemory> memory = MapFile(file.get(), bytes, true, temporary_);
  if (!memory.ok()) {
    ::unlink(temporary_.c_str());
    return memory;
  }
  auto* page = memory->data - kHeaderBytes;
  Header header = {};
  std::memcpy(header.magic, kMagic, sizeof kMagic);
  header.bytes = bytes;
  header.identity_bytes = identity_.size();
  std::memcpy(page, &header, sizeof header);
  std::memcpy(page + sizeof header, identity_.data(), identity_.size());
  descriptor_ = file.release();
  return memory;
}

Status PackedCache::Publish() {
  if (descriptor_ < 0) return OkStatus();
  const Descriptor file(std::exchange(descriptor_, -1));
  // Synced first: after a crash of the machine a name must not stand for half a file.
  if (::fsync(file.get()) != 0 || ::rename(temporary_.c_str(), path_.c_str()) != 0) {
    const int error = errno;
    ::unlink(temporary_.c_str());
    return FileError("cannot finish", path_, error);
  }
  RemoveStale();
  return OkStatus();
}

void PackedCache::RemoveStale() const {
  std::error_code error;
  for (fs::directory_iterator entry(folder_, error), end; !error && entry != end;
       entry.increment(error)) {
    const fs::path& path = entry->path();
    if (path.extension() == ".packed" && path != path_ && IsStale(path)) ::unlink(path.c_str());
  }
}

std::string FilesIdentity(const std::vector<fs::path>& files) {
  std::string identity;
  for (const fs::path& file : files) {
    struct stat info = {};
    ::stat(file.c_str(), &info);
    std::error_code error;
    const fs::path whole = fs::weakly_canonical(file, error);
    identity += (error ? file : whole).string() + " " + std::to_string(info.st_size) + " " +
                std::to_string(info.st_mtim.tv_sec) + "." + std::to_string(info.st_mtim.tv_nsec) +
                "\n";
  }
  return identity;
}

}  // namespace footnote::generator
