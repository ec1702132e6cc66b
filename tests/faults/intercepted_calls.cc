// What stands before libc: each call goes to the layer (file_layer.h).
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <string>

#include "tests/faults/file_layer.h"

namespace {
using footnote::testing::ForgetDescriptor;
using footnote::testing::OnDescriptor;
using footnote::testing::OnPath;
using footnote::testing::OnTwoPaths;
using footnote::testing::OpenPath;
using footnote::testing::SyncDescriptor;
using footnote::testing::WriteBytes;
using Kind = footnote::testing::FileOperation::Kind;

mode_t ModeOf(int flags, va_list arguments) {
  return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
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
  return OpenPath(AT_FDCWD, path, flags, mode);
}
int open64(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = ModeOf(flags, arguments);
  va_end(arguments);
  return OpenPath(AT_FDCWD, path, flags, mode);
}
int openat(int at, const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = ModeOf(flags, arguments);
  va_end(arguments);
  return OpenPath(at, path, flags, mode);
}
// Fortified names of the same calls.
int __open_2(const char* path, int flags) { return OpenPath(AT_FDCWD, path, flags, 0); }
int __open64_2(const char* path, int flags) { return OpenPath(AT_FDCWD, path, flags, 0); }
int creat(const char* path, mode_t mode) {
  return OpenPath(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, mode);
}

int close(int fd) {
  // First: another thread may get the number as soon as it is free.
  ForgetDescriptor(fd);
  return static_cast<int>(syscall(SYS_close, fd));
}
int fclose(std::FILE* file) {
  ForgetDescriptor(fileno(file));
  static const auto real = reinterpret_cast<int (*)(std::FILE*)>(dlsym(RTLD_NEXT, "fclose"));
  return real(file);
}

ssize_t write(int fd, const void* bytes, size_t size) {
  return WriteBytes(fd, static_cast<const char*>(bytes), size, -1);
}
ssize_t pwrite(int fd, const void* bytes, size_t size, off_t at) {
  return WriteBytes(fd, static_cast<const char*>(bytes), size, at);
}
ssize_t pwrite64(int fd, const void* bytes, size_t size, off64_t at) {
  return WriteBytes(fd, static_cast<const char*>(bytes), size, at);
}
ssize_t writev(int fd, const struct iovec* parts, int count) {
  std::string bytes;
  for (int i = 0; i < count; ++i) {
    bytes.append(static_cast<const char*>(parts[i].iov_base), parts[i].iov_len);
  }
  return WriteBytes(fd, bytes.data(), bytes.size(), -1);
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

int fsync(int fd) { return SyncDescriptor(fd, SYS_fsync); }
int fdatasync(int fd) { return SyncDescriptor(fd, SYS_fdatasync); }
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
