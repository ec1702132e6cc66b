// float16 of the emulated CUDA.
#pragma once

#include "kernels/quant/half.h"
#include "tests/kernels/emulation/cuda_runtime.h"

struct __half {
  uint16_t bits;
};
inline float __half2float(__half v) { return footnote::kernels::FloatFromHalf(v.bits); }
inline __half __float2half_rn(float v) { return {footnote::kernels::HalfFromFloat(v)}; }
