// Inside of file_faults.h: what is watched, and what becomes of each call on a file.
//
// The functions below do the call that they are named after, through the system directly, so that
// nothing comes back here. Each returns what the call returns, with errno.
#pragma once

#include <fcntl.h>
#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "tests/faults/file_faults.h"

namespace footnote::testing {

struct OpenFile {
  std::string path;
  int64_t file = -1;  // -1: a folder
  bool writable = false;
  bool appends = false;
};

// What is watched, what was counted and recorded. Hold `mutex` for all of it.
struct Layer {
  // Never destroyed: other threads may write files while the program ends.
  static Layer& Get();

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

  void Watch(const std::string& watched);
  // The path below the watched folder; nothing when it is elsewhere. The folder itself is ".".
  bool Below(int at, const char* path, std::string& below) const;
  int64_t FileAt(const std::string& path);
  void Keep(FileOperation operation);
  // Counts an operation that is about to be done. Returns what it must fail with; 0: nothing.
  // half: what to do before the program is killed here.
  int Admit(const FileOperation& operation, const std::function<void()>& half = nullptr);

 private:
  Layer();
};

int OpenPath(int at, const char* path, int flags, mode_t mode);
// at < 0: where the descriptor stands.
ssize_t WriteBytes(int fd, const char* bytes, size_t size, off_t at);
int SyncDescriptor(int fd, long system_call);

// Calls that change the file of a descriptor. size: of a resized file.
int OnDescriptor(int fd, FileOperation::Kind kind, int64_t size, const std::function<long()>& call);
int OnPath(int at, const char* path, FileOperation::Kind kind, const std::function<long()>& call);
int OnTwoPaths(int from_at, const char* from, int to_at, const char* to, FileOperation::Kind kind,
               const std::function<long()>& call);
void ForgetDescriptor(int fd);

}  // namespace footnote::testing
