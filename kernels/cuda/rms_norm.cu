// RmsNorm: one block of threads per token; the sum of squares in a fixed order.
#include <cuda_runtime.h>

#include "kernels/cuda/launch.h"

namespace footnote::kernels::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int64_t kMaxColumns = 65536;

// Sum over the block; every thread gets it. Butterfly within warps, then warps in order.
__device__ float BlockSum(float value) {
  __shared__ float warps[kThreads / 32];
  for (int distance = 16; distance > 0; distance /= 2) {
    value += __shfl_xor_sync(0xffffffffu, value, distance);
  }
  if (threadIdx.x % 32 == 0) warps[threadIdx.x / 32] = value;
  __syncthreads();
  float sum = 0;
  for (int warp = 0; warp < kThreads / 32; ++warp) sum += warps[warp];
  return sum;
}

// x and out may be the same: each thread writes only what it alone reads, after the barrier.
__global__ void __launch_bounds__(kThreads)
    RmsNormKernel(const float* x, const float* __restrict__ weight, float weight_bias, float eps,
                  int columns, float* out) {
  const int64_t offset = static_cast<int64_t>(blockIdx.x) * columns;
  float squares = 0;
  for (int k = threadIdx.x; k < columns; k += kThreads) {
    const float v = x[offset + k];
    squares = fmaf(v, v, squares);
  }
  const float mean = BlockSum(squares) / static_cast<float>(columns);
  const float inverse = 1.0f / sqrtf(mean + eps);
  for (int k = threadIdx.x; k < columns; k += kThreads) {
    out[offset + k] = x[offset + k] * inverse * (weight[k] + weight_bias);
  }
}

}  // namespace

int LaunchRmsNorm(const float* x, const float* weight, float weight_bias, float eps, int64_t tokens,
                  int64_t columns, float* out, void* stream) {
  if (tokens < 0 || tokens > 0x7fffffff || columns <= 0 || columns > kMaxColumns || !(eps > 0)) {
    return cudaErrorInvalidValue;
  }
  if (tokens == 0) return cudaSuccess;
  RmsNormKernel<<<static_cast<unsigned>(tokens), kThreads, 0, static_cast<cudaStream_t>(stream)>>>(
      x, weight, weight_bias, eps, static_cast<int>(columns), out);
  return cudaGetLastError();
}

}  // namespace footnote::kernels::cuda
