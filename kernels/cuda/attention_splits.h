// Results of parts of the keys, and how they become one: for attention_decode.cu and
// attention_shared.cu.
#pragma once

#include "kernels/cuda/attention_kernels.h"
#include "kernels/cuda/attention_tile.h"
#include "kernels/cuda/overlap.h"

namespace footnote::kernels::cuda {

// Parts have numbers: those of each sequence's own keys, [B, Hkv, splits, most_packed], then those
// of shared keys, [Hkv, shared_splits, packed_rows].
struct Splitting {
  int group;
  int tiles;
  int64_t splits;
  int64_t most_packed;  // packed rows of a sequence at most
  // Keys that all sequences share (0: none): split apart, for the packed rows of all.
  int shared_pages;
  int shared_each;  // pages of a split
  int64_t shared_splits;
  int64_t packed_rows;   // of all sequences, padding too
  int64_t shared_begin;  // number of the first part
  float* partials;       // [D] each
  float* weights;        // [2] each: largest exponent, sum of probabilities
  unsigned* counters;    // [B, Hkv, tiles]: splits stored so far; 0 between launches
};

// Of packed row 0.
__device__ __forceinline__ int64_t PartialIndex(const Splitting& s, const GpuKvLayer& layer,
                                                int64_t b, int64_t kv_head, int64_t split) {
  return ((b * layer.kv_heads + kv_head) * s.splits + split) * s.most_packed;
}
__device__ __forceinline__ int64_t SharedPartialIndex(const Splitting& s, int64_t kv_head,
                                                      int64_t split) {
  return s.shared_begin + (kv_head * s.shared_splits + split) * s.packed_rows;
}

// Elements d … d + 3 of one packed row from `count` parts, in order; index_of(part): its number.
template <int kD, typename IndexOf>
__device__ __forceinline__ float4 MergeParts(const Splitting& s, int count, int d,
                                             const IndexOf& index_of) {
  constexpr int kAtOnce = 8;  // loads under way
  float largest = -CUDART_INF_F, total = 0;
  float4 sum = make_float4(0, 0, 0, 0);
  for (int first = 0; first < count; first += kAtOnce) {
    float2 weights[kAtOnce];
    float4 parts[kAtOnce];
#pragma unroll
    for (int j = 0; j < kAtOnce; ++j) {
      const bool exists = first + j < count;
      const int64_t index = index_of(exists ? first + j : first);
      weights[j] = exists ? __ldcg(reinterpret_cast<const float2*>(s.weights + index * 2))
                          : make_float2(-CUDART_INF_F, 0);
      parts[j] = exists ? __ldcg(reinterpret_cast<const float4*>(s.partials + index * kD + d))
                        : make_float4(0, 0, 0, 0);
    }
    const float before = largest;
#pragma unroll
    for (int j = 0; j < kAtOnce; ++j) largest = fmaxf(largest, weights[j].x);
    // No part saw a key yet: any finite base gives zeros instead of -inf - -inf.
    const float from = largest == -CUDART_INF_F ? 0 : largest;
    const float rescale = Exp2(before - from);
    total *= rescale;
    sum = make_float4(sum.x * rescale, sum.y * rescale, sum.z * rescale, sum.w * rescale);
#pragma unroll
    for (int j = 0; j < kAtOnce; ++j) {
      const float scale = Exp2(weights[j].x - from);
      total = fmaf(scale, weights[j].y, total);
      sum.x = fmaf(scale, parts[j].x, sum.x);
      sum.y = fmaf(scale, parts[j].y, sum.y);
      sum.z = fmaf(scale, parts[j].z, sum.z);
      sum.w = fmaf(scale, parts[j].w, sum.w);
    }
  }
  const float inverse = total > 0 ? 1.0f / total : 0.0f;
  return make_float4(sum.x * inverse, sum.y * inverse, sum.z * inverse, sum.w * inverse);
}

__device__ __forceinline__ void StoreFour(const GpuMatrix& out, int64_t row, int64_t column,
                                          const float4& v) {
  WithElement(out, row, column, [&](auto* to) {
    StorePair(to, v.x, v.y);
    StorePair(to + 2, v.z, v.w);
  });
}

// The shared keys' parts; then, when the own keys' are stored too, the rows of the result.
int LaunchSharedParts(const AttentionWork& work, const Splitting& s, const LaunchOn& on);
int LaunchMergeShared(const AttentionWork& work, const Splitting& s, const LaunchOn& on);

}  // namespace footnote::kernels::cuda
