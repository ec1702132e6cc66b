// Launches that may begin while the kernel before them still runs (programmatic dependent launch).
//
// Every kernel launched so calls WaitForEarlierWork before it touches anything that earlier work
// wrote or still reads; weights it may load sooner. Devices before compute capability 9.0 run the
// launches one after the other.
#pragma once

#include <cuda_runtime.h>

#include <utility>

namespace footnote::kernels::cuda {

struct LaunchOn {
  cudaStream_t stream = nullptr;
  bool overlap = false;
};

__device__ __forceinline__ void WaitForEarlierWork() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}

// The next kernel's blocks may come as soon as there is room.
__device__ __forceinline__ void LetLaterWorkBegin() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}

template <typename... Parameters, typename... Arguments>
int Launch(void (*kernel)(Parameters...), dim3 grid, dim3 block, size_t shared, const LaunchOn& on,
           Arguments&&... arguments) {
  cudaLaunchAttribute attribute{};
  attribute.id = cudaLaunchAttributeProgrammaticStreamSerialization;
  attribute.val.programmaticStreamSerializationAllowed = 1;
  cudaLaunchConfig_t config{};
  config.gridDim = grid;
  config.blockDim = block;
  config.dynamicSmemBytes = shared;
  config.stream = on.stream;
  config.attrs = &attribute;
  config.numAttrs = on.overlap ? 1 : 0;
  return cudaLaunchKernelEx(&config, kernel, std::forward<Arguments>(arguments)...);
}

}  // namespace footnote::kernels::cuda
