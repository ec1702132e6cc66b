// Products of a few rows with BF16 weights.
#include "kernels/cuda/gemv_variants.h"

namespace footnote::kernels::cuda {

int LaunchGemvBF16(const GemvWork& work, int multiprocessors, const GemvVariant& variant,
                   const LaunchOn& on) {
  return LaunchPlain<DType::kBF16>(work, multiprocessors, variant, on);
}

}  // namespace footnote::kernels::cuda
