// Activations of passes on a GPU: numbered buffers that grow. Private to the generator room.
//
// A buffer that grew stays where it was too, since a captured graph may still write to it; growing
// by half each time bounds what that costs. Threads: one pass at a time; each runner has its own.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/status.h"
#include "kernels/gpu.h"

namespace footnote::generator {

// Memory of a GPU, freed with the object. The Gpu outlives it.
class GpuMemory {
 public:
  GpuMemory() = default;
  GpuMemory(kernels::Gpu* gpu, void* data) : gpu_(gpu), data_(data) {}
  GpuMemory(GpuMemory&& other) noexcept : gpu_(other.gpu_), data_(other.data_) {
    other.data_ = nullptr;
  }
  GpuMemory& operator=(GpuMemory&& other) noexcept {
    std::swap(gpu_, other.gpu_);
    std::swap(data_, other.data_);
    return *this;
  }
  ~GpuMemory() {
    if (data_ != nullptr) gpu_->Free(data_);
  }

  static StatusOr<GpuMemory> Allocate(kernels::Gpu& gpu, size_t bytes) {
    FOOTNOTE_ASSIGN_OR_RETURN(void* data, gpu.Allocate(bytes));
    return GpuMemory(&gpu, data);
  }

  void* data() const { return data_; }

 private:
  kernels::Gpu* gpu_ = nullptr;
  void* data_ = nullptr;
};

class GpuWorkspace {
 public:
  explicit GpuWorkspace(kernels::Gpu* gpu) : gpu_(gpu) {}

  // Uninitialised; valid until a request for the same slot. Errors: RESOURCE_EXHAUSTED.
  StatusOr<kernels::GpuMatrix> Matrix(size_t slot, kernels::DType dtype, int64_t rows,
                                      int64_t columns) {
    kernels::GpuMatrix matrix = kernels::GpuMatrix::Of(nullptr, dtype, rows, columns);
    matrix.stride = (columns + 7) / 8 * 8;
    FOOTNOTE_ASSIGN_OR_RETURN(
        matrix.data,
        Bytes(slot, static_cast<size_t>(rows * matrix.stride * kernels::BlockBytes(dtype))));
    return matrix;
  }

  StatusOr<void*> Bytes(size_t slot, size_t bytes) {
    if (slot >= slots_.size()) slots_.resize(slot + 1);
    Slot& buffer = slots_[slot];
    if (buffer.bytes < bytes || buffer.data == nullptr) {
      const size_t wanted = std::max({bytes, buffer.bytes + buffer.bytes / 2, size_t{256}});
      FOOTNOTE_ASSIGN_OR_RETURN(GpuMemory memory, GpuMemory::Allocate(*gpu_, wanted));
      buffer = {memory.data(), wanted};
      kept_.push_back(std::move(memory));
    }
    return buffer.data;
  }

  kernels::Gpu& gpu() const { return *gpu_; }

 private:
  struct Slot {
    void* data = nullptr;
    size_t bytes = 0;
  };
  kernels::Gpu* gpu_;
  std::vector<Slot> slots_;
  std::vector<GpuMemory> kept_;
};

}  // namespace footnote::generator
