// CUDA launchers: raw device pointers, a stream, a cudaError_t. No CUDA header is included here, so
// that host code may.
//
// A launcher only enqueues; `stream` is a cudaStream_t. Returned ints are cudaError_t values, 0 for
// success; cudaErrorInvalidValue for shapes that the kernel does not take. Every kernel is tested
// against kernels/reference.
#pragma once

#include <cstdint>

#include "kernels/dtype.h"

namespace footnote::kernels::cuda {

// As kernels::RmsNorm with contiguous rows. x, out [T, K] float32; weight [K] float32. K up to
// 65,536.
int LaunchRmsNorm(const float* x, const float* weight, float weight_bias, float eps, int64_t tokens,
                  int64_t columns, float* out, void* stream);

}  // namespace footnote::kernels::cuda
