// Attention of many new rows over pages: FlashAttention-2's order of work (Dao 2023) on tensor
// cores. A block attends 128 rows (64 where D > 128) of one query head of one sequence.
#include <cuda_runtime.h>

#include <algorithm>

#include "kernels/cuda/attention_block.h"
#include "kernels/cuda/attention_kernels.h"
#include "kernels/cuda/attention_plan.h"
#include "kernels/cuda/attention_scoring.h"
#include "kernels/cuda/overlap.h"

namespace footnote::kernels::cuda {
namespace {

// Grid: heads, tiles of rows (the last first: they have most keys), sequences and one more for the
// rows behind them.
template <int kD, int kM>
__global__ void __launch_bounds__(kBlockWarps * 32, 2)
    PrefillKernel(const AttentionWork work, int group, Scoring scoring, int64_t least_rows) {
  constexpr int kRows = 64 * kM;
  WaitForEarlierWork();
  LetLaterWorkBegin();
  const GpuSequences& sequences = work.sequences;
  const int b = static_cast<int>(blockIdx.z), head = static_cast<int>(blockIdx.x);
  const int tile = static_cast<int>(gridDim.y - 1 - blockIdx.y);
  const int first_row = sequences.first_row[b];
  const int64_t column = static_cast<int64_t>(head) * kD;
  if (b == sequences.count) {
    if (tile == 0) ZeroRows(work.out, first_row, sequences.rows, column, kD);
    return;
  }
  const int rows = sequences.first_row[b + 1] - first_row;
  if (rows < least_rows || tile * kRows >= rows) return;
  const int length = sequences.lengths[b];
  const int row0 = first_row + tile * kRows;
  const int tile_rows = min(rows - tile * kRows, kRows);
  const int first_position = length - rows + tile * kRows;
  const int key_end = min(length, first_position + tile_rows);
  if (key_end <= 0) {
    ZeroRows(work.out, row0, row0 + tile_rows, column, kD);
    return;
  }
  const int seen_from = scoring.window > 0 ? max(0, first_position - scoring.window + 1) : 0;

  const PagedKeys<kD> keys(work.layer, sequences.pages + b * sequences.pages_stride, head / group);
  const int64_t stride = work.queries.stride;
  const __half* queries = static_cast<const __half*>(work.queries.data) + row0 * stride + column;
  const RowTile rows_of_tile = {tile_rows, first_position, seen_from / 16 * 16, key_end};
  AttendBlock<kD, kM, true, true>(
      rows_of_tile, keys, scoring,
      [&](uint32_t to, int row, int lane) {
        LoadRows16<kD>(to, queries + row * stride, stride, tile_rows - row, queries, lane);
      },
      [&](int row, int at, float a, float c) {
        WithElement(work.out, row0 + row, column + at, [&](auto* to) { StorePair(to, a, c); });
      },
      [](int, float, float) {});
}

template <int kD>
int LaunchWidth(const AttentionWork& work, int64_t least_rows, bool tail, const LaunchOn& on) {
  // 32 rows a warp read each key fragment half as often from shared memory as 16 do; D = 256 has
  // no registers for them.
  constexpr int kM = kD > 128 ? 1 : 2;
  constexpr int kBytes = AttendBlockBytes<kD, kM>();
  const auto kernel = PrefillKernel<kD, kM>;
  if (const cudaError_t error =
          cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, kBytes);
      error != cudaSuccess) {
    return error;
  }
  const int64_t tiles = CeilDivide(std::max<int64_t>(work.sequences.most_rows, 1), 64 * kM);
  const int64_t deep = work.sequences.count + (tail ? 1 : 0);
  if (tiles > 65535 || deep > 65535) return cudaErrorInvalidValue;
  const dim3 grid(static_cast<unsigned>(work.heads()), static_cast<unsigned>(tiles),
                  static_cast<unsigned>(deep));
  return Launch(kernel, grid, kBlockWarps * 32, kBytes, on, work, static_cast<int>(work.group()),
                ScoringOf(work.params), least_rows);
}

}  // namespace

int LaunchPrefill(const AttentionWork& work, int64_t least_rows, bool tail, void* stream) {
  const auto on = OnStream(stream);
  switch (work.layer.head_width) {
    case 64:
      return LaunchWidth<64>(work, least_rows, tail, on);
    case 80:
      return LaunchWidth<80>(work, least_rows, tail, on);
    case 96:
      return LaunchWidth<96>(work, least_rows, tail, on);
    case 112:
      return LaunchWidth<112>(work, least_rows, tail, on);
    case 128:
      return LaunchWidth<128>(work, least_rows, tail, on);
    case 256:
      return LaunchWidth<256>(work, least_rows, tail, on);
    default:
      return cudaErrorInvalidValue;
  }
}

}  // namespace footnote::kernels::cuda
