// Weights laid out for products on this CPU, once, when a model is loaded.
//
// A packed matrix holds its rows in panels (kernels/cpu/kernel_table.h), as large as they were.
// MatMul gives the same bits with it as without, where it packs again on every call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "common/status.h"
#include "common/thread_pool.h"
#include "kernels/context.h"
#include "kernels/dtype.h"
#include "kernels/tensor.h"

namespace footnote::kernels {

// One packed matrix. Belongs to the PackedWeights that made it.
struct PackedWeight {
  DType dtype = DType::kF32;  // what is multiplied; another than the weight's when it was converted
  Isa isa = Isa::kPlain;
  const uint8_t* codes = nullptr;    // 64-byte aligned
  const uint8_t* numbers = nullptr;  // 64-byte aligned
};

// Plain (float) weights stay as they are, or are rounded to Q8_0, which multiplies faster.
enum class PlainWeights { kAsStored, kQ8_0 };

class PackedWeights {
 public:
  // Packs each of `weights` and points its `packed` at the result. Rows must be whole blocks.
  // pool: null packs on the calling thread. Errors: INVALID_ARGUMENT for a weight without data or
  // with broken rows, or whose columns cannot be rounded to Q8_0; RESOURCE_EXHAUSTED when memory
  // is short; then no weight was changed.
  static StatusOr<std::unique_ptr<PackedWeights>> Pack(std::span<Weight* const> weights, Isa isa,
                                                       PlainWeights plain, ThreadPool* pool);
  ~PackedWeights();
  PackedWeights(const PackedWeights&) = delete;
  PackedWeights& operator=(const PackedWeights&) = delete;

  int64_t bytes() const { return static_cast<int64_t>(bytes_); }

 private:
  PackedWeights() = default;

  void* memory_ = nullptr;
  size_t bytes_ = 0;
  std::vector<PackedWeight> matrices_;
};

}  // namespace footnote::kernels
