#include "generator/blocks/gpu_parameters.h"

namespace footnote::generator {

StatusOr<const float*> GpuParameters::Vector(std::span<const float> values) {
  if (values.empty()) return nullptr;
  FOOTNOTE_ASSIGN_OR_RETURN(GpuMemory memory, GpuMemory::Allocate(*gpu_, values.size_bytes()));
  FOOTNOTE_RETURN_IF_ERROR(gpu_->CopyIn(memory.data(), values.data(), values.size_bytes()));
  bytes_ += static_cast<int64_t>(values.size_bytes());
  memory_.push_back(std::move(memory));
  return static_cast<const float*>(memory_.back().data());
}

StatusOr<kernels::GpuWeight> GpuParameters::Matrix(std::span<const kernels::Weight> parts) {
  FOOTNOTE_ASSIGN_OR_RETURN(kernels::GpuWeight weight, gpu_->Upload(parts, plain_));
  memory_.emplace_back(gpu_.get(), const_cast<void*>(weight.data));
  bytes_ += weight.rows * kernels::RowBytes(weight.dtype, weight.columns);
  return weight;
}

bool JoinsOnGpu(kernels::DType a, kernels::DType b) {
  const auto plain = [](kernels::DType dtype) { return kernels::BlockElements(dtype) == 1; };
  return a == b || (plain(a) && plain(b));
}

}  // namespace footnote::generator
