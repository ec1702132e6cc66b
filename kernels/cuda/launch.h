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

// out[t, n] = sum_k x[t, k] * w[n, k] for few rows of x (T <= 8): weights are read once, in their
// file's format, and multiplied in float32. dtype: Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q4_K, Q6_K. `w`
// [N, K] and `x` must be 16-byte aligned (cudaMalloc is).
int LaunchQuantisedGemv(DType dtype, const void* w, const float* x, int64_t tokens, int64_t rows,
                        int64_t columns, float* out, void* stream);

}  // namespace footnote::kernels::cuda
