// How far an indexing run is: a bar for people, or JSON lines for programs, on stderr.
#pragma once

#include <chrono>
#include <string>

#include "indexer/indexer.h"
#include "server/commands/terminal.h"

namespace footnote::server {

enum class ProgressStyle { kBar, kJson, kNone };

// "bar", "json" or "none".
StatusOr<ProgressStyle> ParseProgressStyle(const std::string& name);

// JSON lines: {"event":"progress","corpus","phase","documents","documents_total","chunks",
// "chunks_total","failed","share","chunks_per_s","eta_s","document"},
// {"event":"failure","source","error"}, {"event":"generation","generation"}. What is not known yet
// is null.
class IndexProgressDisplay {
 public:
  IndexProgressDisplay(std::string corpus, ProgressStyle style);

  // Threads: one caller of each.
  void Show(const indexer::IndexProgress& progress);
  void ShowFailure(const indexer::IndexFailure& failure);
  void Done();

 private:
  const std::string corpus_;
  const ProgressStyle style_;
  ProgressLine bar_;
  std::chrono::steady_clock::time_point start_;
  uint64_t generation_ = 0;
};

}  // namespace footnote::server
