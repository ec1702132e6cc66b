// Packed weights kept in a file, so that the next start maps them instead of packing again.
//
// One file per model file, instruction set and precision, in one folder. It is derived: deleting it
// costs time only, and files of models that changed or went away go when the next one is written.
// It is written beside its name and renamed when complete, so that a killed process leaves no half
// of one; another process that writes the same file is not waited for. Private to the generator
// room. Threads: one.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "common/status.h"
#include "kernels/packing.h"

namespace footnote::generator {

// Where packed weights are kept, and from which size on. An empty folder: nowhere.
struct PackedCachePlace {
  std::filesystem::path folder;
  size_t least_bytes = 0;
};

// What takes some seconds to pack; smaller models are packed before anybody notices.
inline constexpr size_t kWorthKeepingBytes = size_t{1} << 30;

// The folder that was chosen, else FOOTNOTE_PACKED_CACHE ("off": nowhere), else, for large models,
// "packed" in FOOTNOTE_CACHE (default ~/.cache/footnote).
PackedCachePlace FindPackedCache(const std::filesystem::path& chosen);

class PackedCache {
 public:
  // identity: everything that the packed bytes depend on, as text (files with sizes and times,
  // instruction set, precision). name: begins the file's name, for people.
  PackedCache(std::filesystem::path folder, std::string name, std::string identity);
  ~PackedCache();
  PackedCache(const PackedCache&) = delete;
  PackedCache& operator=(const PackedCache&) = delete;

  // The file's bytes when it is whole and of this identity (packed = true), else room in a new one.
  // Errors: PERMISSION_DENIED, RESOURCE_EXHAUSTED (no space, or too little would be left for
  // others), FAILED_PRECONDITION (another process
  // writes it now) name the file; nothing is left behind.
  StatusOr<kernels::PackedMemory> Map(size_t bytes);

  // Makes what was written into Map's room visible to the next start, and removes stale files.
  // Nothing to do when it was read. Errors: as Map.
  Status Publish();

  const std::filesystem::path& path() const { return path_; }

 private:
  StatusOr<kernels::PackedMemory> MapExisting(size_t bytes) const;
  void RemoveStale() const;

  std::filesystem::path folder_;
  std::filesystem::path path_;
  std::filesystem::path temporary_;
  std::string identity_;
  int descriptor_ = -1;  // of the temporary file while it is written
};

// What identifies a model's files: path, size and time of change of each.
std::string FilesIdentity(const std::vector<std::filesystem::path>& files);

}  // namespace footnote::generator
