// Rows of a weight as numbers: for the embedding table, and for products of many rows.
#pragma once

#include <cstdint>

#include "kernels/gpu_types.h"

namespace footnote::kernels::cuda {

// out[i, :] = row ids[i] of w * scale, or += it (`add`, F32 only), for i < count. ids: on the
// device, clamped to the rows there are; null: rows 0…count - 1. out F32, F16 (beyond its range:
// its largest number) or BF16, at a multiple of 16 bytes. w as upload.h left it, of any format.
int LaunchDequantizeRows(const GpuWeight& w, const int32_t* ids, int64_t count, float scale,
                         bool add, GpuMatrix out, void* stream);

}  // namespace footnote::kernels::cuda
