// RmsNorm and LayerNorm: a warp for each row of up to 1,024 numbers, a block for each longer one.
#include <cuda_runtime.h>

#include "kernels/cuda/elementwise.h"
#include "kernels/cuda/norm_work.h"
#include "kernels/cuda/overlap.h"

namespace footnote::kernels::cuda {
namespace {

constexpr int64_t kMaxColumns = 65536;
constexpr int kBlockRuns = 4;
constexpr int kMaxThreads = 1024;
constexpr int kRegisterColumns = kMaxThreads * kBlockRuns * 4;  // rows that a block can hold

template <int kRuns, bool kVector>
__global__ void __launch_bounds__(kWarpNormThreads)
    WarpNormKernel(const float* x, int64_t x_stride, int64_t rows, NormWork work) {
  WaitForEarlierWork();
  LetLaterWorkBegin();
  const int64_t row = static_cast<int64_t>(blockIdx.x) * (kWarpNormThreads / 32) + threadIdx.x / 32;
  if (row >= rows) return;  // whole warps
  const int first = threadIdx.x % 32 * 4;
  float4 v[kRuns];
#pragma unroll
  for (int r = 0; r < kRuns; ++r) {
    v[r] = LoadRun<kVector>(x + row * x_stride, first + r * 128, work.columns);
  }
  NormaliseAndStore<kVector>(v, first, 128, work, row, WarpSum());
}

template <bool kVector>
__global__ void __launch_bounds__(kMaxThreads)
    BlockNormKernel(const float* x, int64_t x_stride, NormWork work) {
  __shared__ float warps[32];
  WaitForEarlierWork();
  LetLaterWorkBegin();
  const int64_t row = blockIdx.x;
  const int first = threadIdx.x * 4, step = blockDim.x * 4;
  float4 v[kBlockRuns];
#pragma unroll
  for (int r = 0; r < kBlockRuns; ++r) {
    v[r] = LoadRun<kVector>(x + row * x_stride, first + r * step, work.columns);
  }
  NormaliseAndStore<kVector>(v, first, step, work, row, BlockSum{warps});
}

// Rows that do not fit in registers are read once more for each step; a thread reads and writes the
// same elements in each, so x and out may be the same here too.
__global__ void __launch_bounds__(kMaxThreads)
    LongNormKernel(const float* x, int64_t x_stride, NormWork work) {
  __shared__ float warps[32];
  WaitForEarlierWork();
  LetLaterWorkBegin();
  const BlockSum sum{warps};
  const int64_t row = blockIdx.x;
  const float* from = x + row * x_stride;
  const auto count = static_cast<float>(work.columns);
  float mean = 0;
  if (work.centred) {
    float part = 0;
    for (int k = threadIdx.x; k < work.columns; k += kMaxThreads) part += from[k];
    mean = sum(part) / count;
  }
  float squares = 0;
  for (int k = threadIdx.x; k < work.columns; k += kMaxThreads) {
    const float d = from[k] - mean;
    squares = fmaf(d, d, squares);
  }
  const float inverse = 1.0f / sqrtf(sum(squares) / count + work.eps);
  for (int k = threadIdx.x; k < work.columns; k += kMaxThreads) {
    float y = (from[k] - mean) * inverse * (work.weight[k] + work.weight_bias);
    if (work.bias != nullptr) y += work.bias[k];
    if (work.out != nullptr) work.out[row * work.out_stride + k] = y;
    if (work.rounded == nullptr) continue;
    const int64_t at = row * work.rounded_stride + k;
    if (work.bfloat) {
      FromFloat(y, static_cast<__nv_bfloat16*>(work.rounded) + at);
    } else {
      FromFloat(y, static_cast<__half*>(work.rounded) + at);
    }
  }
}

template <int kRuns>
int LaunchWarps(bool vector, const GpuMatrix& x, const NormWork& work, const LaunchOn& on) {
  constexpr int64_t kRows = kWarpNormThreads / 32;
  const auto blocks = static_cast<unsigned>((x.rows + kRows - 1) / kRows);
  const auto kernel = vector ? WarpNormKernel<kRuns, true> : WarpNormKernel<kRuns, false>;
  return Launch(kernel, blocks, kWarpNormThreads, 0, on, static_cast<const float*>(x.data),
                x.stride, x.rows, work);
}

}  // namespace

int LaunchNorm(const GpuNorm& norm, GpuMatrix x, GpuMatrix out, GpuMatrix rounded, void* stream) {
  if (!IsMatrix(x, DType::kF32) || x.columns > kMaxColumns || x.rows > 0x7fffffff) {
    return cudaErrorInvalidValue;
  }
  const CheckedNorm checked = CheckNorm(norm, x.rows, x.columns, out, rounded);
  if (!checked.valid) return cudaErrorInvalidValue;
  if (x.rows == 0) return cudaSuccess;
  const bool vector = checked.vector && InRunsOf(x, 4);
  const NormWork& work = checked.work;
  const auto on = OnStream(stream);
  const auto* from = static_cast<const float*>(x.data);
  const auto rows = static_cast<unsigned>(x.rows);
  if (x.columns <= 128) return LaunchWarps<1>(vector, x, work, on);
  if (x.columns <= 256) return LaunchWarps<2>(vector, x, work, on);
  if (x.columns <= 384) return LaunchWarps<3>(vector, x, work, on);
  if (x.columns <= 512) return LaunchWarps<4>(vector, x, work, on);
  if (x.columns <= 768) return LaunchWarps<6>(vector, x, work, on);
  if (x.columns <= kWarpNormColumns) return LaunchWarps<8>(vector, x, work, on);
  if (x.columns <= kRegisterColumns) {
    constexpr int64_t kEach = kBlockRuns * 4;
    const auto threads = static_cast<unsigned>((x.columns + kEach * 32 - 1) / (kEach * 32) * 32);
    const auto kernel = vector ? BlockNormKernel<true> : BlockNormKernel<false>;
    return Launch(kernel, rows, threads, 0, on, from, x.stride, work);
  }
  return Launch(LongNormKernel, rows, kMaxThreads, 0, on, from, x.stride, work);
}

}  // namespace footnote::kernels::cuda
