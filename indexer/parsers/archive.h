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

struct ArchiveLimits {
  uint64_t total_bytes = uint64_t{8} << 30;  // unpacked, of entries that are read
  int64_t entries = 200000;
};

struct ArchiveEntry {
  std::string name;  // cleaned: relative, with '/', no "..", valid UTF-8
  bool is_encrypted = false;
};

class ArchiveReader {
 public:
  // zip, tar, 7z, cpio, ar…, also compressed by gzip, bzip2, xz or zstd; a single compressed file
  // is an archive of one entry, named like the file without its last extension. Errors:
  // INVALID_ARGUMENT when it is damaged or no archive.
  static StatusOr<std::unique_ptr<ArchiveReader>> Open(const std::filesystem::path& path,
                                                       const ArchiveLimits& limits);
  ~ArchiveReader();
  ArchiveReader(const ArchiveReader&) = delete;
  ArchiveReader& operator=(const ArchiveReader&) = delete;

  // The next regular file; nothing after the last. Errors: INVALID_ARGUMENT (damaged),
  // RESOURCE_EXHAUSTED (more entries than allowed).
  StatusOr<std::optional<ArchiveEntry>> Next();

  // Gives the entry's bytes in pieces. Errors: take's, INVALID_ARGUMENT (damaged, encrypted),
  // RESOURCE_EXHAUSTED (the limit on bytes, counted over all entries).
  Status Read(const std::function<Status(std::string_view bytes)>& take);

 private:
  struct State;
  explicit ArchiveReader(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace footnote::indexer
