// Element by element: tanh, soft caps, scaled sums.
#include <cuda_runtime.h>

#include "kernels/cuda/arguments.h"
#include "kernels/cuda/elements.cuh"
#include "kernels/cuda/elementwise.h"
#include "kernels/cuda/overlap.h"

namespace footnote::kernels::cuda {
namespace {

constexpr int kThreads = 256;

struct TanhOf {
  __device__ float operator()(float x, float) const { return tanhf(x); }
};
struct CappedBy {
  float cap;
  __device__ float operator()(float x, float) const { return cap * tanhf(x / cap); }
};
struct PlusScaled {
  float scale;
  __device__ float operator()(float x, float y) const { return fmaf(y, scale, x); }
};

// x = f(x, y), a thread for each run of 4; y null: 0.
template <bool kVector, typename F>
__global__ void __launch_bounds__(kThreads)
    MapKernel(F f, const float* y, int64_t y_stride, float* x, int64_t stride, int64_t rows,
              int columns, int runs) {
  WaitForEarlierWork();
  LetLaterWorkBegin();
  const int64_t index = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  const int64_t row = index / runs;
  if (row >= rows) return;
  const int k = static_cast<int>(index - row * runs) * 4;
  float4 v = LoadRun<kVector>(x + row * stride, k, columns);
  float4 w = make_float4(0, 0, 0, 0);
  if (y != nullptr) w = LoadRun<kVector>(y + row * y_stride, k, columns);
  v = make_float4(f(v.x, w.x), f(v.y, w.y), f(v.z, w.z), f(v.w, w.w));
  StoreRun<kVector>(x + row * stride, k, columns, v);
}

template <typename F>
int Map(F f, const GpuMatrix* y, const GpuMatrix& x, void* stream) {
  if (!IsMatrix(x, DType::kF32) || x.columns > 0x7fff0000) return cudaErrorInvalidValue;
  if (y != nullptr &&
      (!IsMatrix(*y, DType::kF32) || y->rows != x.rows || y->columns != x.columns)) {
    return cudaErrorInvalidValue;
  }
  if (x.rows == 0) return cudaSuccess;
  const int64_t runs = (x.columns + 3) / 4;
  const int64_t blocks = (x.rows * runs + kThreads - 1) / kThreads;
  if (blocks > 0x7fffffff) return cudaErrorInvalidValue;
  const bool vector = InRunsOf(x, 4) && (y == nullptr || InRunsOf(*y, 4));
  const auto kernel = vector ? MapKernel<true, F> : MapKernel<false, F>;
  return Launch(kernel, static_cast<unsigned>(blocks), kThreads, 0, OnStream(stream), f,
                y == nullptr ? nullptr : static_cast<const float*>(y->data),
                y == nullptr ? int64_t{0} : y->stride, static_cast<float*>(x.data), x.stride,
                x.rows, static_cast<int>(x.columns), static_cast<int>(runs));
}

}  // namespace

int LaunchTanh(GpuMatrix x, void* stream) { return Map(TanhOf{}, nullptr, x, stream); }

int LaunchSoftcap(GpuMatrix x, float cap, void* stream) {
  if (!(cap > 0)) return cudaErrorInvalidValue;
  return Map(CappedBy{cap}, nullptr, x, stream);
}

int LaunchAddScaled(GpuMatrix y, float scale, GpuMatrix x, void* stream) {
  return Map(PlusScaled{scale}, &y, x, stream);
}

}  // namespace footnote::kernels::cuda
