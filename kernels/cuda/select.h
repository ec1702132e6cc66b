// CUDA launchers that choose columns of logits. As in launch.h: only enqueue; 0 or a cudaError_t.
//
// `scratch` is device memory of the size beside, at a multiple of 8 bytes, in use until the launch
// is done; its contents do not matter. Ties go to the lower column, NaN never wins.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/gpu_types.h"

namespace footnote::kernels::cuda {

constexpr int64_t kMaxSelectColumns = 524288;
constexpr int64_t kMaxSelectRows = 65535;
constexpr int64_t kMaxTopK = 64;

// Of ArgMax and TopK alike.
size_t SelectScratchBytes(int64_t rows, int64_t columns);

// ids[r] = column of the largest of row r of logits (F32), among those whose bit is set in row r of
// allowed [R, ceil(N / 32)] (null: all); -1 when there is none.
int LaunchArgMax(GpuMatrix logits, const uint32_t* allowed, int32_t* ids, void* scratch,
                 void* stream);

// The k largest of each row, descending: values, ids [R, k]. Where a row has fewer (NaN), value
// -infinity and id -1.
int LaunchTopK(GpuMatrix logits, int64_t k, float* values, int32_t* ids, void* scratch,
               void* stream);

}  // namespace footnote::kernels::cuda
