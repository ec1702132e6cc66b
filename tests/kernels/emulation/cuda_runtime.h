// As much of CUDA as kernels/cuda's plain kernels use, on the host: tests run the kernels' own code
// where there is no GPU. Found before the real header by tests that are built so; the kernels'
// sources come through translate.cmake, which turns launches into calls.
//
// The threads of a block are fibers, run one warp after another until each waits at a barrier or
// for its warp; blocks run one by one. So index arithmetic, reductions and barriers are those of
// the kernel. What is not seen: races between warps (but for the other order of
// FOOTNOTE_EMULATE_REVERSED=1), speed, and a GPU's own rounding of exp, tanh and the like.
#pragma once

#include <math.h>  // the names that kernels call, outside of std

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <type_traits>

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __shared__ static

struct dim3 {
  dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}  // NOLINT: as CUDA's
  unsigned x, y, z;
};
struct alignas(16) float4 {
  float x, y, z, w;
};
struct alignas(16) uint4 {
  unsigned x, y, z, w;
};
struct alignas(8) uint2 {
  unsigned x, y;
};
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }

enum cudaError_t : int { cudaSuccess = 0, cudaErrorInvalidValue = 1 };
using cudaStream_t = void*;
inline cudaError_t cudaGetLastError() { return cudaSuccess; }

namespace emulation {

extern dim3 thread, block, block_size, grid_size;

void Run(dim3 grid, dim3 threads, const std::function<void()>& kernel);
void Barrier();
// Gives one value of each lane to all lanes; [32].
const uint64_t* Exchange(uint64_t value);

// What translate.cmake makes of kernel<<<grid, threads, shared, stream>>>(arguments).
template <typename... Parameters>
auto Launch(void (*kernel)(Parameters...), dim3 grid, dim3 threads, size_t, cudaStream_t) {
  return [=](std::type_identity_t<Parameters>... arguments) {
    Run(grid, threads, [&] { kernel(arguments...); });
  };
}

}  // namespace emulation

// Of launches by configuration; attributes change nothing here.
enum cudaLaunchAttributeID { cudaLaunchAttributeProgrammaticStreamSerialization };
struct cudaLaunchAttribute {
  cudaLaunchAttributeID id;
  struct {
    int programmaticStreamSerializationAllowed;
  } val;
};
struct cudaLaunchConfig_t {
  dim3 gridDim, blockDim;
  size_t dynamicSmemBytes;
  cudaStream_t stream;
  cudaLaunchAttribute* attrs;
  unsigned numAttrs;
};
template <typename... Parameters>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t* config, void (*kernel)(Parameters...),
                               std::type_identity_t<Parameters>... arguments) {
  emulation::Run(config->gridDim, config->blockDim, [&] { kernel(arguments...); });
  return cudaSuccess;
}

inline dim3& threadIdx = emulation::thread;
inline dim3& blockIdx = emulation::block;
inline dim3& blockDim = emulation::block_size;
inline dim3& gridDim = emulation::grid_size;

inline void __syncthreads() { emulation::Barrier(); }

// Of whole warps.
template <typename T>
T __shfl_xor_sync(unsigned, T value, int mask) {
  uint64_t word = 0;
  std::memcpy(&word, &value, sizeof value);
  const unsigned lane = threadIdx.x % 32;
  std::memcpy(&value, emulation::Exchange(word) + (lane ^ static_cast<unsigned>(mask)),
              sizeof value);
  return value;
}
inline unsigned __reduce_add_sync(unsigned, unsigned value) {
  const uint64_t* lanes = emulation::Exchange(value);
  unsigned sum = 0;
  for (int lane = 0; lane < 32; ++lane) sum += static_cast<unsigned>(lanes[lane]);
  return sum;
}

inline int atomicAdd(int* to, int value) {
  const int before = *to;
  *to += value;
  return before;
}
inline float __int_as_float(unsigned bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

template <typename T>
T max(T a, T b) {
  return a < b ? b : a;
}
template <typename T>
T min(T a, T b) {
  return b < a ? b : a;
}
