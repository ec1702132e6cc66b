// Texts by their bytes: which of them begin a given text.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace footnote::generator {

class ByteTrie {
 public:
  // Values are not negative. Of equal texts, the first stays.
  explicit ByteTrie(std::vector<std::pair<std::string_view, int32_t>> texts = {});

  bool empty() const { return nodes_.size() == 1; }

  // Calls visit(length, value) for each text that `text` begins with, the shortest first.
  template <typename Visit>
  void ForEachPrefix(std::string_view text, Visit visit) const {
    size_t node = 0;
    for (size_t length = 0;; ++length) {
      if (nodes_[node].value >= 0) visit(length, nodes_[node].value);
      if (length == text.size()) return;
      node = Child(node, static_cast<uint8_t>(text[length]));
      if (node == 0) return;
    }
  }

 private:
  // Children of a node lie together, in order of their bytes.
  struct Node {
    uint32_t first_child = 0;
    int32_t value = -1;
    uint16_t children = 0;
    uint8_t byte = 0;
  };

  // 0 when there is none.
  size_t Child(size_t node, uint8_t byte) const {
    size_t low = nodes_[node].first_child;
    size_t high = low + nodes_[node].children;
    while (low < high) {
      const size_t middle = (low + high) / 2;
      if (nodes_[middle].byte < byte) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    const bool found =
        low < nodes_[node].first_child + nodes_[node].children && nodes_[low].byte == byte;
    return found ? low : 0;
  }

  std::vector<Node> nodes_;
};

}  // namespace footnote::generator
