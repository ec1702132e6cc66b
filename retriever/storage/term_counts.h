// In how many rows of a set each term occurs, kept so that lists are counted once. Threads: safe.
#pragma once

#include <cstddef>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

namespace footnote::retriever {

class TermCounts {
 public:
  std::optional<size_t> Find(const std::string& term) const {
    const std::lock_guard lock(mutex_);
    const auto found = counts_.find(term);
    return found == counts_.end() ? std::nullopt : std::optional(found->second);
  }
  void Keep(const std::string& term, size_t rows) {
    const std::lock_guard lock(mutex_);
    // Queries share their common words; rare ones are counted in no time.
    if (counts_.size() >= kMost) counts_.clear();
    counts_[term] = rows;
  }

 private:
  static constexpr size_t kMost = 4096;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, size_t> counts_;
};

}  // namespace footnote::retriever
