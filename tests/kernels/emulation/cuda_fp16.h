// float16 of the emulated CUDA.
#pragma once

#include "kernels/quant/half.h"
#include "tests/kernels/emulation/cuda_runtime.h"

struct __half {
  uint16_t bits;
};
inline float __half2float(__half v) { return footnote::kernels::FloatFromHalf(v.bits); }
inline __half __float2half_rn(float v) { return {footnote::kernels::HalfFromFloat(v)}; }
inline unsigned short __half_as_ushort(__half v) { return v.bits; }

struct alignas(4) __half2 {
  __half x, y;
};
inline float2 __half22float2(__half2 v) { return {__half2float(v.x), __half2float(v.y)}; }
inline __half2 __floats2half2_rn(float x, float y) {
  return {__float2half_rn(x), __float2half_rn(y)};
}
inline __half2 __float2half2_rn(float v) { return __floats2half2_rn(v, v); }
inline __half2 __hadd2(__half2 a, __half2 b) {  // a sum of two is exact in float32
  const float2 x = __half22float2(a), y = __half22float2(b);
  return __floats2half2_rn(x.x + y.x, x.y + y.y);
}
inline __half2 __hfma2(__half2 a, __half2 b, __half2 c) {  // but for double rounding of rare ties
  const float2 x = __half22float2(a), y = __half22float2(b), z = __half22float2(c);
  return __floats2half2_rn(fmaf(x.x, y.x, z.x), fmaf(x.y, y.y, z.y));
}
