#include "kernels/cuda/fill.h"

#include <cuda_bf16.h>

namespace footnote::kernels::cuda {
namespace {

__global__ void FillKernel(__nv_bfloat16* to, int64_t count) {
  const int64_t step = static_cast<int64_t>(gridDim.x) * blockDim.x;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < count;
       i += step) {
    uint32_t h = static_cast<uint32_t>(i) * 2654435761u;
    h = (h ^ (h >> 15)) * 2246822519u;
    h ^= h >> 13;
    to[i] = __float2bfloat16(static_cast<float>(h & 0xffffu) / 32768.0f - 1.0f);
  }
}

}  // namespace

int LaunchFill(void* to, int64_t count, void* stream) {
  FillKernel<<<1024, 256, 0, static_cast<cudaStream_t>(stream)>>>(static_cast<__nv_bfloat16*>(to),
                                                                  count);
  return cudaGetLastError();
}

}  // namespace footnote::kernels::cuda
