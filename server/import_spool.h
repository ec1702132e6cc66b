// Files of an import, waiting on disk until all of them are there.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "common/status.h"

namespace footnote::server {

// A folder of its own below `parent`, removed with the object. Threads: one caller at a time.
class ImportSpool {
 public:
  // max_bytes: of all files together.
  ImportSpool(std::filesystem::path parent, uint64_t max_bytes);
  ~ImportSpool();
  ImportSpool(const ImportSpool&) = delete;
  ImportSpool& operator=(const ImportSpool&) = delete;

  // Begins a file: a relative path with '/', without "..", hidden parts or control characters.
  // Errors: INVALID_ARGUMENT, ALREADY_EXISTS (the same name twice), those of the disk.
  Status BeginFile(const std::string& file_name);
  // Appends to it. RESOURCE_EXHAUSTED: too large, or the disk is full.
  Status Append(std::string_view bytes);
  // No more files. INVALID_ARGUMENT when none came.
  Status Close();

  const std::filesystem::path& folder() const { return folder_; }

  // Removes what servers left behind that did not end by themselves.
  static void RemoveAbandoned(const std::filesystem::path& parent);

 private:
  Status CloseFile();

  std::filesystem::path folder_;
  const uint64_t max_bytes_;
  uint64_t bytes_ = 0;
  int files_ = 0;
  std::string name_;
  std::ofstream file_;
};

// Errors: INVALID_ARGUMENT says what a file name may be.
Status CheckFileName(const std::string& file_name);

}  // namespace footnote::server
