// Queries, keys and values of a pass become ready for attention: a warp for each row and head.
#include <cuda_runtime.h>

#include "kernels/cuda/attention.h"
#include "kernels/cuda/attention_plan.h"
#include "kernels/cuda/attention_tile.h"
#include "kernels/cuda/overlap.h"

namespace footnote::kernels::cuda {
namespace {

constexpr int kWarps = 8;
constexpr int64_t kMostWidth = 1024;

__device__ __forceinline__ float Load(const float* p) { return *p; }
__device__ __forceinline__ float Load(const __half* p) { return __half2float(*p); }
__device__ __forceinline__ float Load(const __nv_bfloat16* p) { return __bfloat162float(*p); }
__device__ __forceinline__ float2 LoadPair(const float* p) {
  return *reinterpret_cast<const float2*>(p);
}
__device__ __forceinline__ float2 LoadPair(const __half* p) {
  return __half22float2(*reinterpret_cast<const __half2*>(p));
}
__device__ __forceinline__ float2 LoadPair(const __nv_bfloat16* p) {
  return __bfloat1622float2(*reinterpret_cast<const __nv_bfloat162*>(p));
}

// Too large stays finite in F16; NaN stays NaN.
__device__ __forceinline__ float Saturated(float x, const float*) { return x; }
__device__ __forceinline__ float Saturated(float x, const __half*) {
  constexpr float kMost = 65504.0f;
  return x > kMost ? kMost : (x < -kMost ? -kMost : x);
}
template <typename Out>
__device__ __forceinline__ void StoreRounded(Out* to, float x) {
  Store(to, Saturated(x, to));
}
template <typename Out>
__device__ __forceinline__ void StoreRoundedPair(Out* to, float a, float b) {
  StorePair(to, Saturated(a, to), Saturated(b, to));
}

// One head in a warp's registers would need its width at compile time; read twice instead, the
// second time from the first-level cache.
template <typename In, typename Out>
__device__ void TurnHead(const In* x, Out* out, int width, const float* norm, float weight_bias,
                         float eps, const GpuRope& rope, int64_t position, int rotated, int lane) {
  float scale = 1;
  if (norm != nullptr) {
    float squares = 0;
    for (int d = lane; d < width; d += 32) {
      const float v = Load(x + d);
      squares = fmaf(v, v, squares);
    }
    for (int distance = 16; distance > 0; distance /= 2) {
      squares += __shfl_xor_sync(0xffffffffu, squares, distance);
    }
    scale = 1.0f / sqrtf(squares / static_cast<float>(width) + eps);
  }
  const auto weight = [&](int d) {
    return norm == nullptr ? 1.0f : scale * (norm[d] + weight_bias);
  };
  const int half = rotated / 2;
  const float* cosines = rope.cosines + position * half;
  const float* sines = rope.sines + position * half;

  // Pairs are stored and loaded two elements at a time where that keeps them aligned.
  if (rope.pairing == RopePairing::kInterleaved && width % 2 == 0) {
    for (int i = lane; i < half; i += 32) {
      float2 v = LoadPair(x + 2 * i);
      v.x *= weight(2 * i);
      v.y *= weight(2 * i + 1);
      const float c = cosines[i], s = sines[i];
      StoreRoundedPair(out + 2 * i, v.x * c - v.y * s, v.y * c + v.x * s);
    }
  } else if (rope.pairing == RopePairing::kHalves && width % 2 == 0 && half % 2 == 0) {
    for (int i = 2 * lane; i < half; i += 64) {
      float2 a = LoadPair(x + i), b = LoadPair(x + i + half);
      a.x *= weight(i);
      a.y *= weight(i + 1);
      b.x *= weight(i + half);
      b.y *= weight(i + half + 1);
      const float2 c = LoadPair(cosines + i), s = LoadPair(sines + i);
      StoreRoundedPair(out + i, a.x * c.x - b.x * s.x, a.y * c.y - b.y * s.y);
      StoreRoundedPair(out + i + half, b.x * c.x + a.x * s.x, b.y * c.y + a.y * s.y);
    }
  } else {
    const bool halves = rope.pairing == RopePairing::kHalves;
    for (int i = lane; i < half; i += 32) {
      const int first = halves ? i : 2 * i, second = halves ? i + half : 2 * i + 1;
      const float a = Load(x + first) * weight(first), b = Load(x + second) * weight(second);
      const float c = cosines[i], s = sines[i];
      StoreRounded(out + first, a * c - b * s);
      StoreRounded(out + second, b * c + a * s);
    }
  }
  if (width % 2 == 0) {
    for (int d = rotated + 2 * lane; d < width; d += 64) {
      const float2 v = LoadPair(x + d);
      StoreRoundedPair(out + d, v.x * weight(d), v.y * weight(d + 1));
    }
  } else {
    for (int d = rotated + lane; d < width; d += 32) StoreRounded(out + d, Load(x + d) * weight(d));
  }
}

// The row of the tables that turns `position` of sequence b.
__device__ __forceinline__ int64_t AngleRow(const GpuRope& rope, const GpuSequences& sequences,
                                            int b, int position) {
  const bool second =
      rope.original_context > 0 && sequences.known_lengths[b] > rope.original_context;
  return position + (second ? rope.positions : 0);
}

// Where a key or value of a head lies in its page.
__device__ __forceinline__ int64_t CacheOffset(const GpuKvLayer& layer, int64_t page, int kv_head,
                                               int position) {
  return ((page * layer.kv_heads + kv_head) * kPageTokens + position % kPageTokens) *
         layer.head_width;
}

// Grid: rows, heads of queries, keys and values in groups of kWarps.
template <typename In, typename Out>
__global__ void __launch_bounds__(kWarps * 32)
    RopeAndStoreKernel(const GpuRopeAndStore work, const GpuSequences sequences,
                       const GpuKvLayer layer) {
  LetLaterWorkBegin();
  WaitForEarlierWork();
  const auto row = static_cast<int64_t>(blockIdx.x);
  const int head = static_cast<int>(blockIdx.y) * kWarps + threadIdx.x / 32;
  const int lane = threadIdx.x % 32;
  const int heads = static_cast<int>(work.heads), kv_heads = static_cast<int>(layer.kv_heads);
  const int width = static_cast<int>(layer.head_width);
  if (head >= heads + 2 * kv_heads) return;
  const int position = sequences.positions[row];
  const bool padding = position < 0 || row >= sequences.first_row[sequences.count];

  const In* x = static_cast<const In*>(work.projected.data) + row * work.projected.stride +
                static_cast<int64_t>(head) * width;
  const int rotated = static_cast<int>(work.rope.rotated);
  if (head < heads) {
    Out* out = static_cast<Out*>(work.queries.data) + row * work.queries.stride +
               static_cast<int64_t>(head) * width;
    if (padding) {
      for (int d = lane; d < width; d += 32) Store(out + d, 0.0f);
      return;
    }
    TurnHead(x, out, width, work.query_norm, work.norm_weight_bias, work.norm_eps, work.rope,
             AngleRow(work.rope, sequences, sequences.row_sequence[row], position), rotated, lane);
    return;
  }
  if (padding) return;
  const int b = sequences.row_sequence[row];
  const int64_t page =
      sequences.pages[static_cast<int64_t>(b) * sequences.pages_stride + position / kPageTokens];
  const bool is_key = head < heads + kv_heads;
  const int kv_head = (head - heads) % kv_heads;
  Out* out = static_cast<Out*>(is_key ? layer.keys : layer.values) +
             CacheOffset(layer, page, kv_head, position);
  TurnHead(x, out, width, is_key ? work.key_norm : nullptr, work.norm_weight_bias, work.norm_eps,
           work.rope, is_key ? AngleRow(work.rope, sequences, b, position) : 0,
           is_key ? rotated : 0, lane);
}

constexpr int64_t kHeldWidth = 256;
constexpr int kHeldRuns = kHeldWidth / 2 / 64;

// What nearly all decoders have: heads that turn whole, by halves, or not at all. A lane holds
// elements i, i + 1 and those half a head behind, for i = 2 lane + 64 r, so that the row, its
// position and its page are on their way at the same time: at one row the kernel is nothing but the
// wait for them. Same grid.
template <typename In, typename Out>
__global__ void __launch_bounds__(kWarps * 32)
    HeldHeadKernel(const GpuRopeAndStore work, const GpuSequences sequences,
                   const GpuKvLayer layer) {
  const int head = static_cast<int>(blockIdx.y) * kWarps + WarpIndex();
  const int lane = threadIdx.x % 32;
  const int heads = static_cast<int>(work.heads), kv_heads = static_cast<int>(layer.kv_heads);
  const int width = static_cast<int>(layer.head_width), half = width / 2;
  const bool is_query = head < heads, is_value = head >= heads + kv_heads;
  const float* norm = is_query ? work.query_norm : is_value ? nullptr : work.key_norm;
  float2 weights[kHeldRuns][2];
#pragma unroll
  for (int r = 0; r < kHeldRuns; ++r) {
#pragma unroll
    for (int h = 0; h < 2; ++h) {
      const int d = 2 * lane + 64 * r + h * half;
      const bool inside = norm != nullptr && 2 * lane + 64 * r < half;
      weights[r][h].x = inside ? norm[d] + work.norm_weight_bias : 0;
      weights[r][h].y = inside ? norm[d + 1] + work.norm_weight_bias : 0;
    }
  }

  LetLaterWorkBegin();
  WaitForEarlierWork();
  if (head >= heads + 2 * kv_heads) return;
  const auto row = static_cast<int64_t>(blockIdx.x);
  const int position = sequences.positions[row];
  const int64_t end = sequences.first_row[sequences.count];
  // volatile: loaded now, not when the row is known to be no padding.
  const int b = *static_cast<const volatile int32_t*>(sequences.row_sequence + row);
  const In* x = static_cast<const In*>(work.projected.data) + row * work.projected.stride +
                static_cast<int64_t>(head) * width;
  float2 v[kHeldRuns][2];
#pragma unroll
  for (int r = 0; r < kHeldRuns; ++r) {
#pragma unroll
    for (int h = 0; h < 2; ++h) {
      const int i = 2 * lane + 64 * r;
      v[r][h] = i < half ? LoadPair(x + i + h * half) : make_float2(0, 0);
    }
  }

  const bool padding = position < 0 || row >= end;
  const bool turns = work.rope.rotated > 0 && !is_value && !padding;
  const int64_t angles = (turns ? AngleRow(work.rope, sequences, b, position) : 0) * half;
  float2 c[kHeldRuns], s[kHeldRuns];
#pragma unroll
  for (int r = 0; r < kHeldRuns; ++r) {
    const int i = 2 * lane + 64 * r;
    const bool inside = turns && i < half;
    c[r] = inside ? LoadPair(work.rope.cosines + angles + i) : make_float2(1, 1);
    s[r] = inside ? LoadPair(work.rope.sines + angles + i) : make_float2(0, 0);
  }
  Out* out;
  if (is_query) {
    out = static_cast<Out*>(work.queries.data) + row * work.queries.stride +
          static_cast<int64_t>(head) * width;
  } else {
    if (padding) return;
    const int64_t page = sequences.pages[b * sequences.pages_stride + position / kPageTokens];
    out = static_cast<Out*>(is_value ? layer.values : layer.keys) +
          CacheOffset(layer, page, (head - heads) % kv_heads, position);
  }
  if (norm != nullptr) {
    float squares = 0;
#pragma unroll
    for (int r = 0; r < kHeldRuns; ++r) {
#pragma unroll
      for (int h = 0; h < 2; ++h) {
        squares = fmaf(v[r][h].x, v[r][h].x, squares);
        squares = fmaf(v[r][h].y, v[r][h].y, squares);
      }
    }
    for (int distance = 16; distance > 0; distance /= 2) {
      squares += __shfl_xor_sync(0xffffffffu, squares, distance);
    }
    const float scale = 1.0f / sqrtf(squares / static_cast<float>(width) + work.norm_eps);
#pragma unroll
    for (int r = 0; r < kHeldRuns; ++r) {
#pragma unroll
      for (int h = 0; h < 2; ++h) {
        v[r][h].x *= scale * weights[r][h].x;
        v[r][h].y *= scale * weights[r][h].y;
      }
    }
  }
#pragma unroll
  for (int r = 0; r < kHeldRuns; ++r) {
    const int i = 2 * lane + 64 * r;
    if (i >= half) continue;
    float2 a = v[r][0], d = v[r][1];
    if (padding) {
      a = d = make_float2(0, 0);
    } else if (turns) {  // not by cosine 1 and sine 0: infinity times 0 is NaN
      a = make_float2(v[r][0].x * c[r].x - v[r][1].x * s[r].x,
                      v[r][0].y * c[r].y - v[r][1].y * s[r].y);
      d = make_float2(v[r][1].x * c[r].x + v[r][0].x * s[r].x,
                      v[r][1].y * c[r].y + v[r][0].y * s[r].y);
    }
    StoreRoundedPair(out + i, a.x, a.y);
    StoreRoundedPair(out + i + half, d.x, d.y);
  }
}

bool Held(const GpuRopeAndStore& work, const GpuKvLayer& layer) {
  const GpuRope& rope = work.rope;
  return layer.head_width <= kHeldWidth && layer.head_width % 4 == 0 &&
         (rope.rotated == 0 ||
          (rope.rotated == layer.head_width && rope.pairing == RopePairing::kHalves));
}

bool Fits(const GpuRopeAndStore& work, const GpuSequences& sequences, const GpuKvLayer& layer) {
  const GpuMatrix& projected = work.projected;
  const GpuMatrix& queries = work.queries;
  const GpuRope& rope = work.rope;
  if (layer.dtype != DType::kF16 && layer.dtype != DType::kF32) return false;
  if (queries.dtype != layer.dtype) return false;
  if (layer.head_width <= 0 || layer.head_width > kMostWidth) return false;
  if (work.heads <= 0 || layer.kv_heads <= 0 || work.heads + 2 * layer.kv_heads > 65535) {
    return false;
  }
  if (projected.columns != (work.heads + 2 * layer.kv_heads) * layer.head_width) return false;
  if (queries.columns != work.heads * layer.head_width) return false;
  if (projected.rows != sequences.rows || queries.rows != sequences.rows) return false;
  if (sequences.rows < 0 || sequences.rows > 0x7fffffff || sequences.count < 0) return false;
  if (projected.stride % 8 != 0 || queries.stride % 8 != 0) return false;
  if (projected.stride < projected.columns || queries.stride < queries.columns) return false;
  if (rope.rotated < 0 || rope.rotated > layer.head_width || rope.rotated % 2 != 0) return false;
  if (rope.original_context > 0 && sequences.known_lengths == nullptr) return false;
  return rope.rotated == 0 || (rope.cosines != nullptr && rope.sines != nullptr);
}

template <typename In>
int LaunchInput(const GpuRopeAndStore& work, const GpuSequences& sequences, const GpuKvLayer& layer,
                const LaunchOn& on) {
  const int64_t all_heads = work.heads + 2 * layer.kv_heads;
  const dim3 grid(static_cast<unsigned>(sequences.rows),
                  static_cast<unsigned>(CeilDivide(all_heads, kWarps)));
  const bool half = layer.dtype == DType::kF16;
  const auto any = half ? RopeAndStoreKernel<In, __half> : RopeAndStoreKernel<In, float>;
  const auto held = half ? HeldHeadKernel<In, __half> : HeldHeadKernel<In, float>;
  return Launch(Held(work, layer) ? held : any, grid, kWarps * 32, 0, on, work, sequences, layer);
}

}  // namespace

int LaunchRopeAndStore(const GpuRopeAndStore& work, const GpuSequences& sequences,
                       const GpuKvLayer& layer, void* stream) {
  if (!Fits(work, sequences, layer)) return cudaErrorInvalidValue;
  if (sequences.rows == 0) return cudaSuccess;
  const auto on = OnStream(stream);
  switch (work.projected.dtype) {
    case DType::kF32:
      return LaunchInput<float>(work, sequences, layer, on);
    case DType::kF16:
      return LaunchInput<__half>(work, sequences, layer, on);
    case DType::kBF16:
      return LaunchInput<__nv_bfloat16>(work, sequences, layer, on);
    default:
      return cudaErrorInvalidValue;
  }
}

}  // namespace footnote::kernels::cuda
