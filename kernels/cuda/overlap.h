// Launches that may begin while the kernel before them still runs (programmatic dependent launch).
//
// Every thread of a kernel launched so calls WaitForEarlierWork before it touches anything that
// earlier work wrote or still reads; weights it may load sooner. A grid ends after all before it
// then, so what waits for one has waited for all. Devices before compute capability 9.0 run the
// launches one after the other.
#pragma once

#include <cuda_runtime.h>

#include <utility>

namespace footnote::kernels::cuda {

struct LaunchOn {
  cudaStream_t stream = nullptr;
  bool overlap = false;
};

// Whether the current device overlaps launches.
bool DeviceOverlaps();
// Launches on a cudaStream_t of the current device, overlapping where it can.
LaunchOn OnStream(void* stream);

__device__ __forceinline__ void WaitForEarlierWork() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}

// The next kernel's blocks may come as soon as there is room, which is when all blocks of this one
// have called or ended: they take no place from it, however early it calls.
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
