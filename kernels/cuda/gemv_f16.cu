// Products of a few rows with F16 weights.
#include "kernels/cuda/gemv_variants.h"

namespace footnote::kernels::cuda {

int LaunchGemvF16(const GemvWork& work, int multiprocessors, const GemvVariant& variant,
                  const LaunchOn& on) {
  return LaunchPlain<DType::kF16>(work, multiprocessors, variant, on);
}

}  // namespace footnote::kernels::cuda
