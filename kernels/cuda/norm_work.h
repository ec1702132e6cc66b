// Checks of what normalisation is asked for, shared by the plain and the fused one. For .cu files.
#pragma once

#include "kernels/cuda/arguments.h"
#include "kernels/cuda/norm_row.cuh"

namespace footnote::kernels::cuda {

// Rows of one warp: up to 8 runs of 4 numbers a lane.
constexpr int kWarpNormColumns = 1024;
constexpr int kWarpNormThreads = 256;

struct CheckedNorm {
  bool valid = false;
  bool vector = false;  // weight, bias and outputs can be accessed in runs of 4
  NormWork work{};
};

inline CheckedNorm CheckNorm(const GpuNorm& norm, int64_t rows, int64_t columns,
                             const GpuMatrix& out, const GpuMatrix& rounded) {
  CheckedNorm checked;
  const bool centred = norm.kind == GpuNorm::Kind::kLayer;
  if (norm.weight == nullptr || !(norm.eps > 0) || (!centred && norm.bias != nullptr)) {
    return checked;
  }
  if (out.data == nullptr && rounded.data == nullptr) return checked;
  checked.vector = columns % 4 == 0 && Aligned(norm.weight, 16) && Aligned(norm.bias, 16);
  for (const GpuMatrix* to : {&out, &rounded}) {
    if (to->data == nullptr) continue;
    const bool dtype_fits = to == &out ? to->dtype == DType::kF32
                                       : to->dtype == DType::kF16 || to->dtype == DType::kBF16;
    if (!IsMatrix(*to) || !dtype_fits || to->rows != rows || to->columns != columns) {
      return checked;
    }
    checked.vector = checked.vector && InRunsOf(*to, 4);
  }
  checked.valid = true;
  checked.work = {norm.weight,
                  norm.bias,
                  centred ? 0.0f : norm.weight_bias,
                  norm.eps,
                  static_cast<int>(columns),
                  centred,
                  static_cast<float*>(out.data),
                  out.stride,
                  rounded.data,
                  rounded.stride,
                  rounded.dtype == DType::kBF16};
  return checked;
}

}  // namespace footnote::kernels::cuda
