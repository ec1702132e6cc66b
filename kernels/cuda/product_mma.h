// Products of many rows of x on tensor cores, with weights as they lie (quantised, F16 or BF16):
// for batches, and for prompts where cuBLASLt is missing. Internal to the products.
#pragma once

#include "kernels/cuda/overlap.h"
#include "kernels/cuda/prepare.h"

namespace footnote::kernels::cuda {

// Quantised weights are multiplied by this when they become float16, lest small ones lose bits
// below float16's least exponent; FinishWork::factor takes it back.
inline constexpr float kHalfScale = 64.0f;

struct MmaWork {
  DType dtype = DType::kF16;
  const uint8_t* w = nullptr;
  int64_t row_bytes = 0;
  int rows = 0;
  int columns = 0;
  int tokens = 0;
  const void* fragments = nullptr;  // LaunchFragments with `tiles`
  int tiles = 0;                    // MmaTiles(tokens)
  int split = 1;                    // MmaSplit: parts of the columns, each with sums of its own
  int chunks_each = 0;              // set by the launcher
  float* sums = nullptr;            // [split, tokens, rows]
};

// Tiles of eight tokens, padded to what the kernel multiplies at once.
int MmaTiles(int64_t tokens);
int MmaSplit(int64_t rows, int64_t columns, int64_t tokens, int multiprocessors);

// sums[s, t, n] = sum over the columns of part s of x[t, k] * w[n, k], quantised w times
// kHalfScale.
int LaunchMma(MmaWork work, const LaunchOn& on);

// The same for F32 weights, without tensor cores: x staged (LaunchStageRows), split 1.
int LaunchFloatProduct(const MmaWork& work, const float* x, const LaunchOn& on);

// What becomes of the sums: parts added in order, times factor; then as RowOutput says. gated: `up`
// are the sums of the second matrix.
struct FinishWork {
  const float* sums = nullptr;
  const float* up = nullptr;
  int split = 1, up_split = 1;
  int tokens = 0;
  int rows = 0;
  float factor = 1, up_factor = 1;
  const float* up_bias = nullptr;
  RowOutput out;
};
int LaunchFinish(const FinishWork& work, const LaunchOn& on);

}  // namespace footnote::kernels::cuda
