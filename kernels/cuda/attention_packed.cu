// Bidirectional attention of packed sequences on tensor cores: a block for each sequence, head and
// tile of rows; 128 rows, or 64 where no sequence is longer or heads are wide.
#include <cuda_runtime.h>

#include "kernels/cuda/attention.h"
#include "kernels/cuda/attention_block.h"
#include "kernels/cuda/attention_kernels.h"
#include "kernels/cuda/attention_plan.h"
#include "kernels/cuda/attention_scoring.h"
#include "kernels/cuda/overlap.h"

namespace footnote::kernels::cuda {
namespace {

struct RowKeys {
  static constexpr int kStride = 0;

  const __half* keys;
  const __half* values;
  int64_t row_stride;

  __device__ __forceinline__ int Find(int group) const { return group; }
  __device__ __forceinline__ int64_t Offset(int group) const { return group * 16 * row_stride; }
  __device__ __forceinline__ int64_t stride() const { return row_stride; }
};

// Grid: sequences times heads (neighbours share lines of the projections), tiles.
template <int kD, int kM>
__global__ void __launch_bounds__(kBlockWarps * 32, 2)
    PackedKernel(const GpuPackedAttention work, Scoring scoring) {
  constexpr int kRows = 64 * kM;
  WaitForEarlierWork();
  LetLaterWorkBegin();
  const auto heads = static_cast<unsigned>(work.heads);
  const int64_t b = blockIdx.x / heads;
  const int64_t column = blockIdx.x % heads * static_cast<int64_t>(kD);
  const int first_row = work.offsets[b];
  const int rows = work.offsets[b + 1] - first_row;
  const int begin = static_cast<int>(blockIdx.y) * kRows;
  if (begin >= rows) return;
  const int64_t stride = work.projected.stride, all = work.heads * kD;
  const __half* base =
      static_cast<const __half*>(work.projected.data) + first_row * stride + column;
  const RowKeys keys = {base + all, base + 2 * all, stride};
  const __half* queries = base + begin * stride;
  const RowTile tile = {min(rows - begin, kRows), 0, 0, rows};
  AttendBlock<kD, kM, false, false>(
      tile, keys, scoring,
      [&](uint32_t to, int row, int lane) {
        LoadRows16<kD>(to, queries + row * stride, stride, tile.rows - row, queries, lane);
      },
      [&](int row, int at, float a, float c) {
        WithElement(work.out, first_row + begin + row, column + at,
                    [&](auto* to) { StorePair(to, a, c); });
      },
      [](int, float, float) {});
}

template <int kD, int kM>
int LaunchTiles(const GpuPackedAttention& work, const LaunchOn& on) {
  constexpr int kBytes = AttendBlockBytes<kD, kM>();
  const auto kernel = PackedKernel<kD, kM>;
  if (const cudaError_t error =
          cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, kBytes);
      error != cudaSuccess) {
    return error;
  }
  const int64_t tiles = CeilDivide(work.most_rows, 64 * kM);
  if (tiles > 65535) return cudaErrorInvalidValue;
  const dim3 grid(static_cast<unsigned>(work.sequences * work.heads), static_cast<unsigned>(tiles));
  AttentionParams params;
  params.scale = work.scale;
  return Launch(kernel, grid, kBlockWarps * 32, kBytes, on, work, ScoringOf(params));
}

template <int kD>
int LaunchWidth(const GpuPackedAttention& work, const LaunchOn& on) {
  if constexpr (kD <= 64) {  // wider heads leave no registers for 32 rows a warp
    if (work.most_rows > 64) return LaunchTiles<kD, 2>(work, on);
  }
  return LaunchTiles<kD, 1>(work, on);
}

bool Fits(const GpuPackedAttention& work) {
  const GpuMatrix& projected = work.projected;
  const GpuMatrix& out = work.out;
  if (projected.dtype != DType::kF16 && projected.dtype != DType::kF32) return false;
  if (out.dtype != DType::kF16 && out.dtype != DType::kF32 && out.dtype != DType::kBF16) {
    return false;
  }
  if (work.heads <= 0 || work.head_width <= 0 || work.head_width > 256) return false;
  const int64_t all = work.heads * work.head_width;
  if (projected.columns != 3 * all || out.columns != all) return false;
  if (projected.stride % 8 != 0 || out.stride % 8 != 0) return false;
  if (projected.stride < 3 * all || out.stride < all) return false;
  if (work.sequences < 0 || work.sequences * work.heads > 0x7fffffff) return false;
  return work.most_rows >= 0 && work.most_rows <= (1 << 30) && work.scale > 0;
}

bool Aligned16(const void* p) { return reinterpret_cast<uintptr_t>(p) % 16 == 0; }

}  // namespace

int LaunchAttentionPacked(const GpuPackedAttention& work, void* stream) {
  if (!Fits(work)) return cudaErrorInvalidValue;
  if (work.sequences == 0 || work.most_rows == 0) return cudaSuccess;
  const auto on = OnStream(stream);
  if (work.projected.dtype == DType::kF16 && Aligned16(work.projected.data) &&
      Aligned16(work.out.data)) {
    if (work.head_width == 32) return LaunchWidth<32>(work, on);
    if (work.head_width == 64) return LaunchWidth<64>(work, on);
    if (work.head_width == 128) return LaunchWidth<128>(work, on);
  }
  return LaunchPackedPlain(work, stream);
}

}  // namespace footnote::kernels::cuda
