// cuBLASLt, loaded when a process first asks for it: nothing links it. Internal to the products.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <memory>
#include <string>

#include "kernels/dtype.h"

namespace footnote::kernels::cuda {

// out[t, n] = factor * sum_k x[t, k] * w[n, k] (+ bias[n]) (+ out[t, n]); row-major, strides in
// elements. x and w of one type: F32 (in full float32, no TF32), F16 or BF16; sums float32.
struct LtProduct {
  DType type = DType::kF16;
  const void* w = nullptr;
  int64_t w_stride = 0;
  const void* x = nullptr;
  int64_t x_stride = 0;
  int64_t tokens = 0, rows = 0, columns = 0;
  void* out = nullptr;
  int64_t out_stride = 0;
  DType out_type = DType::kF32;  // F32, or `type`
  float factor = 1;
  const float* bias = nullptr;  // only with out F32
  bool add = false;             // only with out F32
};

class CublasLt {
 public:
  static constexpr size_t kWorkspaceBytes = size_t{32} << 20;

  // Null, and *problem says why, when the library is missing or does not start. Choices of
  // algorithms are kept; one object a stream.
  static std::unique_ptr<CublasLt> Create(std::string* problem);
  virtual ~CublasLt() = default;

  // cudaErrorNotSupported: no algorithm for the shape. The same shape gets the same algorithm and
  // the same bits: sums that are added in no fixed order are not allowed.
  virtual int Multiply(const LtProduct& product, void* workspace, cudaStream_t stream) = 0;
};

}  // namespace footnote::kernels::cuda
