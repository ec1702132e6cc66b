// A row that lies in the registers of a warp or a block becomes its norm.
#pragma once

#include "kernels/cuda/elements.cuh"

namespace footnote::kernels::cuda {

// GpuNorm and where the results go, for kernels.
struct NormWork {
  const float* weight;
  const float* bias;  // or null
  float weight_bias;  // 0 for LayerNorm
  float eps;
  int columns;
  bool centred;  // LayerNorm
  float* out;    // or null
  int64_t out_stride;
  void* rounded;  // or null
  int64_t rounded_stride;
  bool bfloat;
};

// Of v, whose run r begins at column first + r * step; `sum` adds over all threads of the row.
// Nothing is written before the last `sum`, so a row may be normalised in place.
template <bool kVector, int kRuns, typename RowSum>
__device__ __forceinline__ void NormaliseAndStore(float4 (&v)[kRuns], int first, int step,
                                                  const NormWork& work, int64_t row,
                                                  const RowSum& sum) {
  const auto count = static_cast<float>(work.columns);
  float mean = 0;
  if (work.centred) {
    float part = 0;
#pragma unroll
    for (int r = 0; r < kRuns; ++r) part += (v[r].x + v[r].y) + (v[r].z + v[r].w);
    mean = sum(part) / count;
  }
  // Of the differences, not mean(x^2) - mean^2, which cancels.
  float squares = 0;
#pragma unroll
  for (int r = 0; r < kRuns; ++r) {
    const int k = first + r * step;
    const int inside = kVector ? (k < work.columns ? 4 : 0) : work.columns - k;
    v[r].x = inside > 0 ? v[r].x - mean : 0;
    v[r].y = inside > 1 ? v[r].y - mean : 0;
    v[r].z = inside > 2 ? v[r].z - mean : 0;
    v[r].w = inside > 3 ? v[r].w - mean : 0;
    squares += fmaf(v[r].x, v[r].x, v[r].y * v[r].y) + fmaf(v[r].z, v[r].z, v[r].w * v[r].w);
  }
  const float inverse = 1.0f / sqrtf(sum(squares) / count + work.eps);
#pragma unroll
  for (int r = 0; r < kRuns; ++r) {
    const int k = first + r * step;
    if (k >= work.columns) continue;
    const float4 weight = LoadRun<kVector>(work.weight, k, work.columns);
    float4 y = Scaled(v[r], inverse);
    y.x *= weight.x + work.weight_bias;
    y.y *= weight.y + work.weight_bias;
    y.z *= weight.z + work.weight_bias;
    y.w *= weight.w + work.weight_bias;
    if (work.bias != nullptr) y = Sum(y, LoadRun<kVector>(work.bias, k, work.columns));
    if (work.out != nullptr) {
      StoreRun<kVector>(work.out + row * work.out_stride, k, work.columns, y);
    }
    if (work.rounded != nullptr) {
      const int64_t offset = row * work.rounded_stride;
      if (work.bfloat) {
        StoreRun<kVector>(static_cast<__nv_bfloat16*>(work.rounded) + offset, k, work.columns, y);
      } else {
        StoreRun<kVector>(static_cast<__half*>(work.rounded) + offset, k, work.columns, y);
      }
    }
  }
}

}  // namespace footnote::kernels::cuda
