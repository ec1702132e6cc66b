// Attention of few new rows over long sequences: bound by reading keys and values once.
//
// The rows and query heads that share a KV head form tiles of 16 ("packed" row r is query row
// r / group, head r % group). A block takes one tile and one split of the sequence's pages; each of
// its warps streams pages of its own through shared memory, with no barrier between warps, and they
// merge at the end. The block that is last to store its split merges all splits of the tile, in
// order: which block that is cannot show in the result.
#include <cuda_runtime.h>

#include <algorithm>

#include "kernels/cuda/attention.h"
#include "kernels/cuda/attention_kernels.h"
#include "kernels/cuda/attention_plan.h"
#include "kernels/cuda/attention_scoring.h"
#include "kernels/cuda/attention_splits.h"
#include "kernels/cuda/attention_tile.h"
#include "kernels/cuda/instructions.h"
#include "kernels/cuda/overlap.h"

namespace footnote::kernels::cuda {
namespace {

static_assert(kPageTokens == 16, "a page is one k-step of the weighted sums");

template <int kD>
struct Decode {
  static constexpr int kWarps = kD > 128 ? 2 : 4;
  static constexpr int kStages = kD <= 64 ? 3 : 2;  // at most 70 KB a block: three fit
  static constexpr int kRow = kD + kTilePad;
  static constexpr int kStageBytes = 2 * 16 * kRow * 2;  // a page's keys and values
  static constexpr int kBytes = kWarps * kStages * kStageBytes;
  static_assert(kWarps * kTileRows * kRow * 4 <= kBytes, "merging the warps reuses the stages");
};

// Whether this block is the last of `count` to come here; then what the others wrote before can be
// read (past the first-level cache). The counter is 0 again after the last.
__device__ __forceinline__ bool IsLast(unsigned* counter, unsigned count) {
  __shared__ bool last;
  __syncthreads();  // all of the block's stores come before
  if (threadIdx.x == 0) last = OrderedIncrement(counter, count - 1) == count - 1;
  __syncthreads();
  return last;
}

// Grid: splits, KV heads times tiles, sequences and one more for the rows behind them.
template <int kD>
__global__ void __launch_bounds__(Decode<kD>::kWarps * 32)
    DecodeKernel(const AttentionWork work, Splitting s, Scoring scoring) {
  using Shape = Decode<kD>;
  constexpr int kWarps = Shape::kWarps, kStages = Shape::kStages, kRow = Shape::kRow;
  unsigned char* shared = DynamicShared();
  __shared__ float warp_largest[kWarps][kTileRows], warp_weights[kWarps][kTileRows];

  const GpuSequences& sequences = work.sequences;
  const int b = static_cast<int>(blockIdx.z);
  const int kv_head = static_cast<int>(blockIdx.y) / s.tiles;
  const int tile = static_cast<int>(blockIdx.y) % s.tiles;
  const int split = static_cast<int>(blockIdx.x);
  // Before the wait, so that what comes later gets ready while this still waits.
  LetLaterWorkBegin();
  WaitForEarlierWork();
  const bool behind = b == sequences.count;
  // All on their way before the first is looked at.
  const int first_row = sequences.first_row[b];
  const int end_row = behind ? first_row : sequences.first_row[b + 1];
  const int length = behind ? 0 : sequences.lengths[b];
  if (behind) {
    if (split == 0 && tile == 0) {
      ZeroRows(work.out, first_row, sequences.rows, static_cast<int64_t>(kv_head) * s.group * kD,
               s.group * kD);
    }
    return;
  }
  const int rows = end_row - first_row;
  const int packed = rows * s.group;
  if (rows > kDecodeRows || tile * kTileRows >= packed) return;
  PageRange seen = VisiblePages(length, rows, scoring.window);
  if (s.shared_pages > 0) seen.first = s.shared_pages;  // then there is no window
  const int64_t seen_pages = seen.end - seen.first;
  const auto row_of = [&](int r) { return static_cast<int64_t>(first_row + r / s.group); };
  const auto column_of = [&](int r) {
    return static_cast<int64_t>(kv_head * s.group + r % s.group) * kD;
  };
  if (seen_pages <= 0) {
    if (split == 0) {
      for (int r = tile * kTileRows; r < min(packed, (tile + 1) * kTileRows); ++r) {
        ZeroRows(work.out, row_of(r), row_of(r) + 1, column_of(r), kD);
      }
    }
    return;
  }
  const int64_t per_split = SplitPages(seen_pages, s.splits);
  const int page_begin = static_cast<int>(seen.first + split * per_split);
  const int page_end = static_cast<int>(min(seen.end, page_begin + per_split));
  if (page_begin >= page_end) return;
  // The only split of this sequence.
  const bool alone = s.shared_pages == 0 && seen_pages <= per_split;

  const int warp = WarpIndex(), lane = threadIdx.x % 32;

  // This warp's pages: page_begin + warp + kWarps * i. Lane l knows the number of every 32nd.
  const int32_t* page_numbers = sequences.pages + b * sequences.pages_stride;
  const int own_pages = max(0, (page_end - page_begin - warp + kWarps - 1) / kWarps);
  const auto number_of = [&](int i) {
    return i < own_pages ? page_numbers[page_begin + warp + kWarps * i] : 0;
  };
  int numbers = number_of(lane);

  const uint32_t stages = SharedAddress(shared) + warp * kStages * Shape::kStageBytes;
  constexpr uint32_t kValuesAt = 16 * kRow * 2;
  const auto* all_keys = static_cast<const __half*>(work.layer.keys);
  const auto* all_values = static_cast<const __half*>(work.layer.values);
  const auto issue = [&](int i, int stage) {
    if (i < own_pages) {
      if (i > 0 && i % 32 == 0) numbers = number_of(i + lane);
      const int64_t number = __shfl_sync(0xffffffffu, numbers, i % 32);
      const int64_t offset = (number * work.layer.kv_heads + kv_head) * (16 * kD);
      const int valid = length - (page_begin + warp + kWarps * i) * 16;
      const uint32_t to = stages + stage * Shape::kStageBytes;
      LoadRows16<kD, kD>(to, all_keys + offset, kD, valid, all_keys, lane);
      LoadRows16<kD, kD>(to + kValuesAt, all_values + offset, kD, valid, all_values, lane);
    }
    CommitCopies();  // an empty group keeps the count
  };
#pragma unroll
  for (int i = 0; i < kStages - 1; ++i) issue(i, i);

  // The A fragments of the queries: 16 rows, all of D.
  uint32_t a[kD / 16][1][4];
  int positions[2];
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    const int r = tile * kTileRows + half * 8 + lane / 4;
    const bool exists = r < packed;
    positions[half] = exists ? length - rows + r / s.group : -1;
    const __half* query = static_cast<const __half*>(work.queries.data) +
                          row_of(r) * work.queries.stride + column_of(r);
#pragma unroll
    for (int step = 0; step < kD / 16; ++step) {
#pragma unroll
      for (int i = half; i < 4; i += 2) {  // registers of this row: PairPlaceOfA
        const int column = step * 16 + PairPlaceOfA(lane, i).column;
        a[step][0][i] = exists ? *reinterpret_cast<const uint32_t*>(query + column) : 0;
      }
    }
  }

  Sums<kD, 1> sums;
  sums.Clear();
  const TilePlace place_b = LoadPlaceOfB(lane), place_t = LoadPlaceOfBTransposed(lane);
  const auto from_keys = static_cast<uint32_t>(place_b.row * kRow + place_b.column) * 2;
  const auto from_values =
      kValuesAt + static_cast<uint32_t>(place_t.row * kRow + place_t.column) * 2;
  int stage = 0;
  for (int i = 0; i < own_pages; ++i) {
    const int free_stage = stage == 0 ? kStages - 1 : stage - 1;
    issue(i + kStages - 1, free_stage);
    AwaitCopies<kStages - 1>();
    __syncwarp();  // every lane's copies are here
    const uint32_t at = stages + stage * Shape::kStageBytes;
    float scores[1][2][4] = {};
#pragma unroll
    for (int step = 0; step < kD / 16; ++step) AddScores<kD>(scores, a[step], at + from_keys, step);
    if (scoring.softcap > 0) CapScores(scores, scoring);
    MaskScores(scores, (page_begin + warp + kWarps * i) * 16, scoring.window, lane,
               [&](int, int half) { return positions[half]; });
    SoftmaxStep(sums, scores, scoring.multiplier);
    AddValues(sums, scores, at + from_values);
    __syncwarp();  // every lane has read the stage, which the next turn fills
    stage = stage == kStages - 1 ? 0 : stage + 1;
  }
  sums.FinishWeights();

  // Merge the warps, in order.
  AwaitCopies<0>();
  __syncthreads();
  float* merged = reinterpret_cast<float*>(shared);  // [kWarps][kTileRows][kRow]
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    const int r = half * 8 + lane / 4;
    if (lane % 4 == 0) {
      warp_largest[warp][r] = sums.largest[0][half];
      warp_weights[warp][r] = sums.weights[0][half];
    }
#pragma unroll
    for (int n = 0; n < kD / 8; ++n) {
      *reinterpret_cast<float2*>(merged + (warp * kTileRows + r) * kRow + n * 8 + lane % 4 * 2) =
          make_float2(sums.values[0][n][2 * half], sums.values[0][n][2 * half + 1]);
    }
  }
  __syncthreads();
  for (int e = threadIdx.x; e < kTileRows * kD / 4; e += kWarps * 32) {
    const int in_tile = e / (kD / 4), d = e % (kD / 4) * 4;
    const int r = tile * kTileRows + in_tile;
    if (r >= packed) break;  // e ascends
    float largest = warp_largest[0][in_tile];
#pragma unroll
    for (int w = 1; w < kWarps; ++w) largest = fmaxf(largest, warp_largest[w][in_tile]);
    float total = 0;
    float4 sum = make_float4(0, 0, 0, 0);
    if (largest != -CUDART_INF_F) {
#pragma unroll
      for (int w = 0; w < kWarps; ++w) {
        const float scale = Exp2((warp_largest[w][in_tile] - largest) * scoring.multiplier);
        const float4 part =
            *reinterpret_cast<const float4*>(merged + (w * kTileRows + in_tile) * kRow + d);
        total = fmaf(scale, warp_weights[w][in_tile], total);
        sum.x = fmaf(scale, part.x, sum.x);
        sum.y = fmaf(scale, part.y, sum.y);
        sum.z = fmaf(scale, part.z, sum.z);
        sum.w = fmaf(scale, part.w, sum.w);
      }
    }
    if (alone) {
      const float inverse = total > 0 ? 1.0f / total : 0.0f;
      StoreFour(work.out, row_of(r), column_of(r) + d,
                make_float4(sum.x * inverse, sum.y * inverse, sum.z * inverse, sum.w * inverse));
    } else {
      const int64_t index = PartialIndex(s, work.layer, b, kv_head, split) + r;
      *reinterpret_cast<float4*>(s.partials + index * kD + d) = sum;
      if (d == 0) {
        *reinterpret_cast<float2*>(s.weights + index * 2) =
            make_float2(largest * scoring.multiplier, total);
      }
    }
  }
  if (alone || s.shared_pages > 0) return;
  const auto used = static_cast<int>(SplitsUsed(seen_pages, s.splits));
  const int64_t piece = (b * work.layer.kv_heads + kv_head) * s.tiles + tile;
  if (!IsLast(s.counters + piece, static_cast<unsigned>(used))) return;
  for (int e = threadIdx.x; e < kTileRows * kD / 4; e += kWarps * 32) {
    const int r = tile * kTileRows + e / (kD / 4), d = e % (kD / 4) * 4;
    if (r >= packed) break;
    const int64_t base = PartialIndex(s, work.layer, b, kv_head, 0) + r;
    const float4 merged =
        MergeParts<kD>(s, used, d, [&](int part) { return base + part * s.most_packed; });
    StoreFour(work.out, row_of(r), column_of(r) + d, merged);
  }
}

int Multiprocessors() {
  int device = 0, count = 0;
  if (cudaGetDevice(&device) != cudaSuccess ||
      cudaDeviceGetAttribute(&count, cudaDevAttrMultiProcessorCount, device) != cudaSuccess) {
    return 100;
  }
  return count;
}

Splitting PlanFor(int64_t heads, const GpuSequences& sequences, const GpuKvLayer& layer,
                  const AttentionParams& params) {
  const int64_t most_rows = std::clamp<int64_t>(sequences.most_rows, 1, kDecodeRows);
  Splitting s{};
  s.group = static_cast<int>(heads / layer.kv_heads);
  s.most_packed = most_rows * s.group;
  s.tiles = static_cast<int>(CeilDivide(s.most_packed, kTileRows));
  int64_t keys = sequences.most_keys;
  if (params.window > 0) {
    // Up to 15 more of the first page seen. Windows leave little to share.
    keys = std::min(keys, params.window + most_rows + kPageTokens);
  } else if (sequences.shared_keys > 0 && sequences.count > 1 &&
             sequences.most_rows <= kDecodeRows) {
    keys = std::max<int64_t>(keys - sequences.shared_keys, 1);
    s.shared_pages = static_cast<int>(sequences.shared_keys / kPageTokens);
    s.packed_rows = sequences.rows * s.group;
    s.shared_each = static_cast<int>(
        SharedPages(s.shared_pages, layer.kv_heads * CeilDivide(s.packed_rows, kSharedRows),
                    Multiprocessors()));
    s.shared_splits = CeilDivide(s.shared_pages, s.shared_each);
  }
  const int64_t pieces = sequences.count * layer.kv_heads * s.tiles;
  s.splits = pieces > kAttentionCounters
                 ? 1
                 : PlanSplits(CeilDivide(keys, kPageTokens), pieces, Multiprocessors());
  s.shared_begin = pieces / s.tiles * s.splits * s.most_packed;
  return s;
}

int64_t Partials(const Splitting& s, const GpuKvLayer& layer) {
  if (s.shared_pages > 0) return s.shared_begin + layer.kv_heads * s.shared_splits * s.packed_rows;
  return s.splits > 1 ? s.shared_begin : 0;
}

template <int kD>
int LaunchWidth(const AttentionWork& work, const Splitting& s, const LaunchOn& on) {
  using Shape = Decode<kD>;
  if (const cudaError_t error = cudaFuncSetAttribute(
          DecodeKernel<kD>, cudaFuncAttributeMaxDynamicSharedMemorySize, Shape::kBytes);
      error != cudaSuccess) {
    return error;
  }
  const int64_t wide = work.layer.kv_heads * s.tiles, deep = work.sequences.count + 1;
  if (wide > 65535 || deep > 65535) return cudaErrorInvalidValue;
  const dim3 grid(static_cast<unsigned>(s.splits), static_cast<unsigned>(wide),
                  static_cast<unsigned>(deep));
  if (s.shared_pages > 0) {
    if (const int error = LaunchSharedParts(work, s, on); error != 0) return error;
  }
  if (const int error = Launch(DecodeKernel<kD>, grid, Shape::kWarps * 32, Shape::kBytes, on, work,
                               s, ScoringOf(work.params));
      error != 0) {
    return error;
  }
  return s.shared_pages > 0 ? LaunchMergeShared(work, s, on) : cudaSuccess;
}

}  // namespace

size_t DecodeScratchBytes(int64_t heads, const GpuSequences& sequences, const GpuKvLayer& layer,
                          const AttentionParams& params) {
  const Splitting s = PlanFor(heads, sequences, layer, params);
  return static_cast<size_t>(Partials(s, layer) * (layer.head_width + 2)) * sizeof(float);
}

int LaunchDecode(const AttentionWork& work, void* scratch, unsigned* counters, void* stream) {
  Splitting s = PlanFor(work.heads(), work.sequences, work.layer, work.params);
  const int64_t partials = Partials(s, work.layer);
  if (partials > 0 && (scratch == nullptr || reinterpret_cast<uintptr_t>(scratch) % 16 != 0 ||
                       counters == nullptr)) {
    return cudaErrorInvalidValue;
  }
  s.partials = static_cast<float*>(scratch);
  s.weights = partials > 0 ? s.partials + partials * work.layer.head_width : nullptr;
  s.counters = counters;
  const auto on = OnStream(stream);
  switch (work.layer.head_width) {
    case 64:
      return LaunchWidth<64>(work, s, on);
    case 80:
      return LaunchWidth<80>(work, s, on);
    case 96:
      return LaunchWidth<96>(work, s, on);
    case 112:
      return LaunchWidth<112>(work, s, on);
    case 128:
      return LaunchWidth<128>(work, s, on);
    case 256:
      return LaunchWidth<256>(work, s, on);
    default:
      return cudaErrorInvalidValue;
  }
}

}  // namespace footnote::kernels::cuda
