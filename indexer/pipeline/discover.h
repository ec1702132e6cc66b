// Which files the sources name.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "common/status.h"

namespace footnote::indexer {

// What changes when a file does, unless somebody takes pains to hide it.
struct FileIdentity {
  uint64_t size = 0;
  int64_t modified_ns = 0;  // since 1970, as is the next
  int64_t changed_ns = 0;  // of content, name, owner or rights: tools that set the former change it
  uint64_t device = 0;
  uint64_t inode = 0;
  bool operator==(const FileIdentity&) const = default;
};

struct DiscoveredFile {
  std::filesystem::path path;
  std::string relative_path;  // to its source, with '/'; a source that is a file: its name
  FileIdentity identity;
};

struct Discovery {
  std::vector<DiscoveredFile> files;  // source by source, sorted by relative path
  struct Failure {
    std::filesystem::path path;
    Status error;
  };
  std::vector<Failure> failures;  // folders that could not be read
  uint64_t bytes = 0;
};

// Regular files of the sources. Hidden files and folders are skipped, symbolic links below a source
// too: what they name is in the source anyway, or does not belong to it. Errors: NOT_FOUND names
// the source that does not exist.
StatusOr<Discovery> DiscoverFiles(const std::vector<std::filesystem::path>& sources);

}  // namespace footnote::indexer
