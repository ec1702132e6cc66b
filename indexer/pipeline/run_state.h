// What the two threads of a run share: counts, failures, the writer.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "indexer/indexer.h"

namespace footnote::indexer {

struct RunCounts {
  std::atomic<int64_t> unchanged = 0;
  std::atomic<int64_t> access_changed = 0;  // of documents that are unchanged but for their list
  std::atomic<int64_t> read = 0;            // documents that the parsers gave, failed ones included
  std::atomic<int64_t> chunks_found = 0;    // of documents that need work
  std::atomic<int64_t> spilled = 0;         // documents that were written without vectors
  std::atomic<int64_t> spilled_updates = 0;  // of these, those that replace another version
  std::atomic<bool> all_read = false;        // so `read` is the total
  std::atomic<double> bytes_share = 0;       // of what was read and needed no work
};

// Failures in order of their coming. Threads: any.
class FailureList {
 public:
  // `on_failure` may be empty; it is called by one thread at a time.
  explicit FailureList(std::function<void(const IndexFailure&)> on_failure)
      : on_failure_(std::move(on_failure)) {}

  void Add(const std::string& source, const Status& error) {
    // All are counted, but a broken file of a million lines need not fill the memory.
    constexpr size_t kMostListed = 10000;
    const std::lock_guard lock(mutex_);
    ++count_;
    if (on_failure_) on_failure_({source, error.message()});
    if (failures_.size() < kMostListed) failures_.push_back({source, error.message()});
  }

  // Moves what was collected into the report.
  void MoveInto(IndexReport& report) {
    const std::lock_guard lock(mutex_);
    report.failed = count_;
    report.failures = std::move(failures_);
  }

  int64_t count() {
    const std::lock_guard lock(mutex_);
    return count_;
  }

 private:
  const std::function<void(const IndexFailure&)> on_failure_;
  std::mutex mutex_;
  std::vector<IndexFailure> failures_;
  int64_t count_ = 0;
};

// A CorpusWriter takes one caller at a time; this makes two threads take turns.
class SharedWriter {
 public:
  explicit SharedWriter(retriever::CorpusWriter& writer) : writer_(writer) {}

  template <typename Action>
  auto With(Action action) {
    const std::lock_guard lock(mutex_);
    return action(writer_);
  }

 private:
  std::mutex mutex_;
  retriever::CorpusWriter& writer_;
};

}  // namespace footnote::indexer
