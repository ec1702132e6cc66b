// Files: reading whole, mapping, and replacing so that a reader sees the old bytes or the new,
// never a mixture.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "common/status.h"

namespace footnote {

// A read-only mapping of a whole file. The bytes stay valid as long as the object lives; a file
// that another process truncates meanwhile raises SIGBUS on access, so weights are never edited in
// place.
class MappedFile {
 public:
  // Errors: NOT_FOUND, PERMISSION_DENIED, INVALID_ARGUMENT (a folder, an empty file).
  static StatusOr<MappedFile> Open(const std::filesystem::path& path);

  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  const std::filesystem::path& path() const { return path_; }

  // Takes pages that hold some of these bytes out of this process's memory; a later read brings
  // them back from the file. What lies outside the mapping is left alone.
  void DropResidentPages(std::span<const std::byte> part) const;

 private:
  MappedFile(const std::byte* data, size_t size, std::filesystem::path path)
      : data_(data), size_(size), path_(std::move(path)) {}

  const std::byte* data_ = nullptr;
  size_t size_ = 0;
  std::filesystem::path path_;
};

// The whole file. Errors: as MappedFile::Open, but an empty file is fine; RESOURCE_EXHAUSTED above
// max_bytes.
StatusOr<std::string> ReadFile(const std::filesystem::path& path,
                               size_t max_bytes = size_t{1} << 32);

// Makes a folder and those above it that are missing. On disk when it returns: a folder that only
// the system's cache knows would take all that is in it along when the power fails.
Status CreateFolders(const std::filesystem::path& folder);

// The entries of a folder (files made, renamed, removed) are on disk when it returns.
Status SyncFolder(const std::filesystem::path& folder);

// A file that is written in pieces, under a temporary name beside the one that it replaces in the
// end. Until Commit that one is as it was; without it, the temporary file goes with the object.
// Errors: RESOURCE_EXHAUSTED (the disk is full). Threads: one caller at a time.
class AtomicFile {
 public:
  static StatusOr<AtomicFile> Create(const std::filesystem::path& path);

  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&&) = delete;
  ~AtomicFile();

  Status Write(std::string_view bytes);

  // Syncs the file, renames it over `path`, and syncs the folder. On an error `path` is as it was
  // and the temporary file is gone; only when syncing the folder fails may it be the new one.
  Status Commit();

 private:
  AtomicFile(std::filesystem::path path, std::filesystem::path temporary, int descriptor)
      : path_(std::move(path)), temporary_(std::move(temporary)), descriptor_(descriptor) {}

  Status SyncAndRename();

  std::filesystem::path path_;
  std::filesystem::path temporary_;  // empty: it is gone, or renamed
  int descriptor_ = -1;
};

// An AtomicFile of one piece.
Status WriteFileAtomically(const std::filesystem::path& path, std::string_view contents);

// OK when it was not there.
Status RemoveFile(const std::filesystem::path& path);

// Removes temporary files of AtomicFile that killed processes left in a folder. For
// whoever knows that nobody else writes there now.
void RemoveTemporaryFiles(const std::filesystem::path& folder);

}  // namespace footnote
