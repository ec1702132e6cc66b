// What launchers ask of their arguments, on the host.
#pragma once

#include <cstdint>

#include "kernels/gpu_types.h"

namespace footnote::kernels::cuda {

inline bool Aligned(const void* pointer, int64_t bytes) {
  return reinterpret_cast<uintptr_t>(pointer) % static_cast<uintptr_t>(bytes) == 0;
}

// Rows of some columns that exist and do not overlap.
inline bool IsMatrix(const GpuMatrix& m) {
  return m.data != nullptr && m.rows >= 0 && m.columns > 0 && m.stride >= m.columns;
}
inline bool IsMatrix(const GpuMatrix& m, DType dtype) { return IsMatrix(m) && m.dtype == dtype; }

inline bool IsPlain(DType dtype) {
  return dtype == DType::kF32 || dtype == DType::kF16 || dtype == DType::kBF16;
}

// Whether every run of `count` elements, from a multiple of `count`, lies aligned and within its
// row or beyond its end.
inline bool InRunsOf(const GpuMatrix& m, int64_t count) {
  return m.columns % count == 0 && m.stride % count == 0 &&
         Aligned(m.data, count * BlockBytes(m.dtype));
}

}  // namespace footnote::kernels::cuda
