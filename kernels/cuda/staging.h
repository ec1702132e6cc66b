// Pinned memory that copies between host and device pass through, so that callers need none.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>

#include "common/status.h"

namespace footnote::kernels::cuda {

// Threads: one. The current device is the stream's.
class Staging {
 public:
  explicit Staging(cudaStream_t stream) : stream_(stream) {}
  ~Staging();
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;

  // As Gpu::CopyIn: returns when `host` was read; the copy is enqueued.
  Status In(void* device, const void* host, size_t bytes);
  // As Gpu::CopyOut: returns when `host` was written.
  Status Out(void* host, const void* device, size_t bytes);

 private:
  static constexpr int kSlots = 4;
  static constexpr size_t kSlotBytes = size_t{4} << 20;

  struct Slot {
    char* data = nullptr;
    cudaEvent_t free = nullptr;  // recorded behind the last copy that uses it
  };

  Status Prepare();

  cudaStream_t stream_;
  bool ready_ = false;
  int next_ = 0;
  Slot slots_[kSlots];
};

}  // namespace footnote::kernels::cuda
