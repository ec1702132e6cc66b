// One change that a program made to files below a watched folder; a list of them is what a crash
// cuts short.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace footnote::testing {

struct FileOperation {
  enum class Kind {
    kFind,  // a file that was there before is opened for the first time; changes nothing
    kCreate,
    kWrite,
    kResize,      // to `offset` bytes
    kReserve,     // space for later writes; no byte and no size changes
    kSync,        // of a file's bytes and size
    kSyncFolder,  // of a folder's entries
    kRename,
    kLink,
    kUnlink,
    kMakeFolder,
    kRemoveFolder,
    kMark,  // not an operation: the program tells that it came to `path`, e.g. "published 3"
  };
  Kind kind = Kind::kMark;
  std::string path{};    // below the watched folder; as it was named when the file was opened
  std::string target{};  // of a rename or link
  int64_t file = -1;     // tells files apart whatever their names become; -1 for folders
  int64_t offset = 0;    // of a write, in bytes
  std::string bytes{};   // that a write wrote

  // Whether a crash or an error can come here.
  bool counts() const { return kind != Kind::kFind && kind != Kind::kMark; }
};

// "write at byte 4096 of docs/db/000004.log".
std::string Describe(const FileOperation& operation);

}  // namespace footnote::testing
