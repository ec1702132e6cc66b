// Matrix products of one stream: which kernel a shape gets, and the memory between kernels.
//
// - Quantised weights and up to 4 rows of x: gemv.h, x rounded to 8 bits by groups of 32 (relative
//   error around 1e-2). More rows: product_mma.h, x and weights as float16 (1e-3); from
//   ProductOptions::most_mma rows on, weights become float16 in memory, then cuBLASLt.
// - F32, F16, BF16 and up to 4 rows: gemv.h, x in float32 (1e-5). More rows: cuBLASLt, x rounded to
//   the weights' type.
//
// Without cuBLASLt the kernels of product_mma.h serve all. The same call gives the same bits.
//
// Everything is enqueued on the stream; results of the ints as in launch.h. Scratch memory grows
// when a shape first needs it, never within a capture (cudaErrorStreamCaptureUnsupported): run a
// shape once before capturing it. What a captured graph uses is kept until the object goes.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "kernels/gpu_types.h"

namespace footnote::kernels::cuda {

struct ProductOptions {
  // Kernels may begin while those before them end (compute capability 9.0).
  bool overlap = true;
  bool use_cublas_lt = true;
  // Limits of the kernels above, in rows of x; for measurements, and tests of every path.
  int64_t most_gemv_quantised = 4;
  int64_t most_gemv_plain = 4;
  int64_t most_mma = 128;
  // As GemvVariant; 0: chosen by shape.
  int gemv_rows = 0;
  int gemv_split = 0;
  int gemv_blocks = 0;
  int gemv_prefetch_kib = 0;
};

class Products {
 public:
  // stream: a cudaStream_t of the current device.
  static int Create(void* stream, const ProductOptions& options,
                    std::unique_ptr<Products>* products);
  virtual ~Products() = default;

  // As Gpu::Products and Gpu::GatedProduct. x and outputs start at multiples of 16 bytes.
  virtual int Run(const GpuNorm* norm, GpuMatrix x, std::span<const GpuProduct> products) = 0;
  virtual int RunGated(const GpuNorm* norm, GpuMatrix x, const GpuGatedProduct& product) = 0;

  // Why products of many rows do without cuBLASLt; empty when they have it.
  virtual const std::string& problem() const = 0;
  virtual int64_t scratch_bytes() const = 0;
};

}  // namespace footnote::kernels::cuda
