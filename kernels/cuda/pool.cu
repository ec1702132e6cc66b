// Rows that become others: gathered, averaged by sequence.
#include <cuda_runtime.h>

#include "kernels/cuda/arguments.h"
#include "kernels/cuda/elements.cuh"
#include "kernels/cuda/elementwise.h"
#include "kernels/cuda/overlap.h"

namespace footnote::kernels::cuda {
namespace {

constexpr int kThreads = 256;

// A thread for each `Piece` of the output: 16 bytes, or one element. Strides and width in pieces.
template <typename Piece>
__global__ void __launch_bounds__(kThreads)
    GatherKernel(const Piece* x, int64_t x_stride, int64_t x_rows, const int32_t* which, Piece* out,
                 int64_t out_stride, int64_t rows, int64_t pieces) {
  WaitForEarlierWork();
  LetLaterWorkBegin();
  const int64_t index = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  const int64_t row = index / pieces;
  if (row >= rows) return;
  const int64_t piece = index - row * pieces;
  const int64_t from = which[row];
  out[row * out_stride + piece] = from >= 0 && from < x_rows ? x[from * x_stride + piece] : Piece{};
}

template <typename Piece>
int Gather(const GpuMatrix& x, const int32_t* rows, const GpuMatrix& out, int64_t elements,
           const LaunchOn& on) {
  const int64_t pieces = out.columns / elements;
  const int64_t blocks = (out.rows * pieces + kThreads - 1) / kThreads;
  if (blocks > 0x7fffffff) return cudaErrorInvalidValue;
  return Launch(GatherKernel<Piece>, static_cast<unsigned>(blocks), kThreads, 0, on,
                static_cast<const Piece*>(x.data), x.stride / elements, x.rows, rows,
                static_cast<Piece*>(out.data), out.stride / elements, out.rows, pieces);
}

// Pooling: a block for each sequence. Of every 512 columns a thread sums 4, over each eighth row;
// the eighths are added in order. One long sequence is thus read with many loads under way, and the
// sum's order depends on nothing but the length.
constexpr int kPoolColumns = 128;  // runs of 4, side by side
constexpr int kPoolGroups = 8;
constexpr int kPoolThreads = kPoolColumns * kPoolGroups;

template <bool kVector>
__global__ void __launch_bounds__(kPoolThreads)
    PoolKernel(const float* x, int64_t x_stride, int64_t x_rows, const int32_t* begins,
               const int32_t* ends, bool mean, bool normalise, float* out, int64_t out_stride,
               int columns) {
  __shared__ float4 parts[kPoolGroups][kPoolColumns];
  __shared__ float warps[32];
  WaitForEarlierWork();
  LetLaterWorkBegin();
  const int64_t begin = max(begins[blockIdx.x], 0);
  int64_t end = min(static_cast<int64_t>(ends[blockIdx.x]), x_rows);
  if (!mean) end = min(end, begin + 1);
  const int64_t count = max(end - begin, int64_t{0});
  const float divisor = static_cast<float>(count > 0 ? count : 1);
  const int at = threadIdx.x % kPoolColumns, group = threadIdx.x / kPoolColumns;
  float* to = out + blockIdx.x * out_stride;

  float squares = 0;
  for (int first = 0; first < columns; first += 4 * kPoolColumns) {
    const int k = first + 4 * at;
    float4 sum = make_float4(0, 0, 0, 0);
    if (k < columns) {
#pragma unroll 4
      for (int64_t row = begin + group; row < end; row += kPoolGroups) {
        sum = Sum(sum, LoadRun<kVector>(x + row * x_stride, k, columns));
      }
    }
    parts[group][at] = sum;
    __syncthreads();
    if (group == 0) {
      for (int g = 1; g < kPoolGroups; ++g) sum = Sum(sum, parts[g][at]);
      sum.x /= divisor;
      sum.y /= divisor;
      sum.z /= divisor;
      sum.w /= divisor;
      squares += fmaf(sum.x, sum.x, sum.y * sum.y) + fmaf(sum.z, sum.z, sum.w * sum.w);
      StoreRun<kVector>(to, k, columns, sum);
    }
    __syncthreads();
  }
  if (!normalise) return;
  const float length = fmaxf(sqrtf(BlockSum{warps}(squares)), 1e-12f);
  if (group != 0) return;
  // What this thread wrote.
  for (int k = 4 * at; k < columns; k += 4 * kPoolColumns) {
    float4 v = LoadRun<kVector>(to, k, columns);
    v.x /= length;
    v.y /= length;
    v.z /= length;
    v.w /= length;
    StoreRun<kVector>(to, k, columns, v);
  }
}

}  // namespace

int LaunchGatherRows(GpuMatrix x, const int32_t* rows, GpuMatrix out, void* stream) {
  if (!IsMatrix(x) || !IsMatrix(out, x.dtype) || !IsPlain(x.dtype) || rows == nullptr ||
      x.columns != out.columns) {
    return cudaErrorInvalidValue;
  }
  if (out.rows == 0) return cudaSuccess;
  const auto on = OnStream(stream);
  const int64_t wide = 16 / BlockBytes(x.dtype);
  if (InRunsOf(x, wide) && InRunsOf(out, wide)) return Gather<uint4>(x, rows, out, wide, on);
  if (x.dtype == DType::kF32) return Gather<uint32_t>(x, rows, out, 1, on);
  return Gather<uint16_t>(x, rows, out, 1, on);
}

int LaunchPool(GpuMatrix x, const int32_t* begins, const int32_t* ends, bool mean, bool normalise,
               GpuMatrix out, void* stream) {
  if (!IsMatrix(x, DType::kF32) || !IsMatrix(out, DType::kF32) || begins == nullptr ||
      ends == nullptr || x.columns != out.columns || out.columns > 0x7fff0000 ||
      out.rows > 0x7fffffff) {
    return cudaErrorInvalidValue;
  }
  if (out.rows == 0) return cudaSuccess;
  const auto kernel = InRunsOf(x, 4) && InRunsOf(out, 4) ? PoolKernel<true> : PoolKernel<false>;
  return Launch(kernel, static_cast<unsigned>(out.rows), kPoolThreads, 0, OnStream(stream),
                static_cast<const float*>(x.data), x.stride, x.rows, begins, ends, mean, normalise,
                static_cast<float*>(out.data), out.stride, static_cast<int>(out.columns));
}

}  // namespace footnote::kernels::cuda
