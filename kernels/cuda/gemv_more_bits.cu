// Products of a few rows with weights of 5, 6 and 8 bits.
#include "kernels/cuda/gemv_variants.h"

namespace footnote::kernels::cuda {

int LaunchGemvMoreBits(DType dtype, const GemvWork& work, int multiprocessors,
                       const GemvVariant& variant, const LaunchOn& on) {
  switch (dtype) {
    case DType::kQ5_0:
      return LaunchQuantised<Q5_0Layout>(work, multiprocessors, variant, on);
    case DType::kQ5_1:
      return LaunchQuantised<Q5_1Layout>(work, multiprocessors, variant, on);
    case DType::kQ5_K:
      return LaunchQuantised<Q5_KLayout>(work, multiprocessors, variant, on);
    case DType::kQ6_K:
      return LaunchQuantised<Q6_KLayout>(work, multiprocessors, variant, on);
    case DType::kQ8_0:
      return LaunchQuantised<Q8_0Layout>(work, multiprocessors, variant, on);
    default:
      return cudaErrorInvalidValue;
  }
}

}  // namespace footnote::kernels::cuda
