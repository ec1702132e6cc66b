// Rows of a pass and where they stand; those of them whose logits are wanted. Private to the
// generator room.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/kv_pages.h"

namespace footnote::generator {

struct PassRows {
  std::span<const int32_t> positions;              // [T]
  std::span<const kernels::KvSequence> sequences;  // cover rows 0…T-1 in order
};

// Some rows of a pass as a pass of their own: each stretch of neighbours is a sequence, of the same
// pages and rotated as the whole is.
class WantedRows {
 public:
  // rows: ascending.
  WantedRows(const PassRows& all, std::span<const int64_t> rows) {
    auto next = rows.begin();
    for (const kernels::KvSequence& sequence : all.sequences) {
      const int64_t end = sequence.first_row + sequence.rows;
      for (int64_t before = -2; next != rows.end() && *next < end; before = *next++) {
        if (*next != before + 1) {
          kernels::KvSequence part = sequence;
          part.first_row = static_cast<int64_t>(positions_.size());
          part.rows = 0;
          part.first_position = sequence.first_position + *next - sequence.first_row;
          part.known_positions =
              std::max(sequence.known_positions, sequence.first_position + sequence.rows);
          sequences_.push_back(part);
        }
        ++sequences_.back().rows;
        positions_.push_back(all.positions[static_cast<size_t>(*next)]);
      }
    }
  }

  PassRows rows() const { return {positions_, sequences_}; }

 private:
  std::vector<int32_t> positions_;
  std::vector<kernels::KvSequence> sequences_;
};

}  // namespace footnote::generator
