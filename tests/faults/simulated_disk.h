// What is on the disk after a loss of power: a model of files and folders that knows what was
// synced.
//
// A file's bytes are safe as of its last sync, a folder's entries (new, renamed, removed) as of the
// last sync of that folder, and nothing else is. Of a folder's entries that were not synced, the
// earlier ones come to the disk first: POSIX does not promise that, but every file system with a
// journal does, and RocksDB relies on it (it makes a MANIFEST, then renames CURRENT).
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "tests/faults/file_operation.h"

namespace footnote::testing {

enum class Loss {
  kNone,      // the program was killed: the system still has all that it wrote
  kUnsynced,  // all that was not synced
  kSome,      // any part of it: late writes without early ones, names without bytes, torn blocks
};

class SimulatedDisk {
 public:
  // What is in the folder is on the disk.
  explicit SimulatedDisk(const std::filesystem::path& folder);

  void Apply(const FileOperation& operation);
  // As Apply for a write of which only the first half was done.
  void ApplyHalf(FileOperation operation);

  // Makes `folder`, which must not exist, what is found after the loss. seed: of what kSome loses.
  void WriteTo(const std::filesystem::path& folder, Loss loss, uint64_t seed = 0) const;

 private:
  struct Change {
    int64_t offset = 0;
    std::optional<std::string> bytes;  // none: the file gets the size `offset`
  };
  struct File {
    std::string bytes;
    std::string synced;
    std::vector<Change> pending;  // since the last sync
  };
  // Of one folder: a name, and the file that has it from now on; -1: a folder; none: nobody.
  struct EntryChange {
    std::string name;
    std::optional<int64_t> file;
    bool with_next = false;  // a rename's two halves come together
  };
  struct Folder {
    std::map<std::string, int64_t> entries;
    std::map<std::string, int64_t> synced;
    std::vector<EntryChange> pending;
  };

  static void ApplyTo(std::string& bytes, const Change& change);
  static void ApplyTo(std::map<std::string, int64_t>& entries, const EntryChange& change);
  void ChangeEntry(const std::string& path, std::optional<int64_t> file, bool with_next = false);
  void WriteFolder(const std::filesystem::path& to, const std::string& path, Loss loss,
                   std::mt19937_64& random) const;
  static std::string BytesAfter(const File& file, Loss loss, std::mt19937_64& random);
  static std::map<std::string, int64_t> EntriesAfter(const Folder& folder, Loss loss,
                                                     std::mt19937_64& random);

  std::map<int64_t, File> files_;
  std::map<std::string, Folder> folders_;  // by path; the folder itself is ""
  // Operations number files as they meet them; those that were there before get numbers below -1.
  std::map<int64_t, int64_t> numbers_;
  int64_t next_initial_ = -2;

  int64_t NumberOf(const FileOperation& operation);
};

}  // namespace footnote::testing
