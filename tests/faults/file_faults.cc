#include "tests/faults/file_faults.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <mutex>
#include <utility>

namespace footnote::testing {
namespace {

namespace fs = std::filesystem;
using Kind = FileOperation::Kind;

bool NeedsSpace(Kind kind) {
  return kind == Kind::kCreate || kind == Kind::kWrite || kind == Kind::kResize ||
         kind == Kind::kReserve || kind == Kind::kRename || kind == Kind::kLink ||
         kind == Kind::kMakeFolder;
}

struct OpenFile {
  std::string path;
  int64_t file = -1;  // -1: a folder
  bool writable = false;
  bool appends = false;
};

// Never destroyed: other threads may write files while the program ends.
class Layer {
 public:
  static Layer& Get() {
    static Layer* const layer = new Layer;
    return *layer;
  }

  std::mutex mutex;
  std::string folder;  // empty: nothing is watched
  bool record = false;
  uint64_t count = 0;
  uint64_t kill_at = 0;
  FileFaults::Fault fault;
  std::string failed;
  std::vector<FileOperation> operations;
  std::map<int, OpenFile> open;          // by descriptor
  std::map<std::string, int64_t> files;  // by path
  int64_t next_file = 0;

  void Watch(const std::string& watched) {
    folder = watched;
    count = kill_at = 0;
    fault = {};
    failed.clear();
    operations.clear();
    open.clear();
    files.clear();
    next_file = 0;
  }

  // The path below the watched folder; nothing when it is elsewhere. The folder itself is ".".
  bool Below(int at, const char* path, std::string& below) const {
    if (folder.empty() || path == nullptr) return false;
    fs::path full = path;
    if (full.is_relative() && at != AT_FDCWD) {
      const auto base = open.find(at);
      if (base == open.end()) return false;
      full = fs::path(folder) / base->second.path / full;
    } else if (full.is_relative()) {
      std::error_code error;
      full = fs::current_path(error) / full;
    }
    below = full.lexically_normal().lexically_relative(folder).string();
    if (below.size() > 1 && below.back() == '/') below.pop_back();
    return !below.empty() && !below.starts_with("..");
  }

  int64_t FileAt(const std::string& path) {
    const auto [found, is_new] = files.try_emplace(path, next_file);
    if (is_new) {
      ++next_file;
      Keep({.kind = Kind::kFind, .path = path, .file = found->second});
    }
    return found->second;
  }

  void Keep(FileOperation operation) {
    if (record) operations.push_back(std::move(operation));
  }

  // Counts an operation that is about to be done. Returns what it must fail with; 0: nothing.
  // half: what to do before the program is killed here.
  int Admit(const FileOperation& operation, const std::function<void()>& half = nullptr) {
    ++count;
    if (count == kill_at) {
      if (half) half();
      syscall(SYS_kill, getpid(), SIGKILL);
    }
    if (fault.at == 0 || count < fault.at || (count > fault.at && !fault.lasting)) return 0;
    if (fault.error == ENOSPC && count > fault.at && !NeedsSpace(operation.kind)) return 0;
    if (failed.empty()) failed = Describe(operation);
    return fault.error;
  }

 private:
  Layer() {
    const char* watched = std::getenv("FOOTNOTE_FAULTS_FOLDER");
    if (watched == nullptr) return;
    folder = watched;
    const char* at = std::getenv("FOOTNOTE_FAULTS_KILL_AT");
    if (at != nullptr) kill_at = std::strtoull(at, nullptr, 10);
  }
};

// Before any thread of the program, so that no call is missed.
[[gnu::constructor]] void Begin() { Layer::Get(); }

[[gnu::destructor]] void TellCount() {
  const char* path = std::getenv("FOOTNOTE_FAULTS_COUNT");
  if (path == nullptr) return;
  if (std::FILE* file = std::fopen(path, "w"); file != nullptr) {
    std::fprintf(file, "%llu\n", static_cast<unsigned long long>(FileFaults::Count()));
    std::fclose(file);
  }
}

int Failure(int error) {
  errno = error;
  return -1;
}

// Does `call` as the operation given, or lets it fail.
int Do(Layer& layer, FileOperation operation, const std::function<long()>& call) {
  if (const int error = layer.Admit(operation); error != 0) return Failure(error);
  const long result = call();
  if (result >= 0) layer.Keep(std::move(operation));
  return static_cast<int>(result);
}

int Open(int at, const char* path, int flags, mode_t mode) {
  Layer& layer = Layer::Get();
  const auto call = [&] { return syscall(SYS_openat, at, path, flags, mode); };
  std::string below;
  std::unique_lock lock(layer.mutex);
  if (!layer.Below(at, path, below)) {
    lock.unlock();  // perhaps a pipe, whose other end waits for the layer
    return static_cast<int>(call());
  }
  struct stat info {};
  const bool exists = fstatat(at, path, &info, 0) == 0;
  const bool creates = !exists && (flags & O_CREAT) != 0;
  const bool writable = (flags & O_ACCMODE) != O_RDONLY;
  FileOperation operation{.kind = creates ? Kind::kCreate : Kind::kResize, .path = below};
  const bool truncates = exists && writable && (flags & O_TRUNC) != 0;
  if (creates || truncates) {
    if (const int error = layer.Admit(operation); error != 0) return Failure(error);
  }
  const int fd = static_cast<int>(call());
  if (fd < 0) return fd;
  OpenFile file{below, -1, writable, (flags & O_APPEND) != 0};
  if (creates) layer.files[below] = layer.next_file++;
  if (creates || !S_ISDIR(info.st_mode)) {
    file.file = operation.file = creates ? layer.files[below] : layer.FileAt(below);
    if (creates || truncates) layer.Keep(operation);
  }
  layer.open[fd] = std::move(file);
  return fd;
}

// Calls that give bytes to a descriptor; at < 0: where it stands.
ssize_t Write(int fd, const char* bytes, size_t size, off_t at) {
  Layer& layer = Layer::Get();
  const auto call = [&](size_t count) {
    return at < 0 ? syscall(SYS_write, fd, bytes, count)
                  : syscall(SYS_pwrite64, fd, bytes, count, at);
  };
  std::unique_lock lock(layer.mutex);
  const auto found = layer.open.find(fd);
  if (found == layer.open.end() || !found->second.writable || found->second.file < 0) {
    lock.unlock();
    return call(size);
  }
  off_t offset = at;
  if (offset < 0) offset = lseek(fd, 0, found->second.appends ? SEEK_END : SEEK_CUR);
  FileOperation operation{.kind = Kind::kWrite,
                          .path = found->second.path,
                          .file = found->second.file,
                          .offset = offset};
  const auto keep = [&](ssize_t written) {
    if (written <= 0 || !layer.record) return;
    operation.bytes.assign(bytes, static_cast<size_t>(written));
    layer.Keep(operation);
  };
  if (const int error = layer.Admit(operation, [&] { call(size / 2); }); error != 0) {
    // A disk that fills up takes what it can first.
    if (error == ENOSPC && layer.count == layer.fault.at && size > 1) {
      const ssize_t written = call(size / 2);
      keep(written);
      if (layer.fault.lasting) return written;
    }
    return Failure(error);
  }
  const ssize_t written = call(size);
  keep(written);
  return written;
}

// Calls on a descriptor that change or sync a file.
int OnDescriptor(int fd, Kind kind, int64_t size, const std::function<long()>& call) {
  Layer& layer = Layer::Get();
  const std::lock_guard lock(layer.mutex);
  const auto found = layer.open.find(fd);
  if (found == layer.open.end()) return static_cast<int>(call());
  const OpenFile& file = found->second;
  const bool folder = kind == Kind::kSync && file.file < 0;
  return Do(layer,
            {.kind = folder ? Kind::kSyncFolder : kind,
             .path = file.path,
             .file = file.file,
             .offset = size},
            call);
}

int OnPath(int at, const char* path, Kind kind, const std::function<long()>& call) {
  Layer& layer = Layer::Get();
  const std::lock_guard lock(layer.mutex);
  std::string below;
  if (!layer.Below(at, path, below)) return static_cast<int>(call());
  struct stat info {};
  // What fails anyway is no operation.
  const bool exists = fstatat(at, path, &info, AT_SYMLINK_NOFOLLOW) == 0;
  if (exists == (kind == Kind::kMakeFolder)) return static_cast<int>(call());
  FileOperation operation{.kind = kind, .path = below};
  if (kind == Kind::kUnlink && !S_ISDIR(info.st_mode)) operation.file = layer.FileAt(below);
  const int result = Do(layer, operation, call);
  if (result == 0) layer.files.erase(below);
  return result;
}

int OnTwoPaths(int from_at, const char* from, int to_at, const char* to, Kind kind,
               const std::function<long()>& call) {
  Layer& layer = Layer::Get();
  const std::lock_guard lock(layer.mutex);
  FileOperation operation{.kind = kind};
  if (!layer.Below(from_at, from, operation.path) || !layer.Below(to_at, to, operation.target)) {
    return static_cast<int>(call());
  }
  struct stat info {};
  if (fstatat(from_at, from, &info, AT_SYMLINK_NOFOLLOW) != 0) return static_cast<int>(call());
  operation.file = layer.FileAt(operation.path);
  const int result = Do(layer, operation, call);
  if (result == 0) {
    layer.files[operation.target] = operation.file;
    if (kind == Kind::kRename) layer.files.erase(operation.path);
  }
  return result;
}

void Forget(int fd) {
  Layer& layer = Layer::Get();
  const std::lock_guard lock(layer.mutex);
  layer.open.erase(fd);
}

}  // namespace

std::string Describe(const FileOperation& operation) {
  const auto named = [&](const char* what) { return what + (" " + operation.path); };
  switch (operation.kind) {
    case Kind::kFind:
      return named("find");
    case Kind::kCreate:
      return named("create");
    case Kind::kWrite:
      return "write at byte " + std::to_string(operation.offset) + " of " + operation.path;
    case Kind::kResize:
      return "resize to " + std::to_string(operation.offset) + " bytes " + operation.path;
    case Kind::kReserve:
      return named("reserve space for");
    case Kind::kSync:
      return named("sync");
    case Kind::kSyncFolder:
      return named("sync folder");
    case Kind::kRename:
      return named("rename") + " to " + operation.target;
    case Kind::kLink:
      return named("link") + " as " + operation.target;
    case Kind::kUnlink:
      return named("unlink");
    case Kind::kMakeFolder:
      return named("make folder");
    case Kind::kRemoveFolder:
      return named("remove folder");
    case Kind::kMark:
      return named("mark");
  }
  return "";
}

void FileFaults::Watch(const fs::path& folder, bool record) {
  Layer& layer = Layer::Get();
  const std::lock_guard lock(layer.mutex);
  layer.Watch(folder.lexically_normal().string());
  layer.record = record;
}

std::vector<FileOperation> FileFaults::Stop() {
  Layer& layer = Layer::Get();
  const std::lock_guard lock(layer.mutex);
  std::vector<FileOperation> operations = std::move(layer.operations);
  layer.Watch("");
  return operations;
}

void FileFaults::Mark(const std::string& text) {
  Layer& layer = Layer::Get();
  const std::lock_guard lock(layer.mutex);
  layer.Keep({.kind = Kind::kMark, .path = text});
}

void FileFaults::Fail(const Fault& fault) {
  Layer& layer = Layer::Get();
  const std::lock_guard lock(layer.mutex);
  layer.fault = fault;
  layer.failed.clear();
}

uint64_t FileFaults::Count() {
  Layer& layer = Layer::Get();
  const std::lock_guard lock(layer.mutex);
  return layer.count;
}

std::string FileFaults::Failed() {
  Layer& layer = Layer::Get();
  const std::lock_guard lock(layer.mutex);
  return layer.failed;
}

}  // namespace footnote::testing

// What stands before libc. The system is called directly, so that nothing here comes back here.
namespace {
using footnote::testing::Forget;
using footnote::testing::OnDescriptor;
using footnote::testing::OnPath;
using footnote::testing::OnTwoPaths;
using footnote::testing::Open;
using footnote::testing::Write;
using Kind = footnote::testing::FileOperation::Kind;

mode_t ModeOf(int flags, va_list arguments) {
  return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
}

// A watched sync stays in the layer; any other is the system's.
int Sync(int fd, long number) {
  footnote::testing::Layer& layer = footnote::testing::Layer::Get();
  bool watched = false;
  {
    const std::lock_guard lock(layer.mutex);
    watched = layer.open.contains(fd);
  }
  return OnDescriptor(fd, Kind::kSync, 0,
                      [&]() -> long { return watched ? 0 : syscall(number, fd); });
}

int Reserve(int fd, int mode, off_t offset, off_t size) {
  // Without FALLOC_FL_KEEP_SIZE the file grows.
  const bool grows = (mode & FALLOC_FL_KEEP_SIZE) == 0;
  struct stat info {};
  if (fstat(fd, &info) != 0) return -1;
  const bool resizes = grows && offset + size > info.st_size;
  return OnDescriptor(fd, resizes ? Kind::kResize : Kind::kReserve, offset + size,
                      [&] { return syscall(SYS_fallocate, fd, mode, offset, size); });
}

}  // namespace

extern "C" {

int open(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = ModeOf(flags, arguments);
  va_end(arguments);
  return Open(AT_FDCWD, path, flags, mode);
}
int open64(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = ModeOf(flags, arguments);
  va_end(arguments);
  return Open(AT_FDCWD, path, flags, mode);
}
int openat(int at, const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = ModeOf(flags, arguments);
  va_end(arguments);
  return Open(at, path, flags, mode);
}
// Fortified names of the same calls.
int __open_2(const char* path, int flags) { return Open(AT_FDCWD, path, flags, 0); }
int __open64_2(const char* path, int flags) { return Open(AT_FDCWD, path, flags, 0); }
int creat(const char* path, mode_t mode) {
  return Open(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, mode);
}

int close(int fd) {
  // First: another thread may get the number as soon as it is free.
  Forget(fd);
  return static_cast<int>(syscall(SYS_close, fd));
}
int fclose(std::FILE* file) {
  Forget(fileno(file));
  static const auto real = reinterpret_cast<int (*)(std::FILE*)>(dlsym(RTLD_NEXT, "fclose"));
  return real(file);
}

ssize_t write(int fd, const void* bytes, size_t size) {
  return Write(fd, static_cast<const char*>(bytes), size, -1);
}
ssize_t pwrite(int fd, const void* bytes, size_t size, off_t at) {
  return Write(fd, static_cast<const char*>(bytes), size, at);
}
ssize_t pwrite64(int fd, const void* bytes, size_t size, off64_t at) {
  return Write(fd, static_cast<const char*>(bytes), size, at);
}
ssize_t writev(int fd, const struct iovec* parts, int count) {
  std::string bytes;
  for (int i = 0; i < count; ++i) {
    bytes.append(static_cast<const char*>(parts[i].iov_base), parts[i].iov_len);
  }
  return Write(fd, bytes.data(), bytes.size(), -1);
}

int ftruncate(int fd, off_t size) noexcept {
  return OnDescriptor(fd, Kind::kResize, size, [&] { return syscall(SYS_ftruncate, fd, size); });
}
int fallocate(int fd, int mode, off_t offset, off_t size) {
  return Reserve(fd, mode, offset, size);
}
int posix_fallocate(int fd, off_t offset, off_t size) {
  return Reserve(fd, 0, offset, size) == 0 ? 0 : errno;
}

int fsync(int fd) { return Sync(fd, SYS_fsync); }
int fdatasync(int fd) { return Sync(fd, SYS_fdatasync); }
// Promises nothing that outlives a loss of power.
int sync_file_range(int, off64_t, off64_t, unsigned) { return 0; }

int rename(const char* from, const char* to) noexcept {
  return OnTwoPaths(AT_FDCWD, from, AT_FDCWD, to, Kind::kRename,
                    [&] { return syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0); });
}
int renameat(int from_at, const char* from, int to_at, const char* to) noexcept {
  return OnTwoPaths(from_at, from, to_at, to, Kind::kRename,
                    [&] { return syscall(SYS_renameat2, from_at, from, to_at, to, 0); });
}
int link(const char* from, const char* to) noexcept {
  return OnTwoPaths(AT_FDCWD, from, AT_FDCWD, to, Kind::kLink,
                    [&] { return syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0); });
}
int unlink(const char* path) noexcept {
  return OnPath(AT_FDCWD, path, Kind::kUnlink,
                [&] { return syscall(SYS_unlinkat, AT_FDCWD, path, 0); });
}
int unlinkat(int at, const char* path, int flags) noexcept {
  return OnPath(at, path, (flags & AT_REMOVEDIR) != 0 ? Kind::kRemoveFolder : Kind::kUnlink,
                [&] { return syscall(SYS_unlinkat, at, path, flags); });
}
int rmdir(const char* path) noexcept { return unlinkat(AT_FDCWD, path, AT_REMOVEDIR); }
int remove(const char* path) noexcept {
  struct stat info {};
  const bool folder =
      fstatat(AT_FDCWD, path, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(info.st_mode);
  return unlinkat(AT_FDCWD, path, folder ? AT_REMOVEDIR : 0);
}
int mkdir(const char* path, mode_t mode) noexcept {
  return OnPath(AT_FDCWD, path, Kind::kMakeFolder,
                [&] { return syscall(SYS_mkdirat, AT_FDCWD, path, mode); });
}

}  // extern "C"
