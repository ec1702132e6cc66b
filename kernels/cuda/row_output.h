// What becomes of a product's sum: bias, activation, addition to the residual, rounding, storing.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <stdint.h>

#include "kernels/gpu_types.h"

namespace footnote::kernels::cuda {

// Rows [T, N] of results.
struct RowOutput {
  void* data = nullptr;
  int64_t stride = 0;
  DType dtype = DType::kF32;
  bool add = false;  // F32 only
  GpuActivation activation = GpuActivation::kNone;
  const float* bias = nullptr;
};

__device__ __forceinline__ float Activated(GpuActivation activation, float v) {
  switch (activation) {
    case GpuActivation::kGeluErf:
      return 0.5f * v * (1.0f + erff(v * 0.70710678118654752f));
    case GpuActivation::kGeluTanh:
      return 0.5f * v * (1.0f + tanhf(0.79788456080286536f * (v + 0.044715f * v * v * v)));
    case GpuActivation::kSilu:
      return v / (1.0f + expf(-v));
    default:
      return v;
  }
}

// Nearest float16; numbers beyond its range become its largest.
__device__ __forceinline__ __half RoundedHalf(float v) {
  return __float2half_rn(v > 65504.0f ? 65504.0f : v < -65504.0f ? -65504.0f : v);  // NaN stays
}

__device__ __forceinline__ void StoreRounded(void* data, DType dtype, int64_t at, float v) {
  if (dtype == DType::kF32) {
    static_cast<float*>(data)[at] = v;
  } else if (dtype == DType::kF16) {
    static_cast<__half*>(data)[at] = RoundedHalf(v);
  } else {
    static_cast<__nv_bfloat16*>(data)[at] = __float2bfloat16_rn(v);
  }
}

// v includes the bias.
__device__ __forceinline__ void Store(const RowOutput& out, int64_t t, int64_t n, float v) {
  const int64_t at = t * out.stride + n;
  if (out.add) v += static_cast<const float*>(out.data)[at];
  StoreRounded(out.data, out.dtype, at, v);
}

}  // namespace footnote::kernels::cuda
