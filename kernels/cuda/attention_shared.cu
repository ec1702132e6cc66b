// Keys at the start of all sequences of a batch (one prompt's beginning, asked many times): read
// for all rows at once ("cascade" attention). The rows and query heads of all sequences that share
// a KV head form tiles of 64; a block attends a tile to one split of the shared pages. Each
// sequence's own keys are attention_decode.cu's.
#include <cuda_runtime.h>

#include "kernels/cuda/attention_block.h"
#include "kernels/cuda/attention_plan.h"
#include "kernels/cuda/attention_scoring.h"
#include "kernels/cuda/attention_splits.h"

namespace footnote::kernels::cuda {
namespace {

static_assert(kSharedRows == 64, "AttendBlock's rows for one tile a warp");

// 16 rows to shared memory, from row_of(0) … row_of(valid - 1); zeros behind them.
template <int kD, typename RowOf>
__device__ __forceinline__ void LoadRowsOf16(uint32_t to, int valid, const __half* somewhere,
                                             const RowOf& row_of, int lane) {
  constexpr int kRuns = kD / 8;
#pragma unroll 1
  for (int i = 0; i < kD / 16; ++i) {
    const int row = (i * 32 + lane) / kRuns, column = (i * 32 + lane) % kRuns * 8;
    const bool exists = row < valid;
    CopyAsync16(to + static_cast<uint32_t>(row * (kD + kTilePad) + column) * 2,
                exists ? row_of(row) + column : somewhere, exists);
  }
}

// Grid: splits, KV heads times tiles.
template <int kD>
__global__ void __launch_bounds__(kBlockWarps * 32, 2)
    SharedKernel(const AttentionWork work, Splitting s, Scoring scoring, int tiles) {
  LetLaterWorkBegin();
  WaitForEarlierWork();
  const GpuSequences& sequences = work.sequences;
  const int split = static_cast<int>(blockIdx.x);
  const int kv_head = static_cast<int>(blockIdx.y) / tiles;
  const int first = static_cast<int>(blockIdx.y) % tiles * static_cast<int>(kSharedRows);
  const int packed = sequences.first_row[sequences.count] * s.group;
  if (first >= packed) return;
  const int begin = split * s.shared_each;
  const int end = min(begin + s.shared_each, s.shared_pages);
  constexpr int kTokens = static_cast<int>(kPageTokens);
  const RowTile tile = {min(packed - first, static_cast<int>(kSharedRows)), 0, begin * kTokens,
                        end * kTokens};
  const auto* queries = static_cast<const __half*>(work.queries.data);
  const int64_t base = SharedPartialIndex(s, kv_head, split) + first;
  AttendBlock<kD, 1, false, true>(
      tile, PagedKeys<kD>(work.layer, sequences.pages, kv_head), scoring,
      [&](uint32_t to, int begin_row, int lane) {
        // Packed row p is head p % group of query row p / group.
        const auto row_of = [&](int r) {
          const int p = first + begin_row + r;
          return queries + p / s.group * work.queries.stride +
                 static_cast<int64_t>(kv_head * s.group + p % s.group) * kD;
        };
        LoadRowsOf16<kD>(to, tile.rows - begin_row, queries, row_of, lane);
      },
      [&](int row, int column, float a, float b) {
        StorePair(s.partials + (base + row) * kD + column, a, b);
      },
      // The part is divided by its sum already: the sum's logarithm goes to the exponent.
      [&](int row, float largest, float sum) {
        StorePair(s.weights + (base + row) * 2,
                  sum > 0 ? fmaf(largest, scoring.multiplier, log2f(sum)) : -CUDART_INF_F,
                  sum > 0 ? 1.0f : 0.0f);
      });
}

constexpr int kMergeThreads = 64;  // of four elements

// Grid: packed rows of a sequence, KV heads, sequences. Shared parts first, then own ones.
template <int kD>
__global__ void __launch_bounds__(kMergeThreads)
    MergeSharedKernel(const AttentionWork work, Splitting s) {
  LetLaterWorkBegin();
  WaitForEarlierWork();
  const GpuSequences& sequences = work.sequences;
  const int b = static_cast<int>(blockIdx.z), kv_head = static_cast<int>(blockIdx.y);
  const int r = static_cast<int>(blockIdx.x), d = static_cast<int>(threadIdx.x) * 4;
  const int first_row = sequences.first_row[b], end_row = sequences.first_row[b + 1];
  const int length = sequences.lengths[b];
  if (r >= (end_row - first_row) * s.group || length <= 0 || d >= kD) return;
  const int64_t own_pages = CeilDivide(length, kPageTokens) - s.shared_pages;
  const int shared = static_cast<int>(s.shared_splits);
  const int own = own_pages > 0 ? static_cast<int>(SplitsUsed(own_pages, s.splits)) : 0;
  const int64_t shared_base =
      SharedPartialIndex(s, kv_head, 0) + static_cast<int64_t>(first_row) * s.group + r;
  const int64_t own_base = PartialIndex(s, work.layer, b, kv_head, 0) + r;
  const float4 merged = MergeParts<kD>(s, shared + own, d, [&](int part) {
    return part < shared ? shared_base + part * s.packed_rows
                         : own_base + (part - shared) * s.most_packed;
  });
  StoreFour(work.out, first_row + r / s.group,
            static_cast<int64_t>(kv_head * s.group + r % s.group) * kD + d, merged);
}

template <int kD>
int LaunchParts(const AttentionWork& work, const Splitting& s, const LaunchOn& on) {
  constexpr int kBytes = AttendBlockBytes<kD, 1>();
  const auto kernel = SharedKernel<kD>;
  if (const cudaError_t error =
          cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, kBytes);
      error != cudaSuccess) {
    return error;
  }
  const int64_t tiles = CeilDivide(s.packed_rows, kSharedRows);
  const int64_t wide = work.layer.kv_heads * tiles;
  if (wide > 65535) return cudaErrorInvalidValue;
  const dim3 grid(static_cast<unsigned>(s.shared_splits), static_cast<unsigned>(wide));
  return Launch(kernel, grid, kBlockWarps * 32, kBytes, on, work, s, ScoringOf(work.params),
                static_cast<int>(tiles));
}

template <int kD>
int LaunchMerge(const AttentionWork& work, const Splitting& s, const LaunchOn& on) {
  const dim3 grid(static_cast<unsigned>(s.most_packed), static_cast<unsigned>(work.layer.kv_heads),
                  static_cast<unsigned>(work.sequences.count));
  return Launch(MergeSharedKernel<kD>, grid, kMergeThreads, 0, on, work, s);
}

}  // namespace

int LaunchSharedParts(const AttentionWork& work, const Splitting& s, const LaunchOn& on) {
  switch (work.layer.head_width) {
    case 64:
      return LaunchParts<64>(work, s, on);
    case 80:
      return LaunchParts<80>(work, s, on);
    case 96:
      return LaunchParts<96>(work, s, on);
    case 112:
      return LaunchParts<112>(work, s, on);
    case 128:
      return LaunchParts<128>(work, s, on);
    case 256:
      return LaunchParts<256>(work, s, on);
    default:
      return cudaErrorInvalidValue;
  }
}

int LaunchMergeShared(const AttentionWork& work, const Splitting& s, const LaunchOn& on) {
  switch (work.layer.head_width) {
    case 64:
      return LaunchMerge<64>(work, s, on);
    case 80:
      return LaunchMerge<80>(work, s, on);
    case 96:
      return LaunchMerge<96>(work, s, on);
    case 112:
      return LaunchMerge<112>(work, s, on);
    case 128:
      return LaunchMerge<128>(work, s, on);
    case 256:
      return LaunchMerge<256>(work, s, on);
    default:
      return cudaErrorInvalidValue;
  }
}

}  // namespace footnote::kernels::cuda
