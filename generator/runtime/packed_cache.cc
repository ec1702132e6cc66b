#include "generator/runtime/packed_cache.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
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

StatusOr<kernels::PackedMemory> MapFile(int descriptor, size_t bytes, bool writable,
                                        const fs::path& path) {
  const size_t whole = kHeaderBytes + bytes;
  void* data = ::mmap(nullptr, whole, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED,
                      descriptor, 0);
  if (data == MAP_FAILED) return FileError("cannot map", path, errno);
  return kernels::PackedMemory{
      static_cast<uint8_t*>(data) + kHeaderBytes,
      std::shared_ptr<void>(data, [whole](void* p) { ::munmap(p, whole); }), !writable};
}

}  // namespace

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
  return OkStatus();
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
