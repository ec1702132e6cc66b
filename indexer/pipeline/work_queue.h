// Documents on their way from the thread that parses to the one that embeds; bounded by bytes.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <utility>

#include "retriever/document.h"

namespace footnote::indexer {

struct Work {
  retriever::IndexedDocument document;  // without vectors
  std::string fingerprint;
  bool is_update = false;
  bool is_unchanged = false;  // nothing is left to do
  double bytes_share = 0;     // of the sources' bytes, read when this document ended
};

// Threads: one pushes, one pops.
class WorkQueue {
 public:
  explicit WorkQueue(uint64_t max_bytes) : max_bytes_(max_bytes) {}

  // Waits while the queue is full; a document larger than the queue waits until it is empty. False
  // when the consumer closed the queue.
  bool Push(Work work) {
    const uint64_t bytes = SizeOf(work);
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return closed_ || items_.empty() || bytes_ + bytes <= max_bytes_; });
    if (closed_) return false;
    bytes_ += bytes;
    items_.push_back(std::move(work));
    changed_.notify_all();
    return true;
  }

  // As Push, but false, with `work` as it was, when the queue is full.
  bool TryPush(Work& work) {
    const uint64_t bytes = SizeOf(work);
    const std::lock_guard lock(mutex_);
    if (closed_ || !(items_.empty() || bytes_ + bytes <= max_bytes_)) return false;
    bytes_ += bytes;
    items_.push_back(std::move(work));
    changed_.notify_all();
    return true;
  }

  bool closed() {
    const std::lock_guard lock(mutex_);
    return closed_;
  }

  // No more will be pushed.
  void Finish() {
    const std::lock_guard lock(mutex_);
    finished_ = true;
    changed_.notify_all();
  }

  // Makes Push return false from now on.
  void Close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    changed_.notify_all();
  }

  enum class Result { kWork, kNothingYet, kDone };

  // The next document; kNothingYet when none came within `patience`.
  Result Pop(std::chrono::milliseconds patience, Work& work) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, patience, [&] { return finished_ || !items_.empty(); });
    if (items_.empty()) return finished_ ? Result::kDone : Result::kNothingYet;
    work = std::move(items_.front());
    items_.pop_front();
    bytes_ -= SizeOf(work);
    changed_.notify_all();
    return Result::kWork;
  }

 private:
  static uint64_t SizeOf(const Work& work) {
    // Text, and once more what is embedded.
    return work.document.document.text.size() * 2 + work.document.chunks.size() * 256 + 1024;
  }

  const uint64_t max_bytes_;
  std::mutex mutex_;  // guards all below
  std::condition_variable changed_;
  std::deque<Work> items_;
  uint64_t bytes_ = 0;
  bool finished_ = false;
  bool closed_ = false;
};

}  // namespace footnote::indexer
