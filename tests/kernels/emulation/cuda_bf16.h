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
inline unsigned short __bfloat16_as_ushort(__nv_bfloat16 v) { return v.bits; }

struct alignas(4) __nv_bfloat162 {
  __nv_bfloat16 x, y;
};
inline float2 __bfloat1622float2(__nv_bfloat162 v) {
  return {__bfloat162float(v.x), __bfloat162float(v.y)};
}
inline __nv_bfloat162 __floats2bfloat162_rn(float x, float y) {
  return {__float2bfloat16_rn(x), __float2bfloat16_rn(y)};
}
