// Stands for the GPU and its memory (kernels/device.h, memory.h, overlap.h).
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <map>

#include "kernels/cuda/memory.h"
#include "kernels/cuda/overlap.h"
#include "kernels/device.h"
#include "kernels/gpu.h"

namespace footnote::kernels {

GpuReport FindGpus() {
  GpuInfo gpu;
  gpu.name = "emulated";
  gpu.usable = true;
  return {{gpu}, ""};
}

// So that a linker that takes a library's object for it does not bring that object's FindGpus too.
StatusOr<std::unique_ptr<Gpu>> OpenGpu(int) {
  return UnimplementedError("kernels are emulated one by one, not as a whole GPU");
}

namespace cuda {
namespace {

struct Pages {
  void* begin;
  size_t bytes;
};
std::map<void*, Pages>& Allocations() {
  static auto* all = new std::map<void*, Pages>;  // outlives what statics free
  return *all;
}

}  // namespace

// Behind what was asked for, rounded up to 256 bytes, lies a page that nobody may touch.
int Allocate(size_t bytes, void** data) {
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  const size_t used = (bytes + 255) / 256 * 256, whole = (used + page - 1) / page * page;
  void* begin =
      mmap(nullptr, whole + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (begin == MAP_FAILED) return cudaErrorMemoryAllocation;
  mprotect(static_cast<char*>(begin) + whole, page, PROT_NONE);
  *data = static_cast<char*>(begin) + whole - used;
  Allocations()[*data] = {begin, whole + page};
  return 0;
}
int Free(void* data) {
  if (data == nullptr) return 0;
  const auto found = Allocations().find(data);
  if (found == Allocations().end()) return cudaErrorInvalidValue;
  munmap(found->second.begin, found->second.bytes);
  Allocations().erase(found);
  return 0;
}

int CopyIn(void* device, const void* host, size_t bytes) {
  if (bytes > 0) std::memcpy(device, host, bytes);
  return 0;
}
int CopyOut(void* host, const void* device, size_t bytes) { return CopyIn(host, device, bytes); }
int Synchronize() { return 0; }
const char* ErrorText(int) { return "the emulated GPU refused"; }

bool DeviceOverlaps() { return false; }
LaunchOn OnStream(void* stream) { return {stream, false}; }

}  // namespace cuda
}  // namespace footnote::kernels
