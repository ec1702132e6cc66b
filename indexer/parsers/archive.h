// Archives and compressed files entry by entry, with limits that a bomb meets early. archive.cc is
// the only file that knows libarchive.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/status.h"

namespace footnote::indexer {

inline constexpr int64_t kMostArchiveEntries = 200000;

struct ArchiveEntry {
  std::string name;  // cleaned: relative, with '/', no "..", valid UTF-8
  bool is_encrypted = false;
  bool is_whole = false;  // a compressed file's only content: no archive, and no name of its own
};

class ArchiveReader {
 public:
  // zip, tar, 7z, cpio, ar…, also compressed by gzip, bzip2, xz or zstd; a single compressed file
  // is an archive of one entry, named like the file without its last extension. `budget` is how
  // many bytes may be unpacked; what is counts down from it. It outlives the reader. Errors:
  // INVALID_ARGUMENT when it is damaged or no archive.
  static StatusOr<std::unique_ptr<ArchiveReader>> Open(const std::filesystem::path& path,
                                                       uint64_t& budget);
  ~ArchiveReader();
  ArchiveReader(const ArchiveReader&) = delete;
  ArchiveReader& operator=(const ArchiveReader&) = delete;

  // The next regular file; nothing after the last. Errors: INVALID_ARGUMENT (damaged),
  // RESOURCE_EXHAUSTED (more than kMostArchiveEntries).
  StatusOr<std::optional<ArchiveEntry>> Next();

  // Gives the entry's bytes in pieces. Errors: take's, INVALID_ARGUMENT (damaged, encrypted),
  // RESOURCE_EXHAUSTED (the budget is spent, and 0).
  Status Read(const std::function<Status(std::string_view bytes)>& take);

  // Of the packed file, so far.
  uint64_t bytes_read() const;

 private:
  struct State;
  explicit ArchiveReader(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace footnote::indexer
