// Products of a few rows: shapes, and the way to the variants.
#include "kernels/cuda/gemv.h"

#include "kernels/cuda/gemv_variants.h"

namespace footnote::kernels::cuda {

// Rows of x together stay below 2^31 bytes.
constexpr int64_t kMostColumns = 1 << 24;

bool GemvTakes(DType dtype, int64_t tokens, int64_t columns) {
  if (tokens <= 0 || columns <= 0 || columns > kMostColumns) return false;
  if (!IsQuantised(dtype)) return tokens <= kMostGemvTokensPlain;
  return tokens <= kMostGemvTokensQuantised && columns % BlockElements(dtype) == 0 &&
         tokens * RoundedRowBytes(static_cast<int>(columns)) <= kGemvSharedBytes;
}

bool GemvStagesItself(DType dtype, int64_t tokens, int64_t columns) {
  if (tokens > 2 || tokens * columns > 16384) return false;
  return IsQuantised(dtype) ||
         tokens * StagedColumns(static_cast<int>(columns)) * 4 <= kGemvSharedBytes;
}

int LaunchGemv(DType dtype, const GemvWork& work, int multiprocessors, const GemvVariant& variant,
               const LaunchOn& on) {
  if (work.target_count < 1 || work.target_count > kMostGemvTargets || multiprocessors < 1 ||
      !GemvTakes(dtype, work.x.tokens, work.x.columns) ||
      (work.gated && (work.target_count != 2 || work.targets[0].rows != work.targets[1].rows))) {
    return cudaErrorInvalidValue;
  }
  for (int i = 0; i < work.target_count; ++i) {
    if (work.targets[i].rows < 1) return cudaErrorInvalidValue;
  }
  switch (dtype) {
    case DType::kF32:
      return LaunchGemvF32(work, multiprocessors, variant, on);
    case DType::kF16:
      return LaunchGemvF16(work, multiprocessors, variant, on);
    case DType::kBF16:
      return LaunchGemvBF16(work, multiprocessors, variant, on);
    case DType::kQ4_0:
    case DType::kQ4_1:
    case DType::kQ4_K:
      return LaunchGemvFourBits(dtype, work, multiprocessors, variant, on);
    default:
      return LaunchGemvMoreBits(dtype, work, multiprocessors, variant, on);
  }
}

}  // namespace footnote::kernels::cuda
