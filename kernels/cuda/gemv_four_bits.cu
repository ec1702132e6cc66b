// Products of a few rows with 4-bit weights.
#include "kernels/cuda/gemv_variants.h"

namespace footnote::kernels::cuda {

int LaunchGemvFourBits(DType dtype, const GemvWork& work, int multiprocessors,
                       const GemvVariant& variant, const LaunchOn& on) {
  switch (dtype) {
    case DType::kQ4_0:
      return LaunchQuantised<Q4_0Layout>(work, multiprocessors, variant, on);
    case DType::kQ4_1:
      return LaunchQuantised<Q4_1Layout>(work, multiprocessors, variant, on);
    case DType::kQ4_K:
      return LaunchQuantised<Q4_KLayout>(work, multiprocessors, variant, on);
    default:
      return cudaErrorInvalidValue;
  }
}

}  // namespace footnote::kernels::cuda
