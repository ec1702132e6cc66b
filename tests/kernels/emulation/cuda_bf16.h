// bfloat16 of the emulated CUDA.
#pragma once

#include "kernels/quant/half.h"
#include "tests/kernels/emulation/cuda_runtime.h"

struct __nv_bfloat16 {
  uint16_t bits;
};
inline float __bfloat162float(__nv_bfloat16 v) {
  return footnote::kernels::FloatFromBfloat(v.bits);
}
inline __nv_bfloat16 __float2bfloat16_rn(float v) {
  return {footnote::kernels::BfloatFromFloat(v)};
}
