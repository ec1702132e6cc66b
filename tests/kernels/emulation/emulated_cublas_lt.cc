// Products as cuBLASLt would give them, one number after another.
#include <cmath>

#include "kernels/cuda/cublas_lt.h"
#include "kernels/quant/half.h"

namespace footnote::kernels::cuda {
namespace {

float Load(DType type, const void* data, int64_t at) {
  if (type == DType::kF32) return static_cast<const float*>(data)[at];
  const uint16_t bits = static_cast<const uint16_t*>(data)[at];
  return type == DType::kF16 ? FloatFromHalf(bits) : FloatFromBfloat(bits);
}

class PlainLt final : public CublasLt {
  int Multiply(const LtProduct& p, void*, cudaStream_t) override {
    for (int64_t n = 0; n < p.rows; ++n) {
      for (int64_t t = 0; t < p.tokens; ++t) {
        float sum = 0;
        for (int64_t k = 0; k < p.columns; ++k) {
          sum += Load(p.type, p.x, t * p.x_stride + k) * Load(p.type, p.w, n * p.w_stride + k);
        }
        const int64_t at = t * p.out_stride + n;
        float v = sum * p.factor + (p.bias == nullptr ? 0.0f : p.bias[n]);
        if (p.add) v += static_cast<const float*>(p.out)[at];
        if (p.out_type == DType::kF32) {
          static_cast<float*>(p.out)[at] = v;
        } else {
          static_cast<uint16_t*>(p.out)[at] =
              p.out_type == DType::kF16 ? HalfFromFloat(v) : BfloatFromFloat(v);
        }
      }
    }
    return cudaSuccess;
  }
};

}  // namespace

std::unique_ptr<CublasLt> CublasLt::Create(std::string*) { return std::make_unique<PlainLt>(); }

}  // namespace footnote::kernels::cuda
