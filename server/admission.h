// Which calls run now, which wait, and which are refused: a few threads and a bounded queue for
// each kind of work, so that slow answers never hold up searches.
#pragma once

#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string_view>
#include <thread>
#include <vector>

#include "common/status.h"

namespace footnote::server {

enum class WorkKind {
  kAnswer,  // Ask
  kSearch,  // Search, CheckGrounding
  kRead,    // lists, documents, models
  kWrite,   // imports, deletions, new corpora
};
inline constexpr int kWorkKinds = 4;
// "answer", "search", "read", "write".
std::string_view WorkKindName(WorkKind kind);

struct AdmissionLimits {
  struct Lane {
    int threads = 1;
    int queued = 0;  // calls that wait for a thread; one more is refused
  };
  std::array<Lane, kWorkKinds> lanes = {{{4, 32}, {4, 128}, {2, 256}, {2, 32}}};
};

// Threads: all methods may be called concurrently; not from inside work.
class Admission {
 public:
  explicit Admission(const AdmissionLimits& limits);
  // Waits for all work.
  ~Admission();

  // Runs `work` on a thread of its kind, soon. RESOURCE_EXHAUSTED when the queue is full (says when
  // to try again), UNAVAILABLE after BeginDrain; `work` is then not called.
  Status Submit(WorkKind kind, std::function<void()> work);

  // Refuses new work; what was submitted goes on.
  void BeginDrain();
  // False when work is still there after `patience`.
  bool WaitIdle(std::chrono::milliseconds patience);

  struct Load {
    int running = 0;
    int queued = 0;
    int64_t refused = 0;  // since the start
  };
  Load load(WorkKind kind) const;

 private:
  struct Lane {
    std::deque<std::function<void()>> queue;
    int limit = 0;
    Load load;
  };
  void Work(Lane& lane);

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable idle_;
  std::array<Lane, kWorkKinds> lanes_;
  bool draining_ = false;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace footnote::server
