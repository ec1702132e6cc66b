// Programs that read hostile files for us (pdftotext, tesseract), in a process of their own.
//
// The child has no network, no descriptors but its three, an empty environment, cannot gain rights,
// write files or outlive us, and has limits on time, memory and output. Threads: any.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "common/status.h"

namespace footnote::indexer {

struct ChildLimits {
  uint64_t memory_bytes = uint64_t{2} << 30;
  int cpu_seconds = 120;
  int wall_seconds = 240;
  uint64_t output_bytes = uint64_t{256} << 20;
};

struct ChildResult {
  int exit_code = 0;
  std::string output;
  std::string errors;  // what it wrote to stderr, at most 64 KiB
};

// The program's place in the system's folders of programs, or empty. PATH is not asked: a user's
// folder is no place to find the reader of hostile files.
std::filesystem::path FindProgram(std::string_view name);

// Runs `program` with `input` as its standard input (as a file it can seek in, "/dev/stdin").
// Errors: NOT_FOUND (no such program, or no such input), RESOURCE_EXHAUSTED (a limit, which one),
// UNAVAILABLE (it could not be started, or died of a signal).
StatusOr<ChildResult> RunChild(std::string_view program, const std::vector<std::string>& arguments,
                               const std::filesystem::path& input, const ChildLimits& limits);

// The same with bytes for a file.
StatusOr<ChildResult> RunChildOnBytes(std::string_view program,
                                      const std::vector<std::string>& arguments,
                                      std::string_view input, const ChildLimits& limits);

}  // namespace footnote::indexer
