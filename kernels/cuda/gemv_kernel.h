// The kernel behind gemv.h, over what a lane loads and how it multiplies it (an "operand").
//
// A warp takes kRows rows of weights at once, or `split` warps of a block share them by chunks of
// the columns; the grid is one load of the device, and warps go on to further rows. A ring of
// kSlots loads a lane stays in flight from before x is ready to the last row, and rows further
// ahead are prefetched into the second-level cache, so that memory does not rest while blocks wait
// for x. Sums: lanes in a butterfly, then the sharing warps in order; nothing depends on the grid.
#pragma once

#include <algorithm>

#include "kernels/cuda/gemv.h"
#include "kernels/cuda/instructions.h"
#include "kernels/cuda/weight_layout.h"

namespace footnote::kernels::cuda {

inline constexpr int kGemvThreads = 512;
inline constexpr int kGemvWarps = kGemvThreads / 32;

// 32 quantised weights a lane, times x rounded to 8 bits: products of a group are exact integers.
template <typename Layout>
struct QuantisedOperand {
  using Slot = typename Layout::Slot;
  static constexpr bool kRounds = true;
  static constexpr int kElements = kGroup;

  __device__ explicit QuantisedOperand(int columns) : blocks(columns / kGroup) {}
  __device__ static int64_t XRowBytes(int columns) { return RoundedRowBytes(columns); }
  __device__ Slot Load(const uint8_t* row, int index) const {
    return Layout::Load(row, blocks, index);
  }
  __device__ static Slot Zero() { return Layout::Zero(); }

  template <int kRows, int kTokens>
  __device__ void Multiply(const Slot (&slots)[kRows], const uint8_t* x, int x_row, int tokens,
                           int index, float (&sums)[kRows][kTokens]) const {
    Codes codes[kRows];
#pragma unroll
    for (int r = 0; r < kRows; ++r) codes[r] = Layout::Unpack(slots[r]);
#pragma unroll
    for (int t = 0; t < kTokens; ++t) {
      const uint8_t* row = x + (kTokens == 1 ? 0 : min(t, tokens - 1)) * x_row;
      const uint4 low = reinterpret_cast<const uint4*>(row)[index];
      const uint4 high = reinterpret_cast<const uint4*>(row)[blocks + index];
      const uint2 scale = reinterpret_cast<const uint2*>(row + int64_t{blocks} * 32)[index];
      const uint32_t a[4] = {low.x, low.y, low.z, low.w};
      const uint32_t b[4] = {high.x, high.y, high.z, high.w};
#pragma unroll
      for (int r = 0; r < kRows; ++r) {
        int first = 0, second = 0;
#pragma unroll
        for (int w = 0; w < 4; ++w) {
          first = __dp4a(static_cast<int>(codes[r].low[w]), static_cast<int>(a[w]), first);
          second = __dp4a(static_cast<int>(codes[r].high[w]), static_cast<int>(b[w]), second);
        }
        const int sums_of_x = static_cast<int>(scale.y);
        float value;
        if constexpr (Layout::kOneStep) {
          value = codes[r].step[0] * static_cast<float>(first + second);
          if constexpr (Layout::kHasOffset) {
            const int sum = __dp2a_lo(sums_of_x, 0x0101, 0);  // both halves
            value = fmaf(codes[r].offset[0], static_cast<float>(sum), value);
          }
        } else {
          const int sum_a = static_cast<int16_t>(sums_of_x & 0xffff), sum_b = sums_of_x >> 16;
          value = codes[r].step[0] * static_cast<float>(first - Layout::kZeroCode * sum_a);
          value =
              fmaf(codes[r].step[1], static_cast<float>(second - Layout::kZeroCode * sum_b), value);
        }
        sums[r][t] = fmaf(__uint_as_float(scale.x), value, sums[r][t]);
      }
    }
  }

  int blocks;
};

// 16 bytes of float32, float16 or bfloat16 weights a lane, times x in float32.
template <DType kType>
struct PlainOperand {
  using Slot = Words4;
  static constexpr bool kRounds = false;
  static constexpr int kSize = kType == DType::kF32 ? 4 : 2;
  static constexpr int kElements = 16 / kSize;

  __device__ explicit PlainOperand(int columns)
      : blocks((columns + kElements - 1) / kElements),
        columns(columns),
        whole(columns % kElements == 0) {}
  __device__ static int64_t XRowBytes(int columns) { return int64_t{StagedColumns(columns)} * 4; }
  __device__ static Slot Zero() { return Slot{}; }
  __device__ Slot Load(const uint8_t* row, int index) const {
    if (whole) return LoadWords4(row + static_cast<int64_t>(index) * 16);
    Slot slot = {};  // rows that do not start at a multiple of 16 bytes: element by element
#pragma unroll
    for (int e = 0; e < kElements; ++e) {
      const int k = index * kElements + e;
      if (k >= columns) continue;
      const uint8_t* at = row + static_cast<int64_t>(k) * kSize;
      if constexpr (kSize == 4) {
        slot.word[e] = LoadWord<uint32_t>(at);
      } else {
        slot.word[e / 2] |= LoadWord<uint16_t>(at) << (16 * (e % 2));
      }
    }
    return slot;
  }

  // Elements 4 part…4 part + 3.
  __device__ static float4 Decode(const Slot& slot, int part) {
    if constexpr (kType == DType::kF32) {
      return {__uint_as_float(slot.word[0]), __uint_as_float(slot.word[1]),
              __uint_as_float(slot.word[2]), __uint_as_float(slot.word[3])};
    }
    const uint32_t a = slot.word[2 * part % 4], b = slot.word[(2 * part + 1) % 4];
    if constexpr (kType == DType::kBF16) {
      return {__uint_as_float(a << 16), __uint_as_float(a & 0xffff0000u), __uint_as_float(b << 16),
              __uint_as_float(b & 0xffff0000u)};
    }
    const float2 first = __half22float2(*reinterpret_cast<const __half2*>(&a));
    const float2 second = __half22float2(*reinterpret_cast<const __half2*>(&b));
    return {first.x, first.y, second.x, second.y};
  }

  template <int kRows, int kTokens>
  __device__ void Multiply(const Slot (&slots)[kRows], const uint8_t* x, int x_row, int tokens,
                           int index, float (&sums)[kRows][kTokens]) const {
    const int half = StagedColumns(columns) / 2;
#pragma unroll
    for (int part = 0; part < kElements / 4; ++part) {
      const int at = kElements == 8 ? part * half + index * 4 : (index % 2) * half + index / 2 * 4;
      float4 w[kRows];
#pragma unroll
      for (int r = 0; r < kRows; ++r) w[r] = Decode(slots[r], part);
#pragma unroll
      for (int t = 0; t < kTokens; ++t) {
        const int row = kTokens == 1 ? 0 : min(t, tokens - 1);
        const float4 four =
            *reinterpret_cast<const float4*>(reinterpret_cast<const float*>(x + row * x_row) + at);
#pragma unroll
        for (int r = 0; r < kRows; ++r) {
          float sum = sums[r][t];
          sum = fmaf(w[r].x, four.x, sum);
          sum = fmaf(w[r].y, four.y, sum);
          sum = fmaf(w[r].z, four.z, sum);
          sums[r][t] = fmaf(w[r].w, four.w, sum);
        }
      }
    }
  }

  int blocks;
  int columns;
  bool whole;
};

// The rows of a unit; behind the last row, the last again, whose results nobody stores.
template <int kRows>
struct UnitRows {
  const uint8_t* row[kRows];
  int target;
  int first;
  bool inside;

  __device__ UnitRows(const GemvWork& work, int unit) : inside(unit < work.units) {
    unit = min(unit, work.units - 1);
    target = 0;
    if (work.gated) {
      first = unit * (kRows / 2);
#pragma unroll
      for (int j = 0; j < kRows; ++j) {
        const GemvTarget& of = work.targets[j % 2];
        row[j] = of.w + min(first + j / 2, of.rows - 1) * of.row_bytes;
      }
      return;
    }
    for (int i = 1; i < work.target_count; ++i) {
      if (unit >= work.targets[i].first_unit) target = i;
    }
    const GemvTarget& of = work.targets[target];
    first = (unit - of.first_unit) * kRows;
#pragma unroll
    for (int j = 0; j < kRows; ++j) row[j] = of.w + min(first + j, of.rows - 1) * of.row_bytes;
  }
};

// Lane j * kTokens + t stores the sum of row j and token t. What it adds to it, bias and what is in
// the output already, it loads while the weights are under way; 0 where it stores nothing.
template <int kRows, int kTokens>
__device__ __forceinline__ float LoadAddend(const GemvWork& work, int target, int first,
                                            bool stores) {
  const int lane = threadIdx.x % 32, t = lane % kTokens, n = first + lane / kTokens;
  if (work.gated || !stores || lane >= kRows * kTokens || t >= work.x.tokens ||
      n >= work.targets[target].rows) {
    return 0.0f;
  }
  const RowOutput& out = work.targets[target].out;
  float addend = out.bias == nullptr ? 0.0f : out.bias[n];
  if (out.add) addend += static_cast<const float*>(out.data)[t * out.stride + n];
  return addend;
}

template <int kRows, int kTokens>
__device__ __forceinline__ void StoreUnit(const GemvWork& work, int target, int first, float sum,
                                          float addend, bool stores) {
  const int lane = threadIdx.x % 32, j = lane / kTokens, t = lane % kTokens;
  const float up = __shfl_down_sync(0xffffffffu, sum, kTokens % 32);  // of row j + 1, if gated
  if (!stores || lane >= kRows * kTokens || t >= work.x.tokens) return;
  const RowOutput& out = work.targets[target].out;
  if (work.gated) {
    const int n = first + j / 2;
    if (j % 2 == 1 || n >= work.targets[0].rows) return;
    const float* bias = out.bias;
    const float* up_bias = work.targets[1].out.bias;
    const float gate = sum + (bias == nullptr ? 0.0f : bias[n]);
    Store(out, t, n,
          Activated(out.activation, gate) * (up + (up_bias == nullptr ? 0.0f : up_bias[n])));
    return;
  }
  const int n = first + j;
  if (n >= work.targets[target].rows) return;
  StoreRounded(out.data, out.dtype, t * out.stride + n, Activated(out.activation, sum + addend));
}

// Brings [from, from + bytes) into the second-level cache; whole pieces of 16 bytes, a hint only.
__device__ __forceinline__ void PrefetchBytes([[maybe_unused]] const uint8_t* from,
                                              [[maybe_unused]] uint32_t bytes) {
#if __CUDA_ARCH__ >= 900
  const uint64_t begin = static_cast<uint64_t>(__cvta_generic_to_global(from)) & ~uint64_t{15};
  bytes &= ~15u;
  if (bytes == 0) return;
  asm volatile("cp.async.bulk.prefetch.L2.global [%0], %1;" ::"l"(begin), "r"(bytes) : "memory");
#endif
}

// The block's share of a launch is that of block `block` of `blocks`.
template <typename Operand, int kTokens, int kRows, int kSlots, bool kShared>
__device__ __forceinline__ void RunGemvBlock(const GemvWork& work, int block, int blocks) {
  static_assert(kRows * kTokens <= 32);
#ifdef FOOTNOTE_EMULATED_GPU
  uint8_t* staged = DynamicShared();
#else  // not by the function: two in one kernel then compile to other code
  extern __shared__ __align__(16) uint8_t staged[];
#endif
  __shared__ float parts[2][kGemvWarps];
  __shared__ float shared_sums[kGemvWarps][kRows * kTokens];

  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  const int split = work.split, part = warp % split;
  const int stride = blocks * (kGemvWarps / split);
  int unit = warp / split * blocks + block;
  const Operand operand(work.x.columns);
  const int chunks = (operand.blocks + 31) / 32;
  const int steps = ((chunks + split - 1) / split + kSlots - 1) / kSlots * kSlots;

  UnitRows<kRows> load(work, unit);
  typename Operand::Slot slots[kSlots][kRows];
  const auto fill = [&](int s, int step) {
    const int index = (step * split + part) * 32 + lane;
    const bool inside = load.inside && index < operand.blocks;
#pragma unroll
    for (int r = 0; r < kRows; ++r) {
      slots[s][r] = inside ? operand.Load(load.row[r], index) : Operand::Zero();
    }
  };
#pragma unroll
  for (int s = 0; s < kSlots; ++s) fill(s, s);

  const auto prefetch = [&](int of_unit) {
    if constexpr (kTokens > 1) return;  // their blocks leave the next kernel's no room
    if (work.prefetch_bytes == 0 || part != 0 || of_unit >= work.units) return;
    const UnitRows<kRows> rows(work, of_unit);
#pragma unroll
    for (int r = 0; r < kRows; ++r) {
      if (lane == r) PrefetchBytes(rows.row[r], work.prefetch_bytes);
    }
  };
#pragma unroll 1
  for (int i = work.prefetch_first; i <= work.prefetch_ahead; ++i) prefetch(unit + i * stride);
  // As early as can be: the next kernel's weights come while this one still waits for its x.
  LetLaterWorkBegin();

  const auto x_row = static_cast<int>(Operand::XRowBytes(work.x.columns));  // GemvTakes
  const uint8_t* x = kShared ? staged : work.prepared;
  float factors[kTokens];
#pragma unroll
  for (int t = 0; t < kTokens; ++t) factors[t] = 1.0f;
  if constexpr (kShared) {
    const bool prepares = kTokens <= 2 && work.prepared == nullptr;
    const bool factor_outside = prepares && work.x.has_norm && InOnePass(work.x);
    auto* weights = reinterpret_cast<float*>(staged + work.x.tokens * x_row);
    if (factor_outside) {
      if constexpr (Operand::kRounds) {
        KeepNormWeights<kGemvThreads>(work.x, work.x.columns / 4, [&](int quad) {
          return reinterpret_cast<float4*>(weights) + quad;
        });
      } else {
        for (int t = 0; t < work.x.tokens; ++t) {
          KeepNormWeights<kGemvThreads>(work.x, StagedColumns(work.x.columns) / 4, [&](int quad) {
            return StagedQuad(reinterpret_cast<float*>(staged + t * x_row), work.x.columns, quad);
          });
        }
      }
    }
    WaitForEarlierWork();
    if (!prepares) {
      const auto* from = reinterpret_cast<const uint4*>(work.prepared);
      const int count = work.x.tokens * x_row / 16;
#pragma unroll 2
      for (int i = static_cast<int>(threadIdx.x); i < count; i += kGemvThreads) {
        reinterpret_cast<uint4*>(staged)[i] = from[i];
      }
    } else {
#pragma unroll 1
      for (int t = 0; t < (kTokens == 1 ? 1 : work.x.tokens); ++t) {
        uint8_t* to = staged + t * x_row;
        if (InOnePass(work.x)) {
          float squares = 0;
          if constexpr (Operand::kRounds) {
            squares =
                RoundRowInOnePass<kGemvThreads>(work.x, t, factor_outside ? weights : nullptr, to);
          } else {
            squares = StageRowInOnePass<kGemvThreads>(work.x, t, reinterpret_cast<float*>(to));
          }
          if (factor_outside) KeepSquares(squares, parts[t]);
        } else {
          const RowScaling scaling = ScalingOfRow<kGemvThreads>(work.x, t, parts[0]);
          if constexpr (Operand::kRounds) {
            RoundRow<kGemvThreads>(work.x, t, scaling, to);
          } else {
            StageRow<kGemvThreads>(work.x, t, scaling, reinterpret_cast<float*>(to));
          }
        }
      }
    }
    __syncthreads();
    if (factor_outside) {
#pragma unroll
      for (int t = 0; t < (kTokens < 2 ? kTokens : 2); ++t) {
        if (t < work.x.tokens) factors[t] = RmsFactor<kGemvThreads>(work.x, parts[t]);
      }
    }
  } else {
    WaitForEarlierWork();
  }

  for (int round = 0; round < work.rounds; ++round, unit += stride) {
    const int target = load.target, first = load.first;
    const bool stores = part == 0 && unit < work.units;
    float addend = 0;
    if constexpr (kTokens == 1) addend = LoadAddend<kRows, 1>(work, target, first, stores);
    float sums[kRows][kTokens] = {};
    for (int step = 0; step < steps; step += kSlots) {
      const bool last = step + kSlots >= steps;
      if (last) {
        load = UnitRows<kRows>(work, unit + stride);
        prefetch(unit + (1 + work.prefetch_ahead) * stride);
      }
#pragma unroll
      for (int s = 0; s < kSlots; ++s) {
        const int chunk = (step + s) * split + part;
        if (chunk < chunks) {  // the same for the whole warp; lanes behind the row's end hold zeros
          const int index = min(chunk * 32 + lane, operand.blocks - 1);
          operand.Multiply(slots[s], x, x_row, work.x.tokens, index, sums);
        }
        fill(s, last ? s : step + kSlots + s);
      }
    }

    float sum = 0;  // of the row and token that this lane stores
#pragma unroll
    for (int r = 0; r < kRows; ++r) {
#pragma unroll
      for (int t = 0; t < kTokens; ++t) {
        float v = sums[r][t];
#pragma unroll
        for (int distance = 16; distance > 0; distance /= 2) {
          v += __shfl_xor_sync(0xffffffffu, v, distance);
        }
        if (lane == r * kTokens + t) sum = v * factors[t];
      }
    }
    if (split > 1) {
      __syncthreads();  // the sums of the round before have been read
      if (lane < kRows * kTokens) shared_sums[warp][lane] = sum;
      __syncthreads();
      if (part == 0 && lane < kRows * kTokens) {
        for (int p = 1; p < split; ++p) sum += shared_sums[warp + p][lane];
      }
    }
    if constexpr (kTokens > 1) addend = LoadAddend<kRows, kTokens>(work, target, first, stores);
    StoreUnit<kRows, kTokens>(work, target, first, sum, addend, stores);
  }
}

template <typename Operand, int kTokens, int kRows, int kSlots, bool kShared, int kBlocks>
__global__ void __launch_bounds__(kGemvThreads, kBlocks)
    GemvKernel(const __grid_constant__ GemvWork work) {
  RunGemvBlock<Operand, kTokens, kRows, kSlots, kShared>(work, static_cast<int>(blockIdx.x),
                                                         static_cast<int>(gridDim.x));
}

// Shared memory that a block takes for x, and for a norm's weights beside x rounded.
template <typename Operand>
int64_t GemvSharedBytes(const GemvWork& work) {
  const InputRows& x = work.x;
  const int64_t rows = x.tokens * (Operand::kRounds ? RoundedRowBytes(x.columns)
                                                    : int64_t{StagedColumns(x.columns)} * 4);
  const bool keeps_norm = Operand::kRounds && x.has_norm && work.prepared == nullptr;
  return rows + (keeps_norm ? int64_t{x.columns} * 4 : 0);
}

// Units of the work's rows, and how `blocks` blocks share them.
template <typename Operand, int kRows, int kSlots>
int PlanGemv(int64_t blocks, int64_t prefetch_bytes, int split, GemvWork* work) {
  int64_t units = 0;
  if (work->gated) {
    units = (int64_t{work->targets[0].rows} * 2 + kRows - 1) / kRows;
  } else {
    for (int i = 0; i < work->target_count; ++i) {
      work->targets[i].first_unit = static_cast<int>(units);
      units += (work->targets[i].rows + kRows - 1) / kRows;
    }
  }
  if (units > 0x3fffffff) return cudaErrorInvalidValue;
  // Warps that run at once; they share rows while there are fewer rows than warps.
  const int64_t warps = blocks * kGemvWarps;
  constexpr int kLane = 32 * Operand::kElements;
  const int chunks = (work->x.columns + kLane - 1) / kLane;
  work->split = 1;
  while (work->split < kGemvWarps && units * work->split * 2 <= warps &&
         chunks >= 2 * work->split * kSlots) {
    work->split *= 2;
  }
  if (split > 0) work->split = split;
  if (kGemvWarps % work->split != 0) return cudaErrorInvalidValue;
  const int64_t per_block = kGemvWarps / work->split;
  work->units = static_cast<int>(units);
  work->rounds = static_cast<int>((units + blocks * per_block - 1) / (blocks * per_block));

  // Rows whose slots do not hold them are prefetched from the first on.
  const bool long_rows = chunks > kSlots * work->split;
  const int64_t row_bytes = work->targets[0].row_bytes;
  const int64_t a_row = prefetch_bytes / (per_block * kRows);
  const int64_t rows = a_row / row_bytes;  // of each warp, within prefetch_bytes
  work->prefetch_first = long_rows ? 0 : 1;
  work->prefetch_ahead =
      static_cast<int>(std::min<int64_t>(std::max<int64_t>(rows - (long_rows ? 1 : 0), 0), 64));
  work->prefetch_bytes = static_cast<uint32_t>(std::min(row_bytes, a_row));
  if (!long_rows && rows == 0) work->prefetch_bytes = 0;
  return cudaSuccess;
}

// Two blocks fill a multiprocessor. One, which leaves the next kernel's blocks room to begin beside
// it, is a fifth faster for 4096 x 4096 alone, but a fifth slower for whole models (7B Q4_K_M: 331
// instead of 411 tokens/s).
inline int64_t BlocksOf(const GemvVariant& variant, int most) {
  return variant.blocks > 0 ? std::min(variant.blocks, most) : most;
}

// Fetching rows into the second-level cache ahead of their use was slower at every size but the
// smallest (14336 x 4096: 15.5 instead of 14.0 us), so it is off unless asked for.
inline int64_t PrefetchBytesOf(const GemvVariant& variant, const LaunchOn& on, int64_t blocks) {
  if (variant.prefetch_kib <= 0 || !on.overlap) return 0;
  return int64_t{variant.prefetch_kib} * 1024 / blocks;
}

template <typename Kernel>
int AllowShared(Kernel kernel, int64_t shared) {
  if (shared > kGemvSharedBytes) return cudaErrorInvalidValue;
  if (shared <= 16 * 1024) return cudaSuccess;  // with the static part, what a block gets unasked
  return cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                              static_cast<int>(kGemvSharedBytes));
}

template <typename Operand, int kTokens, int kRows, int kSlots, bool kShared, int kBlocks>
int LaunchGemvVariant(GemvWork work, int multiprocessors, const GemvVariant& variant,
                      const LaunchOn& on) {
  if (work.gated && kRows % 2 != 0) return cudaErrorInvalidValue;
  if (kTokens > 2 && work.prepared == nullptr) return cudaErrorInvalidValue;
  const int64_t shared = kShared ? GemvSharedBytes<Operand>(work) : 0;
  const auto kernel = GemvKernel<Operand, kTokens, kRows, kSlots, kShared, kBlocks>;
  if (const int error = AllowShared(kernel, shared); error != cudaSuccess) return error;
  const int64_t blocks = BlocksOf(variant, kBlocks);
  const int64_t most = blocks * multiprocessors;
  if (const int error = PlanGemv<Operand, kRows, kSlots>(most, PrefetchBytesOf(variant, on, blocks),
                                                         variant.split, &work);
      error != cudaSuccess) {
    return error;
  }
  // All warps of the grid have a unit in the first round.
  const int64_t per_block = kGemvWarps / work.split;
  const int64_t grid = std::min<int64_t>((work.units + per_block - 1) / per_block, most);
  return Launch(kernel, static_cast<unsigned>(grid), kGemvThreads, static_cast<size_t>(shared), on,
                work);
}

}  // namespace footnote::kernels::cuda
