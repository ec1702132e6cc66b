// The kernel of two formats in one launch (LaunchGemvPair of gemv.h).
#pragma once

#include "kernels/cuda/gemv_variants.h"

namespace footnote::kernels::cuda {

struct GemvPair {
  GemvWork first, second;
  int first_blocks = 0;  // of the grid; the rest serve the second
};

template <typename First, typename Second>
__global__ void __launch_bounds__(kGemvThreads, 2)
    GemvPairKernel(const __grid_constant__ GemvPair pair) {
  const int block = static_cast<int>(blockIdx.x), blocks = static_cast<int>(gridDim.x);
  if (block < pair.first_blocks) {
    RunGemvBlock<QuantisedOperand<First>, 1, 1, kSlotsOfOneRow<First>, true>(pair.first, block,
                                                                             pair.first_blocks);
  } else {
    RunGemvBlock<QuantisedOperand<Second>, 1, 1, kSlotsOfOneRow<Second>, true>(
        pair.second, block - pair.first_blocks, blocks - pair.first_blocks);
  }
}

// How many of `blocks` serve the first work, so that the slower of both is soonest done: the bytes
// that a warp reads.
inline int64_t BlocksOfFirst(const GemvWork& first, const GemvWork& second, int64_t blocks) {
  const auto rows = [](const GemvWork& work) {
    int64_t sum = 0;
    for (int i = 0; i < work.target_count; ++i) sum += work.targets[i].rows;
    return sum;
  };
  const auto bytes = [](const GemvWork& work, int64_t all, int64_t of) {
    return (all + of * kGemvWarps - 1) / (of * kGemvWarps) * work.targets[0].row_bytes;
  };
  const int64_t of_first = rows(first), of_second = rows(second);
  int64_t best = 1, least = INT64_MAX;
  for (int64_t n = 1; n < blocks; ++n) {
    const int64_t most = std::max(bytes(first, of_first, n), bytes(second, of_second, blocks - n));
    if (most < least) least = most, best = n;
  }
  return best;
}

template <typename First, typename Second>
int LaunchPair(const GemvWork& first, const GemvWork& second, int multiprocessors,
               const GemvVariant& variant, const LaunchOn& on) {
  using A = QuantisedOperand<First>;
  using B = QuantisedOperand<Second>;
  GemvPair pair{first, second, 0};
  const auto kernel = GemvPairKernel<First, Second>;
  const int64_t shared = GemvSharedBytes<A>(first);
  if (const int error = AllowShared(kernel, shared); error != cudaSuccess) return error;
  const int64_t per_multiprocessor = BlocksOf(variant, 2);
  const int64_t all = multiprocessors * per_multiprocessor;
  const int64_t ahead = PrefetchBytesOf(variant, on, per_multiprocessor);
  const int64_t of_first = BlocksOfFirst(first, second, all);
  int error = PlanGemv<A, 1, kSlotsOfOneRow<First>>(of_first, ahead, variant.split, &pair.first);
  if (error != cudaSuccess) return error;
  error =
      PlanGemv<B, 1, kSlotsOfOneRow<Second>>(all - of_first, ahead, variant.split, &pair.second);
  if (error != cudaSuccess) return error;
  // Blocks without a unit of their own in the first round stay away.
  const auto needed = [](const GemvWork& work, int64_t most) {
    const int64_t per_block = kGemvWarps / work.split;
    return std::min<int64_t>((work.units + per_block - 1) / per_block, most);
  };
  pair.first_blocks = static_cast<int>(needed(pair.first, of_first));
  const int64_t grid = pair.first_blocks + needed(pair.second, all - of_first);
  return Launch(kernel, static_cast<unsigned>(grid), kGemvThreads, static_cast<size_t>(shared), on,
                pair);
}

}  // namespace footnote::kernels::cuda
