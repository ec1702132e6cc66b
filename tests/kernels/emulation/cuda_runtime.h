// As much of CUDA as the kernels of kernels/cuda use, on the host: tests run the kernels' own code
// where there is no GPU. Found before the real header by tests that are built so; the kernels'
// sources come through translate.cmake, which turns launches into calls.
//
// The threads of a block are fibers, run one warp after another until each waits at a barrier or
// for its warp; blocks run one by one. So index arithmetic, reductions, barriers, tiles of matrices
// and the waits for copies are those of the kernel. What is not seen: races between warps (but for
// the other order of FOOTNOTE_EMULATE_REVERSED=1), speed, and a GPU's own rounding of exp, tanh and
// of sums within an mma.
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
#define __grid_constant__
#define __shared__ static
#define __align__(bytes) __attribute__((aligned(bytes)))

struct dim3 {
  dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}  // NOLINT: as CUDA's
  unsigned x, y, z;
};
struct alignas(16) float4 {
  float x, y, z, w;
};
struct alignas(8) float2 {
  float x, y;
};
struct alignas(16) uint4 {
  unsigned x, y, z, w;
};
struct alignas(8) uint2 {
  unsigned x, y;
};
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
inline float2 make_float2(float x, float y) { return {x, y}; }

using cudaStream_t = void*;

namespace emulation {

extern dim3 thread, block, block_size, grid_size;

// The dynamic shared memory of the block that runs.
extern unsigned char* shared;

void Run(dim3 grid, dim3 threads, size_t shared_bytes, const std::function<void()>& kernel);
void Barrier();

// What each lane of a warp gave.
struct Slot {
  alignas(16) unsigned char bytes[64];
};
const Slot* Exchange(const void* value, size_t bytes);

// All lanes' values of a warp: every lane that has not ended makes one at the same time.
template <typename T>
class Lanes {
 public:
  explicit Lanes(const T& own) : slots_(Exchange(&own, sizeof own)) {
    static_assert(sizeof(T) <= sizeof(Slot) && std::is_trivially_copyable_v<T>);
  }
  const T& operator[](unsigned lane) const {
    return *reinterpret_cast<const T*>(slots_[lane % 32].bytes);
  }

 private:
  const Slot* slots_;
};

// What translate.cmake makes of kernel<<<grid, threads, shared, stream>>>(arguments).
template <typename... Parameters>
auto Launch(void (*kernel)(Parameters...), dim3 grid, dim3 threads, size_t shared_bytes,
            cudaStream_t) {
  return [=](std::type_identity_t<Parameters>... arguments) {
    Run(grid, threads, shared_bytes, [&] { kernel(arguments...); });
  };
}

}  // namespace emulation

inline dim3& threadIdx = emulation::thread;
inline dim3& blockIdx = emulation::block;
inline dim3& blockDim = emulation::block_size;
inline dim3& gridDim = emulation::grid_size;

#include "tests/kernels/emulation/device_functions.h"
#include "tests/kernels/emulation/host_functions.h"
