#include "generator/tokenizers/byte_trie.h"

#include <algorithm>

namespace footnote::generator {

ByteTrie::ByteTrie(std::vector<std::pair<std::string_view, int32_t>> texts) : nodes_(1) {
  std::stable_sort(texts.begin(), texts.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  // Nodes level by level: each stands for a stretch of the sorted texts that begin alike.
  struct Stretch {
    size_t begin;
    size_t end;
  };
  std::vector<Stretch> level = {{0, texts.size()}};
  size_t node = 0;
  for (size_t depth = 0; !level.empty(); ++depth) {
    std::vector<Stretch> next;
    for (const Stretch& stretch : level) {
      size_t at = stretch.begin;
      while (at < stretch.end && texts[at].first.size() == depth) {
        if (nodes_[node].value < 0) nodes_[node].value = texts[at].second;
        ++at;
      }
      nodes_[node].first_child = static_cast<uint32_t>(nodes_.size());
      while (at < stretch.end) {
        const size_t begin = at;
        const char byte = texts[at].first[depth];
        while (at < stretch.end && texts[at].first[depth] == byte) ++at;
        nodes_.emplace_back().byte = static_cast<uint8_t>(byte);
        ++nodes_[node].children;
        next.push_back({begin, at});
      }
      ++node;
    }
    level = std::move(next);
  }
}

}  // namespace footnote::generator
