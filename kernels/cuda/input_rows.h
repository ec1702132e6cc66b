// Rows of x on their way into a product: normalised, then rounded to 8 bits by groups of 32, to
// float16 or bfloat16, or kept. By whole blocks of threads, into shared or global memory.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <stdint.h>

#include "kernels/cuda/row_output.h"
#include "kernels/cuda/x_layout.h"
#include "kernels/gpu_types.h"

namespace footnote::kernels::cuda {

struct InputRows {
  const void* data = nullptr;  // 16-byte aligned; stride a multiple of 8
  DType dtype = DType::kF32;
  int64_t stride = 0;
  int tokens = 0;
  int columns = 0;
  bool has_norm = false;
  GpuNorm norm;
};

// A row's statistics: normalised = (v - shift) * scale, then weight and bias.
struct RowScaling {
  float shift = 0, scale = 1;
};

// These read x with plain loads: it may have been written by the kernel before, and loads that the
// compiler takes for constant could be moved ahead of the wait for it.
__device__ __forceinline__ float LoadInput(const InputRows& x, int64_t at) {
  if (x.dtype == DType::kF32) return static_cast<const float*>(x.data)[at];
  if (x.dtype == DType::kF16) return __half2float(static_cast<const __half*>(x.data)[at]);
  return __bfloat162float(static_cast<const __nv_bfloat16*>(x.data)[at]);
}

// Elements at…at + 3; at is a multiple of 4.
__device__ __forceinline__ float4 LoadInput4(const InputRows& x, int64_t at) {
  if (x.dtype == DType::kF32) {
    return *reinterpret_cast<const float4*>(static_cast<const float*>(x.data) + at);
  }
  const uint2 bits = *reinterpret_cast<const uint2*>(static_cast<const uint16_t*>(x.data) + at);
  if (x.dtype == DType::kF16) {
    const float2 a = __half22float2(*reinterpret_cast<const __half2*>(&bits.x));
    const float2 b = __half22float2(*reinterpret_cast<const __half2*>(&bits.y));
    return {a.x, a.y, b.x, b.y};
  }
  return {__uint_as_float(bits.x << 16), __uint_as_float(bits.x & 0xffff0000u),
          __uint_as_float(bits.y << 16), __uint_as_float(bits.y & 0xffff0000u)};
}

// Sum over the block in a fixed order; every thread gets it. `parts`: one float a warp, shared.
template <int kThreads>
__device__ float SumOfBlock(float value, float* parts) {
#pragma unroll
  for (int distance = 16; distance > 0; distance /= 2) {
    value += __shfl_xor_sync(0xffffffffu, value, distance);
  }
  __syncthreads();  // parts may still be read from the call before
  if (threadIdx.x % 32 == 0) parts[threadIdx.x / 32] = value;
  __syncthreads();
  float sum = 0;
#pragma unroll
  for (int warp = 0; warp < kThreads / 32; ++warp) sum += parts[warp];
  return sum;
}

// Called by all threads. Columns that are no multiple of 4 are read one by one.
template <int kThreads>
__device__ RowScaling ScalingOfRow(const InputRows& x, int t, float* parts) {
  RowScaling scaling;
  if (!x.has_norm) return scaling;
  const int64_t row = t * x.stride;
  const auto total = [&](float shift, bool squares) {
    float sum = 0;
    const auto take = [&](float v) {
      v -= shift;
      sum = squares ? fmaf(v, v, sum) : sum + v;
    };
    const int whole = x.columns / 4 * 4;
#pragma unroll 2  // weights wait in registers meanwhile
    for (int k = 4 * static_cast<int>(threadIdx.x); k < whole; k += 4 * kThreads) {
      const float4 v = LoadInput4(x, row + k);
      take(v.x);
      take(v.y);
      take(v.z);
      take(v.w);
    }
#pragma unroll 1
    for (int k = whole + static_cast<int>(threadIdx.x); k < x.columns; k += kThreads) {
      take(LoadInput(x, row + k));
    }
    return SumOfBlock<kThreads>(sum, parts);
  };
  const float columns = static_cast<float>(x.columns);
  if (x.norm.kind == GpuNorm::Kind::kLayer) scaling.shift = total(0, false) / columns;
  scaling.scale = 1.0f / sqrtf(total(scaling.shift, true) / columns + x.norm.eps);
  return scaling;
}

__device__ __forceinline__ float Normalised(const InputRows& x, const RowScaling& s, int k,
                                            float v) {
  if (!x.has_norm) return v;
  if (x.norm.kind == GpuNorm::Kind::kRms) {
    return v * s.scale * (x.norm.weight[k] + x.norm.weight_bias);
  }
  const float y = (v - s.shift) * s.scale * x.norm.weight[k];
  return x.norm.bias == nullptr ? y : y + x.norm.bias[k];
}

// --- x rounded to 8 bits -------------------------------------------------------------------------

// Eight lanes round a group, four numbers each: scale = largest / 127. Called by whole warps; lanes
// that are not `inside`, eight alike, write nothing.
__device__ __forceinline__ void RoundQuad(const float (&v)[4], int quad, bool inside, int groups,
                                          uint8_t* to) {
  auto* low = reinterpret_cast<uint32_t*>(to);
  uint32_t* high = low + groups * 4;
  auto* scales = reinterpret_cast<GroupScale*>(high + groups * 4);
  float largest = fmaxf(fmaxf(fabsf(v[0]), fabsf(v[1])), fmaxf(fabsf(v[2]), fabsf(v[3])));
#pragma unroll
  for (int distance = 1; distance < 8; distance *= 2) {
    largest = fmaxf(largest, __shfl_xor_sync(0xffffffffu, largest, distance));
  }
  const float inverse = largest > 0 ? 127.0f / largest : 0.0f;
  uint32_t codes = 0;
  int sum = 0;
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    const int code = max(-127, min(127, __float2int_rn(v[i] * inverse)));
    codes |= (static_cast<uint32_t>(code) & 255u) << (8 * i);
    sum += code;
  }
  sum += __shfl_xor_sync(0xffffffffu, sum, 1);
  sum += __shfl_xor_sync(0xffffffffu, sum, 2);
  const int other = __shfl_xor_sync(0xffffffffu, sum, 4);
  if (inside) {
    const int group = quad / 8, part = quad % 8;
    if (part < 4) {
      low[group * 4 + part] = codes;
    } else {
      high[group * 4 + part - 4] = codes;
    }
    if (part == 0) {
      scales[group] = {largest / 127.0f,
                       (static_cast<uint32_t>(sum) & 0xffffu) | static_cast<uint32_t>(other) << 16};
    }
  }
}

template <int kThreads>
__device__ void RoundRow(const InputRows& x, int t, const RowScaling& scaling, uint8_t* to) {
  const int groups = x.columns / 32, quads = groups * 8;
#pragma unroll 1
  for (int base = 0; base < quads; base += kThreads) {  // the same for all lanes of a warp
    const int quad = base + static_cast<int>(threadIdx.x);
    const bool inside = quad < quads;  // the same for the eight lanes of a group
    float v[4] = {0, 0, 0, 0};
    if (inside) {
      const float4 four = LoadInput4(x, t * x.stride + 4 * quad);
      v[0] = Normalised(x, scaling, 4 * quad, four.x);
      v[1] = Normalised(x, scaling, 4 * quad + 1, four.y);
      v[2] = Normalised(x, scaling, 4 * quad + 2, four.z);
      v[3] = Normalised(x, scaling, 4 * quad + 3, four.w);
    }
    RoundQuad(v, quad, inside, groups, to);
  }
}

// --- x in float32 --------------------------------------------------------------------------------

template <int kThreads>
__device__ void StageRow(const InputRows& x, int t, const RowScaling& scaling, float* to) {
#pragma unroll 2
  for (int k = static_cast<int>(threadIdx.x); k < StagedColumns(x.columns); k += kThreads) {
    const float v =
        k < x.columns ? Normalised(x, scaling, k, LoadInput(x, t * x.stride + k)) : 0.0f;
    to[StagedAt(x.columns, k)] = v;
  }
}

// --- x in one pass: without a norm, or with an RMS norm ------------------------------------------
//
// An RMS norm multiplies a row by its weights and by one factor. The factor may multiply the
// products' sums just as well, so that x goes through once: times the weights, rounded, and its
// squares summed on the way, with one barrier behind all. The weights come to shared memory before
// x is there; a thread reads back only what it wrote itself.

__device__ __forceinline__ bool InOnePass(const InputRows& x) {
  return !x.has_norm || x.norm.kind == GpuNorm::Kind::kRms;
}

// Quad q (columns 4 q…4 q + 3) belongs to thread q % kThreads, here and below. Calls
// place(q) for the float4 of a quad; 0 behind column K.
template <int kThreads, typename Place>
__device__ __forceinline__ void KeepNormWeights(const InputRows& x, int quads, const Place& place) {
#pragma unroll 2
  for (int quad = static_cast<int>(threadIdx.x); quad < quads; quad += kThreads) {
    float w[4];
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const int k = 4 * quad + i;
      w[i] = k < x.columns ? __ldg(x.norm.weight + k) + x.norm.weight_bias : 0.0f;
    }
    *place(quad) = {w[0], w[1], w[2], w[3]};
  }
}

// Calls take(quad, inside, v) for the quads that are whole, by all lanes of a warp at once; loads
// of two quads are under way together. Returns the thread's share of the sum of squares.
template <int kThreads, typename Take>
__device__ __forceinline__ float ForEachQuad(const InputRows& x, int t, const Take& take) {
  constexpr int kBatch = 2;
  const int quads = x.columns / 4;
  const int own = static_cast<int>(threadIdx.x);
  float squares = 0;
#pragma unroll 1
  for (int base = 0; base < quads; base += kBatch * kThreads) {
    uint4 bits[kBatch];
    const int64_t row = t * x.stride;
    if (x.dtype == DType::kF32) {
#pragma unroll
      for (int i = 0; i < kBatch; ++i) {
        const int quad = base + i * kThreads + own;
        bits[i] = {0, 0, 0, 0};
        if (quad < quads) {
          bits[i] =
              *reinterpret_cast<const uint4*>(static_cast<const float*>(x.data) + row + 4 * quad);
        }
      }
    } else {
#pragma unroll
      for (int i = 0; i < kBatch; ++i) {
        const int quad = base + i * kThreads + own;
        bits[i] = {0, 0, 0, 0};
        if (quad < quads) {
          const uint2 two = *reinterpret_cast<const uint2*>(static_cast<const uint16_t*>(x.data) +
                                                            row + 4 * quad);
          bits[i] = {two.x, two.y, 0, 0};
        }
      }
    }
#pragma unroll
    for (int i = 0; i < kBatch; ++i) {
      if (base + i * kThreads >= quads) continue;  // the same for the whole block
      const int quad = base + i * kThreads + own;
      float v[4];
      if (x.dtype == DType::kF32) {
        v[0] = __uint_as_float(bits[i].x), v[1] = __uint_as_float(bits[i].y);
        v[2] = __uint_as_float(bits[i].z), v[3] = __uint_as_float(bits[i].w);
      } else if (x.dtype == DType::kF16) {
        const float2 a = __half22float2(*reinterpret_cast<const __half2*>(&bits[i].x));
        const float2 b = __half22float2(*reinterpret_cast<const __half2*>(&bits[i].y));
        v[0] = a.x, v[1] = a.y, v[2] = b.x, v[3] = b.y;
      } else {
        v[0] = __uint_as_float(bits[i].x << 16), v[1] = __uint_as_float(bits[i].x & 0xffff0000u);
        v[2] = __uint_as_float(bits[i].y << 16), v[3] = __uint_as_float(bits[i].y & 0xffff0000u);
      }
#pragma unroll
      for (int e = 0; e < 4; ++e) squares = fmaf(v[e], v[e], squares);
      take(quad, quad < quads, v);
    }
  }
  return squares;
}

// weights: of the norm, kept with place(q) = weights + 4 q, or null. K a multiple of 32.
template <int kThreads>
__device__ __forceinline__ float RoundRowInOnePass(const InputRows& x, int t, const float* weights,
                                                   uint8_t* to) {
  const int groups = x.columns / 32;
  return ForEachQuad<kThreads>(x, t, [&](int quad, bool inside, float(&v)[4]) {
    if (weights != nullptr && inside) {
      const float4 w = reinterpret_cast<const float4*>(weights)[quad];
      v[0] *= w.x, v[1] *= w.y, v[2] *= w.z, v[3] *= w.w;
    }
    RoundQuad(v, quad, inside, groups, to);
  });
}

// Where the float4 of a quad lies in a staged row.
__device__ __forceinline__ float4* StagedQuad(float* staged, int columns, int quad) {
  return reinterpret_cast<float4*>(staged + StagedAt(columns, 4 * quad));
}

// With a norm, `to` holds its weights, kept with place(q) = StagedQuad(to, K, q).
template <int kThreads>
__device__ __forceinline__ float StageRowInOnePass(const InputRows& x, int t, float* to) {
  float squares = ForEachQuad<kThreads>(x, t, [&](int quad, bool inside, const float(&v)[4]) {
    if (!inside) return;
    float4* at = StagedQuad(to, x.columns, quad);
    if (x.has_norm) {
      const float4 w = *at;
      *at = {v[0] * w.x, v[1] * w.y, v[2] * w.z, v[3] * w.w};
    } else {
      *at = {v[0], v[1], v[2], v[3]};
    }
  });
  // Columns behind the last whole quad, and the zeros behind them.
  const int all = StagedColumns(x.columns) / 4;
  for (int quad = x.columns / 4; quad < all; ++quad) {
    if (quad % kThreads != static_cast<int>(threadIdx.x)) continue;
    float* at = to + StagedAt(x.columns, 4 * quad);
    for (int i = 0; i < 4; ++i) {
      const int k = 4 * quad + i;
      const float v = k < x.columns ? LoadInput(x, t * x.stride + k) : 0.0f;
      squares = fmaf(v, v, squares);
      at[i] = x.has_norm && k < x.columns ? v * at[i] : v;
    }
  }
  return squares;
}

// A thread's share becomes its warp's in parts[warp]; after a barrier RmsFactor gives every thread
// the same.
__device__ __forceinline__ void KeepSquares(float squares, float* parts) {
#pragma unroll
  for (int distance = 16; distance > 0; distance /= 2) {
    squares += __shfl_xor_sync(0xffffffffu, squares, distance);
  }
  if (threadIdx.x % 32 == 0) parts[threadIdx.x / 32] = squares;
}
template <int kThreads>
__device__ __forceinline__ float RmsFactor(const InputRows& x, const float* parts) {
  float sum = 0;
#pragma unroll
  for (int warp = 0; warp < kThreads / 32; ++warp) sum += parts[warp];
  return 1.0f / sqrtf(sum / static_cast<float>(x.columns) + x.norm.eps);
}

}  // namespace footnote::kernels::cuda
