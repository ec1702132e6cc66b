// Attention in float32 for any width up to 256, F16 or F32: the path for exact precision and odd
// heads, and the oracle on the device. A block of four warps takes one query row and head; a warp
// scores 32 keys at a time, a lane each, then adds their values, a lane for every 32nd column.
#include <cuda_runtime.h>

#include <type_traits>

#include "kernels/cuda/attention_kernels.h"
#include "kernels/cuda/attention_tile.h"
#include "kernels/cuda/overlap.h"

namespace footnote::kernels::cuda {
namespace {

constexpr int kWarps = 4;
constexpr int kMostWidth = 256;
constexpr int kColumns = kMostWidth / 32;  // of a lane

struct PlainScoring {
  float scale, softcap;
};

__device__ __forceinline__ float ToFloat(float x) { return x; }
__device__ __forceinline__ float ToFloat(__half x) { return __half2float(x); }

template <typename T>
__device__ __forceinline__ float Dot(const float* query, const T* key, int width) {
  float sum = 0;
  if (width % 4 == 0 && sizeof(T) == 4) {
    for (int d = 0; d < width; d += 4) {
      const float4 q = *reinterpret_cast<const float4*>(query + d);
      const float4 k = *reinterpret_cast<const float4*>(key + d);
      sum = fmaf(q.x, k.x, sum);
      sum = fmaf(q.y, k.y, sum);
      sum = fmaf(q.z, k.z, sum);
      sum = fmaf(q.w, k.w, sum);
    }
    return sum;
  }
  for (int d = 0; d < width; ++d) sum = fmaf(query[d], ToFloat(key[d]), sum);
  return sum;
}

// Attends one query to keys [begin, end); offset_of(j) is the element offset of key and value j.
// The block's threads then hold columns threadIdx.x, + 128 of the result: store(column, value).
template <typename T, typename Offset, typename StoreResult>
__device__ void AttendRow(const T* query, const T* keys, const T* values, int begin, int end,
                          int width, const PlainScoring& scoring, const Offset& offset_of,
                          const StoreResult& store) {
  __shared__ __align__(16) float q[kMostWidth];
  __shared__ float sums[kWarps][kMostWidth];
  __shared__ float warp_largest[kWarps], warp_weights[kWarps];
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  for (int d = threadIdx.x; d < width; d += kWarps * 32) q[d] = ToFloat(query[d]);
  __syncthreads();

  float largest = -CUDART_INF_F, weights = 0;
  float sum[kColumns] = {};
  for (int first = begin + warp * 32; first < end; first += kWarps * 32) {
    const int j = first + lane;
    int64_t offset = 0;
    float score = -CUDART_INF_F;
    if (j < end) {
      offset = offset_of(j);
      score = Dot(q, keys + offset, width) * scoring.scale;
      if (scoring.softcap > 0) score = scoring.softcap * tanhf(score / scoring.softcap);
    }
    float most = score;
    for (int distance = 16; distance > 0; distance /= 2) {
      most = fmaxf(most, __shfl_xor_sync(0xffffffffu, most, distance));
    }
    most = fmaxf(most, largest);  // finite: the first lane has a key
    const float rescale = expf(largest - most);
    largest = most;
    const float p = expf(score - most);
    float total = p;
    for (int distance = 16; distance > 0; distance /= 2) {
      total += __shfl_xor_sync(0xffffffffu, total, distance);
    }
    weights = fmaf(weights, rescale, total);
#pragma unroll
    for (int c = 0; c < kColumns; ++c) sum[c] *= rescale;
    const int count = min(32, end - first);
    for (int i = 0; i < count; ++i) {
      const float weight = __shfl_sync(0xffffffffu, p, i);
      const T* value = values + __shfl_sync(0xffffffffu, offset, i);
#pragma unroll
      for (int c = 0; c < kColumns; ++c) {
        const int d = c * 32 + lane;
        if (d < width) sum[c] = fmaf(weight, ToFloat(value[d]), sum[c]);
      }
    }
  }
#pragma unroll
  for (int c = 0; c < kColumns; ++c) sums[warp][c * 32 + lane] = sum[c];
  if (lane == 0) {
    warp_largest[warp] = largest;
    warp_weights[warp] = weights;
  }
  __syncthreads();
  float most = warp_largest[0];
  for (int w = 1; w < kWarps; ++w) most = fmaxf(most, warp_largest[w]);
  for (int d = threadIdx.x; d < width; d += kWarps * 32) {
    float total = 0, value = 0;
    for (int w = 0; w < kWarps; ++w) {
      if (warp_largest[w] == -CUDART_INF_F) continue;  // a warp without keys
      const float scale = expf(warp_largest[w] - most);
      total = fmaf(scale, warp_weights[w], total);
      value = fmaf(scale, sums[w][d], value);
    }
    store(d, total > 0 ? value / total : 0.0f);
  }
}

// Grid: rows, heads.
template <typename T>
__global__ void __launch_bounds__(kWarps * 32)
    PlainKernel(const AttentionWork work, int group, PlainScoring scoring, int window) {
  WaitForEarlierWork();
  LetLaterWorkBegin();
  const GpuSequences& sequences = work.sequences;
  const auto row = static_cast<int64_t>(blockIdx.x);
  const int head = static_cast<int>(blockIdx.y);
  const int width = static_cast<int>(work.layer.head_width);
  const int64_t column = static_cast<int64_t>(head) * width;
  int begin = 0, end = 0;
  const int32_t* pages = sequences.pages;
  if (row < sequences.first_row[sequences.count]) {
    const int b = sequences.row_sequence[row];
    pages += b * sequences.pages_stride;
    const int length = sequences.lengths[b];
    if (length > 0) {
      end = length - sequences.first_row[b + 1] + static_cast<int>(row) + 1;
      begin = window > 0 ? max(0, end - window) : 0;
    }
  }
  const int64_t block_elements = kPageTokens * width;
  const int64_t head_offset = head / group * block_elements;
  const int64_t page_elements = work.layer.kv_heads * block_elements;
  AttendRow(
      static_cast<const T*>(work.queries.data) + row * work.queries.stride + column,
      static_cast<const T*>(work.layer.keys), static_cast<const T*>(work.layer.values), begin, end,
      width, scoring,
      [&](int j) {
        return pages[j / kPageTokens] * page_elements + head_offset + j % kPageTokens * width;
      },
      [&](int d, float value) {
        WithElement(work.out, row, column + d, [&](auto* to) { Store(to, value); });
      });
}

// Grid: sequences times heads, rows of a sequence.
template <typename T>
__global__ void __launch_bounds__(kWarps * 32) PackedPlainKernel(const GpuPackedAttention work) {
  WaitForEarlierWork();
  LetLaterWorkBegin();
  const auto heads = static_cast<unsigned>(work.heads);
  const int64_t b = blockIdx.x / heads;
  const int64_t head = blockIdx.x % heads;
  const int first_row = work.offsets[b];
  const int rows = work.offsets[b + 1] - first_row;
  const int width = static_cast<int>(work.head_width);
  const int64_t stride = work.projected.stride, all = work.heads * width, column = head * width;
  const T* base = static_cast<const T*>(work.projected.data) + first_row * stride + column;
  for (int i = static_cast<int>(blockIdx.y); i < rows; i += static_cast<int>(gridDim.y)) {
    __syncthreads();  // the last row's shared memory has been read
    AttendRow(
        base + i * stride, base + all, base + 2 * all, 0, rows, width, PlainScoring{work.scale, 0},
        [&](int j) { return j * stride; },
        [&](int d, float value) {
          WithElement(work.out, first_row + i, column + d, [&](auto* to) { Store(to, value); });
        });
  }
}

}  // namespace

int LaunchPlain(const AttentionWork& work, void* stream) {
  if (work.heads() > 65535) return cudaErrorInvalidValue;
  const dim3 grid(static_cast<unsigned>(work.sequences.rows), static_cast<unsigned>(work.heads()));
  const PlainScoring scoring = {work.params.scale, work.params.softcap};
  const auto kernel = work.layer.dtype == DType::kF16 ? PlainKernel<__half> : PlainKernel<float>;
  return Launch(kernel, grid, kWarps * 32, 0, OnStream(stream), work,
                static_cast<int>(work.group()), scoring, static_cast<int>(work.params.window));
}

int LaunchPackedPlain(const GpuPackedAttention& work, void* stream) {
  const dim3 grid(static_cast<unsigned>(work.sequences * work.heads),
                  static_cast<unsigned>(work.most_rows < 65535 ? work.most_rows : 65535));
  const auto kernel =
      work.projected.dtype == DType::kF16 ? PackedPlainKernel<__half> : PackedPlainKernel<float>;
  return Launch(kernel, grid, kWarps * 32, 0, OnStream(stream), work);
}

}  // namespace footnote::kernels::cuda
