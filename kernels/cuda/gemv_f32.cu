// Products of a few rows with F32 weights.
#include "kernels/cuda/gemv_variants.h"

namespace footnote::kernels::cuda {

int LaunchGemvF32(const GemvWork& work, int multiprocessors, const GemvVariant& variant,
                  const LaunchOn& on) {
  return LaunchPlain<DType::kF32>(work, multiprocessors, variant, on);
}

}  // namespace footnote::kernels::cuda
