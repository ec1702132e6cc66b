// Runs of numbers between memory and registers, in each plain format; sums over a warp or a block.
//
// kVector: the run lies aligned and within its row or beyond its end (InRunsOf), and is one access;
// else element by element, each checked. What lies beyond the end reads as 0 and is not written.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cstdint>

namespace footnote::kernels::cuda {

__device__ __forceinline__ float ToFloat(float v) { return v; }
__device__ __forceinline__ float ToFloat(__half v) { return __half2float(v); }
__device__ __forceinline__ float ToFloat(__nv_bfloat16 v) { return __bfloat162float(v); }

// Nearest; float16 saturates, so that a large activation does not become infinity. NaN stays.
__device__ __forceinline__ float WithinHalf(float v) {
  constexpr float kMost = 65504.0f;
  return v > kMost ? kMost : (v < -kMost ? -kMost : v);
}
__device__ __forceinline__ void FromFloat(float v, __half* to) {
  *to = __float2half_rn(WithinHalf(v));
}
__device__ __forceinline__ void FromFloat(float v, __nv_bfloat16* to) {
  *to = __float2bfloat16_rn(v);
}
__device__ __forceinline__ void FromFloat(float v, float* to) { *to = v; }

// Four elements of a row, from column k.
template <bool kVector, typename T>
__device__ __forceinline__ float4 LoadRun(const T* row, int k, int columns) {
  float4 v = make_float4(0, 0, 0, 0);
  if constexpr (kVector) {
    if (k >= columns) return v;
    if constexpr (sizeof(T) == 4) {
      v = *reinterpret_cast<const float4*>(row + k);
    } else {
      const uint2 words = *reinterpret_cast<const uint2*>(row + k);
      T element[4];
      memcpy(element, &words, sizeof words);
      v = make_float4(ToFloat(element[0]), ToFloat(element[1]), ToFloat(element[2]),
                      ToFloat(element[3]));
    }
  } else {
    if (k < columns) v.x = ToFloat(row[k]);
    if (k + 1 < columns) v.y = ToFloat(row[k + 1]);
    if (k + 2 < columns) v.z = ToFloat(row[k + 2]);
    if (k + 3 < columns) v.w = ToFloat(row[k + 3]);
  }
  return v;
}

template <bool kVector, typename T>
__device__ __forceinline__ void StoreRun(T* row, int k, int columns, float4 v) {
  if constexpr (kVector) {
    if (k >= columns) return;
    if constexpr (sizeof(T) == 4) {
      *reinterpret_cast<float4*>(row + k) = v;
    } else {
      T element[4];
      FromFloat(v.x, &element[0]);
      FromFloat(v.y, &element[1]);
      FromFloat(v.z, &element[2]);
      FromFloat(v.w, &element[3]);
      uint2 words;
      memcpy(&words, element, sizeof words);
      *reinterpret_cast<uint2*>(row + k) = words;
    }
  } else {
    if (k < columns) FromFloat(v.x, row + k);
    if (k + 1 < columns) FromFloat(v.y, row + k + 1);
    if (k + 2 < columns) FromFloat(v.z, row + k + 2);
    if (k + 3 < columns) FromFloat(v.w, row + k + 3);
  }
}

__device__ __forceinline__ float4 Sum(float4 a, float4 b) {
  return make_float4(a.x + b.x, a.y + b.y, a.z + b.z, a.w + b.w);
}
__device__ __forceinline__ float4 Scaled(float4 v, float factor) {
  return make_float4(v.x * factor, v.y * factor, v.z * factor, v.w * factor);
}

// Butterfly: every lane gets the same bits.
struct WarpSum {
  __device__ __forceinline__ float operator()(float value) const {
#pragma unroll
    for (int distance = 16; distance > 0; distance /= 2) {
      value += __shfl_xor_sync(0xffffffffu, value, distance);
    }
    return value;
  }
};

// Warps one by one after a butterfly in each. A multiple of 32 threads, all of which take part.
struct BlockSum {
  float* warps;  // shared, [32]

  __device__ __forceinline__ float operator()(float value) const {
    value = WarpSum()(value);
    __syncthreads();  // the sum before this one has been read
    if (threadIdx.x % 32 == 0) warps[threadIdx.x / 32] = value;
    __syncthreads();
    float sum = 0;
    for (unsigned warp = 0; warp < blockDim.x / 32; ++warp) sum += warps[warp];
    return sum;
  }
};

}  // namespace footnote::kernels::cuda
