// Products of a few rows of x with quantised weights, as in decoding: each weight is read once.
//
// One warp per output row. Lanes take the row's units in turn, decode each to registers and
// multiply it with every row of x, which stays in the caches. Lane sums end in a butterfly of fixed
// order, and a row of x never meets another: results depend neither on T nor on the launch.
#include <cuda_runtime.h>

#include "kernels/cuda/block_decode.h"
#include "kernels/cuda/launch.h"

namespace footnote::kernels::cuda {
namespace {

constexpr int kWarpsPerBlock = 4;
constexpr int kMaxTokens = 8;

template <typename Unit, int kTokens>
__global__ void __launch_bounds__(kWarpsPerBlock * 32)
    GemvKernel(const uint8_t* __restrict__ w, const float* __restrict__ x, int64_t rows,
               int64_t columns, float* __restrict__ out) {
  const int lane = threadIdx.x % 32;
  const int64_t n = static_cast<int64_t>(blockIdx.x) * kWarpsPerBlock + threadIdx.x / 32;
  if (n >= rows) return;  // whole warps: n is the same for all lanes
  const uint8_t* row = w + n * (columns / Unit::kBlockElements * Unit::kBlockBytes);
  const int64_t units = UnitsPerRow<Unit>(columns);

  float sums[kTokens] = {};
  for (int64_t u = lane; u < units; u += 32) {
    const UnitPlace<Unit> place(u);
    float first[Unit::kPairs], second[Unit::kPairs];
    Unit::Decode(row + place.block_offset, place.unit, first, second);
#pragma unroll
    for (int t = 0; t < kTokens; ++t) {
      const float* from = x + t * columns;
#pragma unroll
      for (int i = 0; i < Unit::kPairs; i += 4) {
        // Columns of a run start at a multiple of 4, and rows of x are whole blocks long.
        const float4 a = *reinterpret_cast<const float4*>(from + place.first + i);
        const float4 b = *reinterpret_cast<const float4*>(from + place.second + i);
        sums[t] = fmaf(a.x, first[i], sums[t]);
        sums[t] = fmaf(a.y, first[i + 1], sums[t]);
        sums[t] = fmaf(a.z, first[i + 2], sums[t]);
        sums[t] = fmaf(a.w, first[i + 3], sums[t]);
        sums[t] = fmaf(b.x, second[i], sums[t]);
        sums[t] = fmaf(b.y, second[i + 1], sums[t]);
        sums[t] = fmaf(b.z, second[i + 2], sums[t]);
        sums[t] = fmaf(b.w, second[i + 3], sums[t]);
      }
    }
  }
#pragma unroll
  for (int t = 0; t < kTokens; ++t) {
    for (int distance = 16; distance > 0; distance /= 2) {
      sums[t] += __shfl_xor_sync(0xffffffffu, sums[t], distance);
    }
    if (lane == 0) out[t * rows + n] = sums[t];
  }
}

struct Arguments {
  const uint8_t* w;
  const float* x;
  int64_t rows, columns;
  float* out;
  cudaStream_t stream;
};

template <typename Unit, int kTokens>
int LaunchFor(int64_t tokens, const Arguments& a) {
  if (tokens < kTokens) {
    if constexpr (kTokens > 1) return LaunchFor<Unit, kTokens - 1>(tokens, a);
  }
  const auto blocks = static_cast<unsigned>((a.rows + kWarpsPerBlock - 1) / kWarpsPerBlock);
  GemvKernel<Unit, kTokens>
      <<<blocks, kWarpsPerBlock * 32, 0, a.stream>>>(a.w, a.x, a.rows, a.columns, a.out);
  return cudaGetLastError();
}

template <typename Unit>
int Launch(int64_t tokens, const Arguments& a) {
  if (a.columns % Unit::kBlockElements != 0) return cudaErrorInvalidValue;
  return LaunchFor<Unit, kMaxTokens>(tokens, a);
}

bool Aligned16(const void* pointer) { return reinterpret_cast<uintptr_t>(pointer) % 16 == 0; }

}  // namespace

int LaunchQuantisedGemv(DType dtype, const void* w, const float* x, int64_t tokens, int64_t rows,
                        int64_t columns, float* out, void* stream) {
  constexpr int64_t kMaxRows = int64_t{kWarpsPerBlock} * 0x7fffffff;  // of the grid
  if (tokens < 0 || tokens > kMaxTokens || rows < 0 || rows > kMaxRows || columns <= 0) {
    return cudaErrorInvalidValue;
  }
  if (!Aligned16(w) || !Aligned16(x)) return cudaErrorInvalidValue;
  if (tokens == 0 || rows == 0) return cudaSuccess;
  const Arguments a = {static_cast<const uint8_t*>(w),   x, rows, columns, out,
                       static_cast<cudaStream_t>(stream)};
  switch (dtype) {
    case DType::kQ8_0:
      return Launch<Q8_0Unit>(tokens, a);
    case DType::kQ4_0:
      return Launch<Q4_0Unit>(tokens, a);
    case DType::kQ4_1:
      return Launch<Q4_1Unit>(tokens, a);
    case DType::kQ5_0:
      return Launch<Q5_0Unit>(tokens, a);
    case DType::kQ5_1:
      return Launch<Q5_1Unit>(tokens, a);
    case DType::kQ4_K:
      return Launch<Q4_KUnit>(tokens, a);
    case DType::kQ6_K:
      return Launch<Q6_KUnit>(tokens, a);
    default:
      return cudaErrorInvalidValue;
  }
}

}  // namespace footnote::kernels::cuda
