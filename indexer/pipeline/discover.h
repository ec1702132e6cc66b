// Which files the sources name.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "common/status.h"

namespace footnote::indexer {

struct DiscoveredFile {
  std::filesystem::path path;
  std::string relative_path;  // to its source, with '/'; a source that is a file: its name
  uint64_t size = 0;
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
