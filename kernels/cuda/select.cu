// ArgMax and TopK of logits. First each warp finds the best of its segment of 256 columns, so that
// one row keeps many multiprocessors busy; then a block for each row chooses among the segments.
//
// TopK: the k largest lie in the k segments whose best are largest, and each is at least the least
// of those. So the block reads k segments again, keeps what reaches that bound, and chooses among
// the few that do. Counters are integers and the result is ordered by unique keys: the order in
// which threads arrive cannot show.
#include <cuda_runtime.h>

#include "kernels/cuda/arguments.h"
#include "kernels/cuda/overlap.h"
#include "kernels/cuda/select.h"
#include "kernels/cuda/select_key.h"

namespace footnote::kernels::cuda {
namespace {

constexpr int kSegment = 256;
constexpr int kWarps = 8;  // segments of a block
constexpr int kArgMaxThreads = 256;
constexpr int kTopKThreads = 1024;
constexpr int kMaxSegments = static_cast<int>(kMaxSelectColumns) / kSegment;
constexpr int kSegmentsEach = kMaxSegments / kTopKThreads;
constexpr int kCandidatesEach = static_cast<int>(kMaxTopK) * kSegment / kTopKThreads;
static_assert(kTopKThreads == 32 * 32, "counts are added by one warp of warps");

int64_t Segments(int64_t columns) { return (columns + kSegment - 1) / kSegment; }

__device__ __forceinline__ uint64_t Larger(uint64_t a, uint64_t b) { return a > b ? a : b; }

__device__ __forceinline__ uint64_t WarpLargest(uint64_t key) {
#pragma unroll
  for (int distance = 16; distance > 0; distance /= 2) {
    key = Larger(key, __shfl_xor_sync(0xffffffffu, key, distance));
  }
  return key;
}

template <bool kVector>
__global__ void __launch_bounds__(kWarps * 32)
    SegmentKernel(const float* logits, int64_t stride, int columns, const uint32_t* allowed,
                  int words, uint64_t* best, int segments) {
  WaitForEarlierWork();
  LetLaterWorkBegin();
  const int segment = blockIdx.x * kWarps + threadIdx.x / 32;
  if (segment >= segments) return;  // whole warps
  const float* row = logits + blockIdx.y * stride;
  uint64_t key = 0;
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    const int column = segment * kSegment + half * 128 + threadIdx.x % 32 * 4;
    if (column >= columns) continue;
    // Four columns from a multiple of four: bits of one word.
    uint32_t bits = 15;
    if (allowed != nullptr) {
      bits = allowed[static_cast<int64_t>(blockIdx.y) * words + column / 32] >> (column % 32) & 15u;
    }
    if (bits == 0) continue;  // grammars allow few: most of the row need not be read
    float value[4];
    if constexpr (kVector) {
      const float4 v = *reinterpret_cast<const float4*>(row + column);
      value[0] = v.x;
      value[1] = v.y;
      value[2] = v.z;
      value[3] = v.w;
    } else {
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        value[i] = column + i < columns ? row[column + i] : __int_as_float(0x7fffffff);
      }
    }
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      if (bits >> i & 1u) key = Larger(key, SelectKey(value[i], column + i));
    }
  }
  key = WarpLargest(key);
  if (threadIdx.x % 32 == 0) best[static_cast<int64_t>(blockIdx.y) * segments + segment] = key;
}

__global__ void __launch_bounds__(kArgMaxThreads)
    ArgMaxKernel(const uint64_t* best, int segments, int32_t* ids) {
  __shared__ uint64_t warps[kArgMaxThreads / 32];
  WaitForEarlierWork();
  LetLaterWorkBegin();
  uint64_t key = 0;
  for (int s = threadIdx.x; s < segments; s += kArgMaxThreads) {
    key = Larger(key, best[static_cast<int64_t>(blockIdx.x) * segments + s]);
  }
  key = WarpLargest(key);
  if (threadIdx.x % 32 == 0) warps[threadIdx.x / 32] = key;
  __syncthreads();
  if (threadIdx.x != 0) return;
  for (int warp = 1; warp < kArgMaxThreads / 32; ++warp) key = Larger(key, warps[warp]);
  ids[blockIdx.x] = key == 0 ? -1 : static_cast<int32_t>(SelectColumn(key));
}

// How many keys of the block reach a threshold: the same answer in every thread. Calls alternate
// between two rows of `counts`, so one barrier each is enough; a barrier must lie between the last
// call of one object and the first of the next.
template <int kEach>
struct BlockCount {
  const uint64_t (&keys)[kEach];
  uint32_t (*counts)[32];  // shared, [2][32]
  mutable int turn = 0;

  __device__ __forceinline__ int operator()(uint64_t threshold) const {
    uint32_t count = 0;
#pragma unroll
    for (int i = 0; i < kEach; ++i) count += keys[i] >= threshold;
    count = __reduce_add_sync(0xffffffffu, count);
    uint32_t* row = counts[turn];
    turn ^= 1;
    if (threadIdx.x % 32 == 0) row[threadIdx.x / 32] = count;
    __syncthreads();
    return static_cast<int>(__reduce_add_sync(0xffffffffu, row[threadIdx.x % 32]));
  }
};

struct TopKShared {
  uint32_t counts[2][32];
  int chosen[kMaxTopK];
  uint64_t candidates[kTopKThreads];
  uint64_t winners[kMaxTopK];
  int chosen_count, candidate_count, winner_count;
};

// The k largest of the block's keys, in `winners` in any order.
template <int kEach>
__device__ __forceinline__ void Choose(const uint64_t (&keys)[kEach], int k, TopKShared& shared) {
  const uint64_t threshold = ThresholdOfLargest(k, BlockCount<kEach>{keys, shared.counts});
#pragma unroll
  for (int i = 0; i < kEach; ++i) {
    if (keys[i] != 0 && keys[i] >= threshold) {
      shared.winners[atomicAdd(&shared.winner_count, 1)] = keys[i];
    }
  }
  __syncthreads();
}

__global__ void __launch_bounds__(kTopKThreads)
    TopKKernel(const float* logits, int64_t stride, int columns, const uint64_t* best, int segments,
               int k, float* values, int32_t* ids) {
  __shared__ TopKShared shared;
  WaitForEarlierWork();
  LetLaterWorkBegin();
  const int thread = threadIdx.x;
  const float* row = logits + blockIdx.x * stride;
  if (thread == 0) shared.chosen_count = shared.candidate_count = shared.winner_count = 0;
  shared.candidates[thread] = 0;

  // The k best segments.
  uint64_t segment_keys[kSegmentsEach];
#pragma unroll
  for (int i = 0; i < kSegmentsEach; ++i) {
    const int segment = i * kTopKThreads + thread;
    segment_keys[i] =
        segment < segments ? best[static_cast<int64_t>(blockIdx.x) * segments + segment] : 0;
  }
  const uint64_t bound =
      ThresholdOfLargest(k, BlockCount<kSegmentsEach>{segment_keys, shared.counts});
#pragma unroll
  for (int i = 0; i < kSegmentsEach; ++i) {
    if (segment_keys[i] != 0 && segment_keys[i] >= bound) {
      shared.chosen[atomicAdd(&shared.chosen_count, 1)] = i * kTopKThreads + thread;
    }
  }
  __syncthreads();

  // Their columns that reach the bound.
  uint64_t keys[kCandidatesEach];
#pragma unroll
  for (int i = 0; i < kCandidatesEach; ++i) {
    const int index = i * kTopKThreads + thread;
    keys[i] = 0;
    if (index / kSegment < shared.chosen_count) {
      const int column = shared.chosen[index / kSegment] * kSegment + index % kSegment;
      if (column < columns) keys[i] = SelectKey(row[column], column);
      if (keys[i] < bound) keys[i] = 0;
    }
  }
  const int candidates = BlockCount<kCandidatesEach>{keys, shared.counts}(1);
  __syncthreads();
  if (candidates <= kTopKThreads) {  // nearly always: then one key a thread
#pragma unroll
    for (int i = 0; i < kCandidatesEach; ++i) {
      if (keys[i] != 0) shared.candidates[atomicAdd(&shared.candidate_count, 1)] = keys[i];
    }
    __syncthreads();
    const uint64_t own[1] = {shared.candidates[thread]};
    Choose(own, k, shared);
  } else {
    Choose(keys, k, shared);
  }

  // Each winner's place is the number of those before it.
  if (thread >= k) return;
  const int count = shared.winner_count;
  int place = thread;
  float value = __int_as_float(0xff800000);
  int32_t id = -1;
  if (thread < count) {
    const uint64_t own = shared.winners[thread];
    place = 0;
    for (int i = 0; i < count; ++i) place += shared.winners[i] > own;
    id = static_cast<int32_t>(SelectColumn(own));
    value = row[id];
  }
  values[static_cast<int64_t>(blockIdx.x) * k + place] = value;
  ids[static_cast<int64_t>(blockIdx.x) * k + place] = id;
}

bool Takes(const GpuMatrix& logits, const void* scratch) {
  return IsMatrix(logits, DType::kF32) && logits.rows <= kMaxSelectRows &&
         logits.columns <= kMaxSelectColumns && scratch != nullptr && Aligned(scratch, 8);
}

int FindBestOfSegments(const GpuMatrix& logits, const uint32_t* allowed, uint64_t* best,
                       const LaunchOn& on) {
  const int64_t segments = Segments(logits.columns);
  const dim3 grid(static_cast<unsigned>((segments + kWarps - 1) / kWarps),
                  static_cast<unsigned>(logits.rows));
  const auto kernel = InRunsOf(logits, 4) ? SegmentKernel<true> : SegmentKernel<false>;
  return Launch(kernel, grid, kWarps * 32, 0, on, static_cast<const float*>(logits.data),
                logits.stride, static_cast<int>(logits.columns), allowed,
                static_cast<int>((logits.columns + 31) / 32), best, static_cast<int>(segments));
}

}  // namespace

size_t SelectScratchBytes(int64_t rows, int64_t columns) {
  return static_cast<size_t>(rows * Segments(columns)) * sizeof(uint64_t);
}

int LaunchArgMax(GpuMatrix logits, const uint32_t* allowed, int32_t* ids, void* scratch,
                 void* stream) {
  if (!Takes(logits, scratch) || ids == nullptr) return cudaErrorInvalidValue;
  if (logits.rows == 0) return cudaSuccess;
  auto* best = static_cast<uint64_t*>(scratch);
  const auto on = OnStream(stream);
  if (const int error = FindBestOfSegments(logits, allowed, best, on); error != 0) return error;
  return Launch(ArgMaxKernel, static_cast<unsigned>(logits.rows), kArgMaxThreads, 0, on, best,
                static_cast<int>(Segments(logits.columns)), ids);
}

int LaunchTopK(GpuMatrix logits, int64_t k, float* values, int32_t* ids, void* scratch,
               void* stream) {
  if (!Takes(logits, scratch) || values == nullptr || ids == nullptr || k < 1 || k > kMaxTopK) {
    return cudaErrorInvalidValue;
  }
  if (logits.rows == 0) return cudaSuccess;
  auto* best = static_cast<uint64_t*>(scratch);
  const auto on = OnStream(stream);
  if (const int error = FindBestOfSegments(logits, nullptr, best, on); error != 0) return error;
  return Launch(TopKKernel, static_cast<unsigned>(logits.rows), kTopKThreads, 0, on,
                static_cast<const float*>(logits.data), logits.stride,
                static_cast<int>(logits.columns), best, static_cast<int>(Segments(logits.columns)),
                static_cast<int>(k), values, ids);
}

}  // namespace footnote::kernels::cuda
