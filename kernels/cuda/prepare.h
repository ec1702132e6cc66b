// Kernels that make x ready for a product: one block of threads a row. Internal to the products.
#pragma once

#include "kernels/cuda/input_rows.h"
#include "kernels/cuda/overlap.h"

namespace footnote::kernels::cuda {

// to: RoundedRowBytes a row. K a multiple of 32.
int LaunchRoundRows(const InputRows& x, uint8_t* to, const LaunchOn& on);
// to: StagedColumns floats a row.
int LaunchStageRows(const InputRows& x, float* to, const LaunchOn& on);
// to: FragmentBytes; type F16 or BF16. Tokens behind T and columns behind K become 0.
int LaunchFragments(const InputRows& x, DType type, bool by_groups, int tiles, void* to,
                    const LaunchOn& on);
// to: rows of `stride` elements (a multiple of 8) of type F32, F16 or BF16, 0 behind column K.
int LaunchConvertRows(const InputRows& x, DType type, int64_t stride, void* to, const LaunchOn& on);

}  // namespace footnote::kernels::cuda
