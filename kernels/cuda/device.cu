// FindGpus with CUDA, and the few calls that move data for tests and tools.
#include "kernels/device.h"

#include <cuda_runtime.h>

#include <algorithm>
#include <string>

#include "kernels/cuda/memory.h"

namespace footnote::kernels {
namespace {

// Architectures of this build, as 10 * (10 * major + minor); the newest also as PTX, which newer
// devices compile when they load it.
constexpr int kArchitectures[] = {__CUDA_ARCH_LIST__};

std::string Version(int version) {
  return std::to_string(version / 100) + "." + std::to_string(version / 10 % 10);
}

// Why a device of this version cannot run our code; empty when it can.
std::string WhyNot(int version) {
  int oldest = kArchitectures[0], newest = kArchitectures[0];
  for (const int each : kArchitectures) {
    if (each / 100 == version / 100 && each <= version) return "";
    oldest = std::min(oldest, each);
    newest = std::max(newest, each);
  }
  if (version >= newest) return "";
  return "compute capability " + Version(version) +
         " has no code in this build, which was made for " + Version(oldest) + " to " +
         Version(newest) + "; set CMAKE_CUDA_ARCHITECTURES";
}

}  // namespace

GpuReport FindGpus() {
  int count = 0;
  const cudaError_t error = cudaGetDeviceCount(&count);
  if (error == cudaErrorInsufficientDriver) {
    return {{},
            "no NVIDIA driver, or one older than CUDA " + std::to_string(CUDART_VERSION / 1000) +
                " needs"};
  }
  if (error == cudaErrorNoDevice || (error == cudaSuccess && count == 0)) {
    return {{}, "no NVIDIA GPU found"};
  }
  if (error != cudaSuccess) {
    return {{}, std::string("CUDA failed to start: ") + cudaGetErrorString(error)};
  }
  GpuReport report;
  for (int index = 0; index < count; ++index) {
    cudaDeviceProp properties{};
    GpuInfo gpu;
    gpu.index = index;
    if (const cudaError_t failed = cudaGetDeviceProperties(&properties, index);
        failed != cudaSuccess) {
      gpu.name = "GPU " + std::to_string(index);
      gpu.why_not = cudaGetErrorString(failed);
    } else {
      gpu.name = properties.name;
      gpu.compute_major = properties.major;
      gpu.compute_minor = properties.minor;
      gpu.memory_bytes = static_cast<int64_t>(properties.totalGlobalMem);
      gpu.why_not = WhyNot(properties.major * 100 + properties.minor * 10);
    }
    gpu.usable = gpu.why_not.empty();
    report.gpus.push_back(std::move(gpu));
  }
  return report;
}

namespace cuda {

int Allocate(size_t bytes, void** data) { return cudaMalloc(data, bytes); }
int Free(void* data) { return cudaFree(data); }
int CopyIn(void* device, const void* host, size_t bytes) {
  return cudaMemcpy(device, host, bytes, cudaMemcpyHostToDevice);
}
int CopyOut(void* host, const void* device, size_t bytes) {
  return cudaMemcpy(host, device, bytes, cudaMemcpyDeviceToHost);
}
int Synchronize() { return cudaDeviceSynchronize(); }
const char* ErrorText(int error) { return cudaGetErrorString(static_cast<cudaError_t>(error)); }

}  // namespace cuda
}  // namespace footnote::kernels
