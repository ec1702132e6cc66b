// Uploads the parameters of a network and owns their memory on the GPU. Private to the generator
// room.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "common/status.h"
#include "generator/blocks/gpu_workspace.h"
#include "kernels/gpu.h"

namespace footnote::generator {

class GpuParameters {
 public:
  GpuParameters(std::shared_ptr<kernels::Gpu> gpu, kernels::DType plain)
      : gpu_(std::move(gpu)), plain_(plain) {}

  // Null for an empty vector.
  StatusOr<const float*> Vector(std::span<const float> values);

  // The rows of all parts as one matrix. Parts of one format stay in it, see Gpu::Upload.
  StatusOr<kernels::GpuWeight> Matrix(std::span<const kernels::Weight> parts);
  StatusOr<kernels::GpuWeight> Matrix(const kernels::Weight& weight) {
    return Matrix(std::span(&weight, 1));
  }

  int64_t bytes() const { return bytes_; }

 private:
  std::shared_ptr<kernels::Gpu> gpu_;
  kernels::DType plain_;
  int64_t bytes_ = 0;
  std::vector<GpuMemory> memory_;
};

// Whether two weights are of one format on the GPU, so that their rows can be one matrix.
bool JoinsOnGpu(kernels::DType a, kernels::DType b);

}  // namespace footnote::generator
