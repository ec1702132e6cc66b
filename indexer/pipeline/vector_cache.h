// Vectors of the texts that a run embedded last: boilerplate, which comes again in every document,
// is embedded once. Bounded by bytes; what was not asked for longest goes first. Threads: one.
#pragma once

#include <algorithm>
#include <cstdint>
#include <list>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "retriever/document.h"

namespace footnote::indexer {

struct TextVectors {
  std::vector<float> own;
  retriever::ChunkSentences sentences;
};

class VectorCache {
 public:
  // width: of a vector.
  VectorCache(uint64_t max_bytes, int width)
      : most_(max_bytes / (kBytesAnEntry + static_cast<uint64_t>(width) * sizeof(float) +
                           kSentences * (static_cast<uint64_t>(width) + sizeof(ByteSpan)))) {}

  // Null when it is not there. Valid until the next call of Put.
  const TextVectors* Get(const std::string& key) {
    const auto found = places_.find(key);
    if (found == places_.end()) return nullptr;
    entries_.splice(entries_.begin(), entries_, found->second);
    return &found->second->second;
  }

  void Put(const std::string& key, const TextVectors& vectors) {
    if (most_ == 0 || places_.contains(key)) return;
    if (entries_.size() >= most_) {
      places_.erase(entries_.back().first);
      entries_.pop_back();
    }
    entries_.emplace_front(key, vectors);
    places_[key] = entries_.begin();
  }

 private:
  // Key twice, nodes of list and map.
  static constexpr uint64_t kBytesAnEntry = 256;
  // Of a text, in the mean.
  static constexpr uint64_t kSentences = 5;
  using Entry = std::pair<std::string, TextVectors>;

  const uint64_t most_;
  std::list<Entry> entries_;  // asked for last in front
  std::unordered_map<std::string, std::list<Entry>::iterator> places_;
};

}  // namespace footnote::indexer
