// Vectors of the texts that a run embedded last: boilerplate, which comes again in every document,
// is embedded once. Bounded by bytes; what was not asked for longest goes first. Threads: one.
#pragma once

#include <algorithm>
#include <cstdint>
#include <list>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace footnote::indexer {

class VectorCache {
 public:
  // width: of a vector.
  VectorCache(uint64_t max_bytes, int width)
      : most_(max_bytes / (kBytesAnEntry + static_cast<uint64_t>(width) * sizeof(float))) {}

  // Empty when it is not there. Valid until the next call of Put.
  std::span<const float> Get(const std::string& key) {
    const auto found = places_.find(key);
    if (found == places_.end()) return {};
    entries_.splice(entries_.begin(), entries_, found->second);
    return found->second->second;
  }

  void Put(const std::string& key, std::span<const float> vector) {
    if (most_ == 0 || places_.contains(key)) return;
    if (entries_.size() >= most_) {
      places_.erase(entries_.back().first);
      entries_.pop_back();
    }
    entries_.emplace_front(key, std::vector<float>(vector.begin(), vector.end()));
    places_[key] = entries_.begin();
  }

 private:
  // Key twice, nodes of list and map.
  static constexpr uint64_t kBytesAnEntry = 256;
  using Entry = std::pair<std::string, std::vector<float>>;

  const uint64_t most_;
  std::list<Entry> entries_;  // asked for last in front
  std::unordered_map<std::string, std::list<Entry>::iterator> places_;
};

}  // namespace footnote::indexer
