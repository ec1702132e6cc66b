// What travels with a request through every room: its deadline and whether it was cancelled.
//
// Long loops call Check() between units of work (a decode step, a batch of chunks, a retrieval
// stage). Copies share the cancellation; copying is cheap. Threads: Check and Cancel may race.
#pragma once

#include <chrono>
#include <stop_token>

#include "common/status.h"

namespace footnote {

class CallContext {
 public:
  using Clock = std::chrono::steady_clock;

  // No deadline, never cancelled.
  CallContext() = default;
  CallContext(std::stop_token stop, Clock::time_point deadline)
      : stop_(std::move(stop)), deadline_(deadline) {}
  explicit CallContext(std::stop_token stop) : stop_(std::move(stop)) {}

  Clock::time_point deadline() const { return deadline_; }
  const std::stop_token& stop_token() const { return stop_; }

  // OK, CANCELLED or DEADLINE_EXCEEDED.
  Status Check() const {
    if (stop_.stop_requested()) return CancelledError("the caller cancelled the request");
    if (deadline_ != Clock::time_point::max() && Clock::now() >= deadline_) {
      return DeadlineExceededError("the request's deadline passed before it was done");
    }
    return OkStatus();
  }

 private:
  std::stop_token stop_;
  Clock::time_point deadline_ = Clock::time_point::max();
};

}  // namespace footnote
