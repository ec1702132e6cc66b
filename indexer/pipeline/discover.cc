#include "indexer/pipeline/discover.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace footnote::indexer {
namespace {

namespace fs = std::filesystem;

int64_t Nanoseconds(const timespec& time) {
  return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

void AddFile(const fs::path& path, std::string relative_path, Discovery& discovery) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) {
    discovery.failures.push_back({path, ErrnoError("the file cannot be looked at", errno)});
    return;
  }
  FileIdentity identity;
  identity.size = static_cast<uint64_t>(info.st_size);
  identity.modified_ns = Nanoseconds(info.st_mtim);
  identity.changed_ns = Nanoseconds(info.st_ctim);
  identity.device = info.st_dev;
  identity.inode = info.st_ino;
  discovery.files.push_back({path, std::move(relative_path), identity});
  discovery.bytes += identity.size;
}

void AddFolder(const fs::path& root, Discovery& discovery) {
  std::vector<fs::path> open = {root};
  std::vector<fs::path> files;
  while (!open.empty()) {
    const fs::path folder = std::move(open.back());
    open.pop_back();
    std::error_code error;
    fs::directory_iterator entries(folder, error);
    for (; !error && entries != fs::directory_iterator(); entries.increment(error)) {
      const fs::directory_entry& entry = *entries;
      if (entry.path().filename().string().starts_with('.')) continue;
      std::error_code ignored;  // an entry that vanished meanwhile is neither
      if (entry.is_symlink(ignored)) continue;
      if (entry.is_directory(ignored)) {
        open.push_back(entry.path());
      } else if (entry.is_regular_file(ignored)) {
        files.push_back(entry.path());
      }
    }
    if (error) {
      discovery.failures.push_back(
          {folder, UnavailableError("the folder cannot be read: " + error.message())});
    }
  }
  std::vector<std::pair<std::string, fs::path>> sorted;
  sorted.reserve(files.size());
  for (fs::path& file : files) {
    std::string relative = file.lexically_relative(root).generic_string();
    sorted.emplace_back(std::move(relative), std::move(file));
  }
  std::sort(sorted.begin(), sorted.end());
  for (auto& [relative, path] : sorted) AddFile(path, std::move(relative), discovery);
}

}  // namespace

StatusOr<Discovery> DiscoverFiles(const std::vector<fs::path>& sources) {
  Discovery discovery;
  for (const fs::path& source : sources) {
    std::error_code error;
    const fs::file_status status = fs::status(source, error);
    if (!fs::exists(status)) {
      return NotFoundError("source " + source.string() + " does not exist or cannot be read");
    }
    if (fs::is_directory(status)) {
      AddFolder(source, discovery);
    } else if (fs::is_regular_file(status)) {
      AddFile(source, source.filename().string(), discovery);
    } else {
      return InvalidArgumentError("source " + source.string() + " is neither a file nor a folder");
    }
  }
  return discovery;
}

}  // namespace footnote::indexer
