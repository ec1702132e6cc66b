// Weights to registers, 16 rows a warp; their lanes' own bytes are the fragments of mma.sync, so no
// shared memory and no barriers are needed. The columns that a lane multiplies in one step are any
// four, as long as x lies in the same order (FragmentAt).
//
// Lane 4 g + q of a warp: rows g and g + 8, quarter q of each chunk of 128 columns.
#include "kernels/cuda/product_mma.h"

#include <algorithm>

#include "kernels/cuda/instructions.h"
#include "kernels/cuda/weight_layout.h"

namespace footnote::kernels::cuda {
namespace {

constexpr int kWarps = 4;
constexpr int kRowsPerBlock = kWarps * 16;
constexpr int kAhead = 2;  // chunks of weights in flight a lane

__device__ __forceinline__ uint32_t Bits(__half2 v) { return *reinterpret_cast<uint32_t*>(&v); }

// A lane's 32 weights of a row: the group that is its quarter of the chunk.
template <typename Layout>
struct GroupRow {
  using Slot = typename Layout::Slot;
  static constexpr bool kBfloat = false;

  __device__ static Slot Load(const uint8_t* row, int columns, int chunk, int quarter,
                              bool inside) {
    const int groups = columns / kGroup, g = chunk * 4 + quarter;
    return inside && g < groups ? Layout::Load(row, groups, g) : Layout::Zero();
  }

  __device__ explicit GroupRow(const Slot& slot) : codes(Layout::Unpack(slot)) {
#pragma unroll
    for (int h = 0; h < 2; ++h) {
      step[h] = __float2half2_rn(codes.step[h] * kHalfScale);
      offset[h] = __float2half2_rn(codes.offset[h] * kHalfScale);
    }
  }

  // Elements 4 s…4 s + 3 as float16: the pairs of both halves of a multiplication's columns.
  __device__ void Step(int s, uint32_t* a, uint32_t* b) const {
    // A byte below a float16's 1024 is 1024 plus the byte; signed ones are moved up by 128 first.
    constexpr bool kSigned = Layout::kBits == 8;
    uint32_t word = s < 4 ? codes.low[s % 4] : codes.high[s % 4];
    if (kSigned) word ^= 0x80808080u;
    const __half2 base = __float2half2_rn(kSigned ? -1152.0f : -1024.0f);
    uint32_t pairs[2] = {__byte_perm(word, 0x64646464u, 0x4140),
                         __byte_perm(word, 0x64646464u, 0x4342)};
#pragma unroll
    for (int p = 0; p < 2; ++p) {
      const __half2 code = __hadd2(*reinterpret_cast<const __half2*>(&pairs[p]), base);
      pairs[p] = Bits(__hfma2(code, step[s / 4], offset[s / 4]));
    }
    *a = pairs[0];
    *b = pairs[1];
  }

  Codes codes;
  __half2 step[2], offset[2];
};

// Plain weights are fragments as they lie: four pieces of eight columns.
template <DType kType>
struct PlainRow {
  struct Slot {
    Words4 piece[4];
  };
  static constexpr bool kBfloat = kType == DType::kBF16;

  __device__ static Slot Load(const uint8_t* row, int columns, int chunk, int quarter,
                              bool inside) {
    Slot slot = {};
#pragma unroll
    for (int pair = 0; pair < 4; ++pair) {
      const int begin = chunk * kChunkColumns + 8 * (4 * pair + quarter);
      if (!inside || begin >= columns) continue;
      if (columns % 8 == 0) {
        slot.piece[pair] = LoadWords4(row + int64_t{begin} * 2);
      } else {
#pragma unroll
        for (int e = 0; e < 8; ++e) {
          if (begin + e >= columns) continue;
          slot.piece[pair].word[e / 2] |= LoadWord<uint16_t>(row + (int64_t{begin} + e) * 2)
                                          << (16 * (e % 2));
        }
      }
    }
    return slot;
  }

  __device__ explicit PlainRow(const Slot& slot) : slot(slot) {}
  __device__ void Step(int s, uint32_t* a, uint32_t* b) const {
    *a = slot.piece[s / 2].word[s % 2 * 2];
    *b = slot.piece[s / 2].word[s % 2 * 2 + 1];
  }

  Slot slot;
};

template <typename Row, int kTiles>
__global__ void __launch_bounds__(kWarps * 32) MmaKernel(const __grid_constant__ MmaWork work) {
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  const int quarter = lane % 4;
  const int n = static_cast<int>(blockIdx.x) * kRowsPerBlock + warp * 16 + lane / 4;
  const int tile0 = static_cast<int>(blockIdx.z) * kTiles;
  const int part = static_cast<int>(blockIdx.y);
  const int begin = part * work.chunks_each;
  const int end = min(begin + work.chunks_each, Chunks(work.columns));
  const bool inside[2] = {n < work.rows, n + 8 < work.rows};
  const uint8_t* rows[2] = {work.w + n * work.row_bytes, work.w + (n + 8) * work.row_bytes};

  typename Row::Slot slots[kAhead][2];
  const auto fill = [&](int s, int chunk) {
#pragma unroll
    for (int r = 0; r < 2; ++r) {
      slots[s][r] = Row::Load(rows[r], work.columns, chunk, quarter, inside[r] && chunk < end);
    }
  };
#pragma unroll
  for (int s = 0; s < kAhead; ++s) fill(s, begin + s);
  WaitForEarlierWork();
  LetLaterWorkBegin();

  float sums[kTiles][4] = {};
  const auto* x = static_cast<const uint4*>(work.fragments) + tile0 * 32 + lane;
  for (int chunk = begin; chunk < end; chunk += kAhead) {
#pragma unroll
    for (int s = 0; s < kAhead; ++s) {
      const int at = chunk + s;
      if (at >= end) break;  // the same for the whole block
      const Row top(slots[s][0]), bottom(slots[s][1]);
      fill(s, at + kAhead);
#pragma unroll
      for (int pair = 0; pair < 4; ++pair) {
        uint32_t a[2][4];
#pragma unroll
        for (int i = 0; i < 2; ++i) {
          top.Step(2 * pair + i, &a[i][0], &a[i][2]);
          bottom.Step(2 * pair + i, &a[i][1], &a[i][3]);
        }
        const uint4* from = x + (int64_t{at} * 4 + pair) * work.tiles * 32;
#pragma unroll
        for (int tile = 0; tile < kTiles; ++tile) {
          const uint4 b = from[tile * 32];
          MultiplyAdd<Row::kBfloat>(sums[tile], a[0], b.x, b.y);
          MultiplyAdd<Row::kBfloat>(sums[tile], a[1], b.z, b.w);
        }
      }
    }
  }

  // Rows g, g + 8 and tokens 2 q, 2 q + 1 of each tile.
#pragma unroll
  for (int tile = 0; tile < kTiles; ++tile) {
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const int t = (tile0 + tile) * 8 + quarter * 2 + i % 2;
      const int row = n + i / 2 * 8;
      if (t < work.tokens && row < work.rows) {
        work.sums[(int64_t{part} * work.tokens + t) * work.rows + row] = sums[tile][i];
      }
    }
  }
}

// The tiles that a block multiplies at once.
int TilesAtOnce(int64_t tokens) {
  const int64_t tiles = (tokens + 7) / 8;
  return tiles <= 1 ? 1 : tiles <= 2 ? 2 : tiles <= 4 ? 4 : 8;
}

template <typename Row>
int LaunchRows(const MmaWork& work, const LaunchOn& on) {
  const int at_once = TilesAtOnce(work.tokens);
  const dim3 grid(static_cast<unsigned>((work.rows + kRowsPerBlock - 1) / kRowsPerBlock),
                  static_cast<unsigned>(work.split), static_cast<unsigned>(work.tiles / at_once));
  switch (at_once) {
    case 1:
      return Launch(MmaKernel<Row, 1>, grid, kWarps * 32, 0, on, work);
    case 2:
      return Launch(MmaKernel<Row, 2>, grid, kWarps * 32, 0, on, work);
    case 4:
      return Launch(MmaKernel<Row, 4>, grid, kWarps * 32, 0, on, work);
    default:
      return Launch(MmaKernel<Row, 8>, grid, kWarps * 32, 0, on, work);
  }
}

// F32 weights, exactly: tiles of 64 rows and 64 tokens in shared memory, 16 columns at a time.
constexpr int kTile = 64, kDepth = 16;

__global__ void __launch_bounds__(256)
    FloatProductKernel(const __grid_constant__ MmaWork work, const float* x) {
  __shared__ float of_w[kDepth][kTile + 4], of_x[kDepth][kTile + 4];
  WaitForEarlierWork();
  const auto* w = reinterpret_cast<const float*>(work.w);
  const int n0 = static_cast<int>(blockIdx.x) * kTile, t0 = static_cast<int>(blockIdx.y) * kTile;
  const int column = static_cast<int>(threadIdx.x) % 16, row = static_cast<int>(threadIdx.x) / 16;
  const int staged = StagedColumns(work.columns);
  float sums[4][4] = {};
  for (int k0 = 0; k0 < work.columns; k0 += kDepth) {
    const int k = k0 + column;
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const int at = row + 16 * i;
      of_w[column][at] =
          k < work.columns && n0 + at < work.rows ? w[int64_t{n0 + at} * work.columns + k] : 0.0f;
      of_x[column][at] = k < work.columns && t0 + at < work.tokens
                             ? x[int64_t{t0 + at} * staged + StagedAt(work.columns, k)]
                             : 0.0f;
    }
    __syncthreads();
#pragma unroll
    for (int d = 0; d < kDepth; ++d) {
      float a[4], b[4];
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        a[i] = of_x[d][row * 4 + i];
        b[i] = of_w[d][column * 4 + i];
      }
#pragma unroll
      for (int i = 0; i < 4; ++i) {
#pragma unroll
        for (int j = 0; j < 4; ++j) sums[i][j] = fmaf(a[i], b[j], sums[i][j]);
      }
    }
    __syncthreads();
  }
#pragma unroll
  for (int i = 0; i < 4; ++i) {
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      const int t = t0 + row * 4 + i, n = n0 + column * 4 + j;
      if (t < work.tokens && n < work.rows) work.sums[int64_t{t} * work.rows + n] = sums[i][j];
    }
  }
}

constexpr int kFinishThreads = 256;

__global__ void __launch_bounds__(kFinishThreads)
    FinishKernel(const __grid_constant__ FinishWork work) {
  WaitForEarlierWork();
  LetLaterWorkBegin();
  const int n = static_cast<int>(blockIdx.x) * kFinishThreads + static_cast<int>(threadIdx.x);
  const int t = static_cast<int>(blockIdx.y);
  if (n >= work.rows) return;
  const int64_t at = int64_t{t} * work.rows + n, step = int64_t{work.tokens} * work.rows;
  const auto total = [&](const float* sums, int split, float factor, const float* bias) {
    float sum = sums[at];
    for (int s = 1; s < split; ++s) sum += sums[at + s * step];
    return fmaf(sum, factor, bias == nullptr ? 0.0f : bias[n]);
  };
  float v =
      Activated(work.out.activation, total(work.sums, work.split, work.factor, work.out.bias));
  if (work.up != nullptr) v *= total(work.up, work.up_split, work.up_factor, work.up_bias);
  Store(work.out, t, n, v);
}

}  // namespace

int MmaTiles(int64_t tokens) {
  const int64_t tiles = (tokens + 7) / 8;
  const int64_t at_once = TilesAtOnce(tokens);
  return static_cast<int>((tiles + at_once - 1) / at_once * at_once);
}

int MmaSplit(int64_t rows, int64_t columns, int64_t tokens, int multiprocessors) {
  const int64_t blocks =
      (rows + kRowsPerBlock - 1) / kRowsPerBlock * (MmaTiles(tokens) / TilesAtOnce(tokens));
  // Four blocks of four warps a multiprocessor keep enough in flight; a part has at least four
  // chunks, and many tokens' sums are not worth writing more often.
  const int64_t wanted = (int64_t{multiprocessors} * 4 + blocks - 1) / blocks;
  const int64_t most =
      std::min<int64_t>(Chunks(static_cast<int>(columns)) / 4, tokens > 16 ? 8 : 16);
  return static_cast<int>(std::max<int64_t>(1, std::min(wanted, most)));
}

int LaunchMma(MmaWork work, const LaunchOn& on) {
  if (work.rows < 1 || work.tokens < 1 || work.columns < 1 || work.split < 1 ||
      work.tiles != MmaTiles(work.tokens) || work.columns % BlockElements(work.dtype) != 0) {
    return cudaErrorInvalidValue;
  }
  const int chunks = Chunks(work.columns);
  work.chunks_each = (chunks + work.split - 1) / work.split;
  if (work.dtype == DType::kF16) return LaunchRows<PlainRow<DType::kF16>>(work, on);
  if (work.dtype == DType::kBF16) return LaunchRows<PlainRow<DType::kBF16>>(work, on);
  return WithLayout(work.dtype, static_cast<int>(cudaErrorInvalidValue),
                    [&](auto layout) { return LaunchRows<GroupRow<decltype(layout)>>(work, on); });
}

int LaunchFloatProduct(const MmaWork& work, const float* x, const LaunchOn& on) {
  if (work.dtype != DType::kF32 || work.rows < 1 || work.tokens < 1 || work.split != 1) {
    return cudaErrorInvalidValue;
  }
  const dim3 grid(static_cast<unsigned>((work.rows + kTile - 1) / kTile),
                  static_cast<unsigned>((work.tokens + kTile - 1) / kTile));
  return Launch(FloatProductKernel, grid, 256, 0, on, work, x);
}

int LaunchFinish(const FinishWork& work, const LaunchOn& on) {
  if (work.rows < 1 || work.tokens < 1 || work.tokens > 65535 || work.split < 1 ||
      work.up_split < 1) {
    return cudaErrorInvalidValue;
  }
  const dim3 grid(static_cast<unsigned>((work.rows + kFinishThreads - 1) / kFinishThreads),
                  static_cast<unsigned>(work.tokens));
  return Launch(FinishKernel, grid, kFinishThreads, 0, on, work);
}

}  // namespace footnote::kernels::cuda
