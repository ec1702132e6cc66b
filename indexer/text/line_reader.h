// Reads a file line by line with bounded memory.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

#include "common/status.h"

namespace footnote::indexer {

class LineReader {
 public:
  static StatusOr<LineReader> Open(const std::filesystem::path& path, uint64_t max_line_bytes);

  enum class Result { kLine, kTooLong, kEnd };

  // The next line without its line end. A line that is too long is skipped whole and reported.
  Result Next(std::string& line);

  int64_t line_number() const { return line_number_; }  // of the last line, from 1
  uint64_t bytes_read() const { return bytes_read_; }   // up to its end
  bool failed() const { return failed_; }               // reading broke off before the file's end

 private:
  LineReader(std::ifstream file, uint64_t max_line_bytes)
      : file_(std::move(file)), max_line_bytes_(max_line_bytes) {}
  bool Fill();

  std::ifstream file_;
  uint64_t max_line_bytes_;
  std::string buffer_;
  size_t at_ = 0;
  int64_t line_number_ = 0;
  uint64_t bytes_read_ = 0;
  bool failed_ = false;
};

}  // namespace footnote::indexer
