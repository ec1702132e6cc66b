// Activations of a forward pass: numbered buffers that grow and are kept for the next pass.
//
// Private to the generator room. Threads: one pass at a time; each runner has its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <vector>

#include "kernels/tensor.h"

namespace footnote::generator {

class Workspace {
 public:
  // Uninitialised floats, 64-byte aligned, valid until a larger request for the same slot.
  kernels::Matrix Floats(size_t slot, int64_t rows, int64_t columns) {
    const size_t count = static_cast<size_t>(rows) * static_cast<size_t>(columns);
    if (slot >= buffers_.size()) buffers_.resize(slot + 1);
    Buffer& buffer = buffers_[slot];
    if (buffer.count < count) {
      buffer.data.reset();  // before the new one, so that both are never held
      buffer.data.reset(
          static_cast<float*>(::operator new (count * sizeof(float), std::align_val_t{64})));
      buffer.count = count;
    }
    return kernels::Matrix::Of(buffer.data.get(), rows, columns);
  }

  // Row numbers and the like.
  std::vector<int32_t>& positions() { return positions_; }

 private:
  struct Free {
    void operator()(float* data) const { ::operator delete (data, std::align_val_t{64}); }
  };
  struct Buffer {
    std::unique_ptr<float, Free> data;
    size_t count = 0;
  };
  std::vector<Buffer> buffers_;
  std::vector<int32_t> positions_;
};

}  // namespace footnote::generator
