#include "common/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <functional>
#include <utility>
#include <vector>

namespace footnote {
namespace {

// In the names of AtomicFile's temporary files.
constexpr char kTemporaryPart[] = ".tmp.";

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;

  int get() const { return fd_; }

 private:
  int fd_;
};

struct OpenedFile {
  Descriptor descriptor;
  size_t size = 0;
};

std::string Quoted(const std::filesystem::path& path) {
  std::string quoted = "\"";  // not "…" + …, of which gcc 12 warns without reason
  quoted += path.string();
  quoted += '"';
  return quoted;
}

std::filesystem::path FolderOf(const std::filesystem::path& path) {
  const std::filesystem::path folder = path.parent_path();
  return folder.empty() ? std::filesystem::path(".") : folder;
}

StatusOr<OpenedFile> OpenForReading(const std::filesystem::path& path) {
  Descriptor descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (descriptor.get() < 0) return ErrnoError("cannot open " + Quoted(path), errno);
  struct stat info {};
  if (::fstat(descriptor.get(), &info) != 0) {
    return ErrnoError("cannot examine " + Quoted(path), errno);
  }
  if (S_ISDIR(info.st_mode)) {
    return InvalidArgumentError(Quoted(path) + " is a folder where a file is expected");
  }
  if (!S_ISREG(info.st_mode)) {
    return InvalidArgumentError(Quoted(path) + " is not a regular file");
  }
  return OpenedFile{std::move(descriptor), static_cast<size_t>(info.st_size)};
}

// Of what a disk refused, with the remedy.
Status WriteError(const std::string& what, int error_number) {
  const Status status = ErrnoError(what, error_number);
  std::string message = status.message();
  message += status.code() == StatusCode::kResourceExhausted
                 ? "; free disk space and run the command again"
                 : "; check the disk and run the command again";
  return {status.code(), std::move(message)};
}

Status WriteAll(int fd, std::string_view contents, const std::filesystem::path& path) {
  while (!contents.empty()) {
    const ssize_t written = ::write(fd, contents.data(), contents.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      return WriteError("cannot write " + Quoted(path), errno);
    }
    contents.remove_prefix(static_cast<size_t>(written));
  }
  return OkStatus();
}

}  // namespace

StatusOr<MappedFile> MappedFile::Open(const std::filesystem::path& path) {
  FOOTNOTE_ASSIGN_OR_RETURN(OpenedFile file, OpenForReading(path));
  if (file.size == 0) return InvalidArgumentError(Quoted(path) + " is empty");
  void* data = ::mmap(nullptr, file.size, PROT_READ, MAP_SHARED, file.descriptor.get(), 0);
  if (data == MAP_FAILED) return ErrnoError("cannot map " + Quoted(path), errno);
  return MappedFile(static_cast<const std::byte*>(data), file.size, path);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      path_(std::move(other.path_)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(path_, other.path_);
  return *this;
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}

void MappedFile::DropResidentPages(std::span<const std::byte> part) const {
  const std::byte* begin = std::max(part.data(), data_, std::less<>());
  const std::byte* end = std::min(part.data() + part.size(), data_ + size_, std::less<>());
  if (!std::less<>()(begin, end)) return;
  // To the start of its page; the mapping begins with one.
  begin -= static_cast<size_t>(begin - data_) % static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  ::madvise(const_cast<std::byte*>(begin), static_cast<size_t>(end - begin), MADV_DONTNEED);
}

StatusOr<std::string> ReadFile(const std::filesystem::path& path, size_t max_bytes) {
  FOOTNOTE_ASSIGN_OR_RETURN(OpenedFile file, OpenForReading(path));
  const auto too_large = [&] {
    return ResourceExhaustedError(Quoted(path) + " is larger than the " +
                                  std::to_string(max_bytes) + " bytes allowed here");
  };
  if (file.size > max_bytes) return too_large();
  std::string contents;
  contents.resize(file.size);
  size_t length = 0;
  // Files of /proc say size 0, and a file may grow while it is read: read until the end.
  for (;;) {
    if (length == contents.size()) {
      if (length > max_bytes) return too_large();
      contents.resize(length + std::min<size_t>(std::max<size_t>(length / 2, 4096), 1 << 24));
    }
    const ssize_t got =
        ::read(file.descriptor.get(), contents.data() + length, contents.size() - length);
    if (got < 0) {
      if (errno == EINTR) continue;
      return ErrnoError("cannot read " + Quoted(path), errno);
    }
    if (got == 0) break;
    length += static_cast<size_t>(got);
  }
  if (length > max_bytes) return too_large();
  contents.resize(length);
  return contents;
}

Status SyncFolder(const std::filesystem::path& folder) {
  Descriptor descriptor(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (descriptor.get() < 0) return ErrnoError("cannot open folder " + Quoted(folder), errno);
  // Some file systems cannot sync a folder and say EINVAL; they order renames themselves.
  if (::fsync(descriptor.get()) != 0 && errno != EINVAL) {
    return WriteError("cannot sync folder " + Quoted(folder), errno);
  }
  return OkStatus();
}

Status CreateFolders(const std::filesystem::path& folder) {
  std::filesystem::path above = folder.parent_path();
  if (above.empty()) above = ".";
  if (std::error_code error; !std::filesystem::exists(above, error) && above != folder) {
    FOOTNOTE_RETURN_IF_ERROR(CreateFolders(above));
  }
  if (::mkdir(folder.c_str(), 0777) == 0) return SyncFolder(above);
  const int error_number = errno;
  std::error_code error;
  if (error_number != EEXIST || !std::filesystem::is_directory(folder, error)) {
    return WriteError("cannot create the folder " + Quoted(folder), error_number);
  }
  // Whoever made it may have been killed before it was on disk. It may also lie where we may not
  // look.
  SyncFolder(above).IgnoreError();
  return OkStatus();
}

Status RemoveFile(const std::filesystem::path& path) {
  if (::unlink(path.c_str()) == 0 || errno == ENOENT) return OkStatus();
  return WriteError("cannot remove " + Quoted(path), errno);
}

void RemoveTemporaryFiles(const std::filesystem::path& folder) {
  std::error_code error;
  std::vector<std::filesystem::path> left;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with('.') && name.find(kTemporaryPart) != std::string::npos) {
      left.push_back(entry.path());
    }
  }
  for (const auto& path : left) std::filesystem::remove(path, error);
}

StatusOr<AtomicFile> AtomicFile::Create(const std::filesystem::path& path) {
  // Unique among processes and threads; a leftover of a killed process is never in the way.
  static std::atomic<uint64_t> counter{0};
  std::string name(1, '.');
  name += path.filename().string();
  name += kTemporaryPart;
  name += std::to_string(::getpid());
  name += '.';
  name += std::to_string(counter.fetch_add(1));
  const std::filesystem::path temporary = FolderOf(path) / name;
  const int descriptor =
      ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
  if (descriptor < 0) return WriteError("cannot create " + Quoted(temporary), errno);
  return AtomicFile(path, temporary, descriptor);
}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_(std::exchange(other.temporary_, {})),
      descriptor_(std::exchange(other.descriptor_, -1)) {}

AtomicFile::~AtomicFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

Status AtomicFile::Write(std::string_view bytes) {
  return WriteAll(descriptor_, bytes, temporary_);
}

Status AtomicFile::SyncAndRename() {
  if (::fsync(descriptor_) != 0) return WriteError("cannot sync " + Quoted(path_), errno);
  if (::close(std::exchange(descriptor_, -1)) != 0) {
    return WriteError("cannot close " + Quoted(path_), errno);
  }
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) {
    return WriteError("cannot replace " + Quoted(path_), errno);
  }
  temporary_.clear();
  return OkStatus();
}

Status AtomicFile::Commit() {
  if (Status status = SyncAndRename(); !status.ok()) {
    ::unlink(temporary_.c_str());
    temporary_.clear();
    return status;
  }
  return SyncFolder(FolderOf(path_));
}

Status WriteFileAtomically(const std::filesystem::path& path, std::string_view contents) {
  FOOTNOTE_ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::Create(path));
  FOOTNOTE_RETURN_IF_ERROR(file.Write(contents));
  return file.Commit();
}

}  // namespace footnote
