// How decode attention cuts work into blocks: host arithmetic, and what kernels compute from a
// sequence's own length. Host code runs all of it in tests.
#pragma once

#include <stdint.h>

#include "kernels/kv_pages.h"
#include "kernels/quant/half.h"

namespace footnote::kernels::cuda {

// Sequences of up to this many new rows are decoded: queries that share a KV head in tiles of 16,
// keys split among blocks. Longer ones are prefilled: tiles of rows, one query head a block.
inline constexpr int64_t kDecodeRows = 8;
inline constexpr int kTileRows = 16;
// Splits are whole numbers of this many pages, so that a block's four warps are equally busy.
inline constexpr int64_t kSplitStep = 4;
// Below two of these steps a block's fixed cost outweighs its work; short sequences, where all is
// waiting for memory, are cut finer.
inline constexpr int64_t kShortPages = 32;
FOOTNOTE_HOST_DEVICE constexpr int64_t LeastSplitPages(int64_t pages) {
  return pages <= kShortPages ? kSplitStep : 2 * kSplitStep;
}
// Blocks that a multiprocessor runs at once (D = 128 needs 70 KB of shared memory).
inline constexpr int64_t kResidentBlocks = 3;

FOOTNOTE_HOST_DEVICE constexpr int64_t CeilDivide(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Pages [first, end) that the rows of a sequence see.
struct PageRange {
  int64_t first, end;
};
FOOTNOTE_HOST_DEVICE constexpr PageRange VisiblePages(int64_t length, int64_t rows,
                                                      int64_t window) {
  const int64_t begin = window > 0 ? length - rows - window + 1 : 0;
  return {begin > 0 ? begin / kPageTokens : 0, CeilDivide(length, kPageTokens)};
}

// Pages of each split of `pages` pages, but for the last; `splits` bounds their number.
FOOTNOTE_HOST_DEVICE constexpr int64_t SplitPages(int64_t pages, int64_t splits) {
  // 32 bits: every block computes this first, and long divisions are slow there.
  const auto share = static_cast<uint32_t>(pages + splits - 1) / static_cast<uint32_t>(splits);
  const int64_t even = CeilDivide(share, kSplitStep) * kSplitStep;
  const int64_t least = LeastSplitPages(pages);
  return even < least ? least : even;
}
FOOTNOTE_HOST_DEVICE constexpr int64_t SplitsUsed(int64_t pages, int64_t splits) {
  const auto each = static_cast<uint32_t>(SplitPages(pages, splits));
  return (static_cast<uint32_t>(pages) + each - 1) / each;
}

// How often to split the keys of each of `blocks` pieces of work. Few pieces: one wave of blocks
// that fills the card. Many: three waves, so that the last one's idle part is small.
constexpr int64_t PlanSplits(int64_t most_pages, int64_t blocks, int64_t multiprocessors) {
  if (most_pages <= 0 || blocks <= 0) return 1;
  const int64_t wave = multiprocessors * kResidentBlocks;
  const bool few = blocks * 2 <= wave;
  const int64_t wanted = few ? wave / blocks : CeilDivide(3 * wave, blocks);
  // Of a sequence of most_pages, and of one that is just short.
  const int64_t possible = CeilDivide(most_pages, (few ? 2 : 4) * kSplitStep);
  const int64_t possible_short =
      few ? CeilDivide(most_pages < kShortPages ? most_pages : kShortPages, kSplitStep) : 1;
  const int64_t most = possible > possible_short ? possible : possible_short;
  return wanted < most ? wanted : most;
}

// Keys that sequences share: a block attends this many packed rows of all sequences to a split.
inline constexpr int64_t kSharedRows = 64;
// Pages of a split (the last may have less): two blocks for each multiprocessor, tiles of 64 keys.
constexpr int64_t SharedPages(int64_t pages, int64_t blocks, int64_t multiprocessors) {
  const int64_t wanted = 2 * multiprocessors / blocks;
  const int64_t each = CeilDivide(CeilDivide(pages, wanted < 1 ? 1 : wanted), 4) * 4;
  return each < 8 ? 8 : each;
}

}  // namespace footnote::kernels::cuda
