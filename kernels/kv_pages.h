// Paged keys and values: the memory layout that attention reads, for CPU and CUDA alike.
//
// Keys and values of a layer live in pages of kPageTokens positions. Page p holds, for each KV head
// h, a block [kPageTokens, D] of keys, and the same of values elsewhere, so that one head's keys of
// one page are one contiguous run. A sequence is a list of page numbers in order of position;
// sequences may share pages (a common prefix). Who owns which page is the generator's concern
// (generator/runtime/kv_cache.h).
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
  void* keys = nullptr;       // [pages, Hkv, kPageTokens, D]
  void* values = nullptr;     // [pages, Hkv, kPageTokens, D]
  int64_t pages = 0;
  int64_t kv_heads = 0;
  int64_t head_width = 0;  // D

  // Element offset of position `token` (0…kPageTokens-1) of head `head` in page `page`.
  int64_t offset(int64_t page, int64_t head, int64_t token) const {
    return ((page * kv_heads + head) * kPageTokens + token) * head_width;
  }
};

// The rows of one sequence within a batch of tokens.
struct KvSequence {
  int64_t first_row = 0;  // of this sequence in the batch's tensors
  int64_t rows = 0;       // new tokens in this batch
  int64_t first_position =
      0;  // position of the first of them; positions before it are already in the pages
  std::span<const int32_t> pages;  // at least ceil((first_position + rows) / kPageTokens)
};

}  // namespace footnote::kernels
