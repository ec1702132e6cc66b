#include "tests/faults/file_layer.h"

#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace footnote::testing {

namespace fs = std::filesystem;
using Kind = FileOperation::Kind;

namespace {

bool NeedsSpace(Kind kind) {
  return kind == Kind::kCreate || kind == Kind::kWrite || kind == Kind::kResize ||
         kind == Kind::kReserve || kind == Kind::kRename || kind == Kind::kLink ||
         kind == Kind::kMakeFolder;
}

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

}  // namespace

Layer& Layer::Get() {
  static Layer* const layer = new Layer;
  return *layer;
}

Layer::Layer() {
  const char* watched = std::getenv("FOOTNOTE_FAULTS_FOLDER");
  if (watched == nullptr) return;
  folder = watched;
  const char* at = std::getenv("FOOTNOTE_FAULTS_KILL_AT");
  if (at != nullptr) kill_at = std::strtoull(at, nullptr, 10);
}

void Layer::Watch(const std::string& watched) {
  folder = watched;
  count = kill_at = 0;
  fault = {};
  failed.clear();
  operations.clear();
  open.clear();
  files.clear();
  next_file = 0;
}

bool Layer::Below(int at, const char* path, std::string& below) const {
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

int64_t Layer::FileAt(const std::string& path) {
  const auto [found, is_new] = files.try_emplace(path, next_file);
  if (is_new) {
    ++next_file;
    Keep({.kind = Kind::kFind, .path = path, .file = found->second});
  }
  return found->second;
}

void Layer::Keep(FileOperation operation) {
  if (record) operations.push_back(std::move(operation));
}

int Layer::Admit(const FileOperation& operation, const std::function<void()>& half) {
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
int OpenPath(int at, const char* path, int flags, mode_t mode) {
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
ssize_t WriteBytes(int fd, const char* bytes, size_t size, off_t at) {
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

void ForgetDescriptor(int fd) {
  Layer& layer = Layer::Get();
  const std::lock_guard lock(layer.mutex);
  layer.open.erase(fd);
}

// A watched sync stays in the layer; any other is the system's.
int SyncDescriptor(int fd, long system_call) {
  Layer& layer = Layer::Get();
  bool watched = false;
  {
    const std::lock_guard lock(layer.mutex);
    watched = layer.open.contains(fd);
  }
  return OnDescriptor(fd, Kind::kSync, 0,
                      [&]() -> long { return watched ? 0 : syscall(system_call, fd); });
}

}  // namespace footnote::testing
