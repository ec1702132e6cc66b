// Paged keys and values: the memory layout that attention reads, for CPU and CUDA alike.
//
// Keys and values of a layer live in pages of kPageTokens positions. Page p holds, for each KV head
// h, a block of keys [D, kPageTokens] and, elsewhere, one of values [kPageTokens, D]: scores run
// along positions and weighted sums along D, so both read whole vectors and add none across. A
// sequence is a list of page numbers in order of position; sequences may share pages (a common
// prefix). Who owns which page is the generator's concern (generator/runtime/kv_cache.h).
#pragma once

#include <cstdint>
#include <span>

#include "kernels/dtype.h"

namespace footnote::kernels {

// Positions per page. 16 keeps the waste per sequence under 16 positions, and 16 keys fill one
// AVX-512 register of scores.
inline constexpr int64_t kPageTokens = 16;

// One layer's pages.
struct KvLayer {
  DType dtype = DType::kF32;  // F32 or F16
  void* keys = nullptr;       // [pages, Hkv, D, kPageTokens]
  void* values = nullptr;     // [pages, Hkv, kPageTokens, D]
  int64_t pages = 0;
  int64_t kv_heads = 0;
  int64_t head_width = 0;  // D

  // Elements of one head's block in a page.
  int64_t block_elements() const { return kPageTokens * head_width; }

  // Element offset of the block of head `head` in page `page`.
  int64_t block(int64_t page, int64_t head) const {
    return (page * kv_heads + head) * block_elements();
  }

  // Element offset of element `d` of the key, or value, at position `token` (0…kPageTokens-1).
  int64_t key_offset(int64_t page, int64_t head, int64_t token, int64_t d) const {
    return block(page, head) + d * kPageTokens + token;
  }
  int64_t value_offset(int64_t page, int64_t head, int64_t token, int64_t d) const {
    return block(page, head) + token * head_width + d;
  }
};

// The rows of one sequence within a batch of tokens.
struct KvSequence {
  int64_t first_row = 0;  // of this sequence in the batch's tensors
  int64_t rows = 0;       // new tokens in this batch
  int64_t first_position =
      0;  // position of the first of them; positions before it are already in the pages
  std::span<const int32_t> pages;  // at least ceil((first_position + rows) / kPageTokens)
  // Positions that the prompt is known to have in all, when later passes bring more of it; 0: those
  // so far. Decides between rotations that depend on a sequence's length.
  int64_t known_positions = 0;
};

}  // namespace footnote::kernels
