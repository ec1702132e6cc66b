// CUDA launchers of what touches each number a few times: norms, embeddings, gathering, pooling,
// sums.
//
// As in launch.h: a launcher only enqueues; ints are cudaError_t, 0 for success and
// cudaErrorInvalidValue for what it does not take. Semantics: kernels/gpu.h. Any number of columns
// and any stride is right; rows whose runs of 4 (or 16 bytes) are aligned go several times faster.
#pragma once

#include <cstdint>

#include "kernels/gpu_types.h"

namespace footnote::kernels::cuda {

// Of x (F32, up to 65,536 columns) to out (F32, may be x), rounded (F16, saturating, or BF16), or
// both; one whose data is null is not written. eps > 0.
int LaunchNorm(const GpuNorm& norm, GpuMatrix x, GpuMatrix out, GpuMatrix rounded, void* stream);

// out[t, :] = table[ids[t], :] * scale, or out += that if `add`. ids null: row 0 for all; an id
// outside the table stands for zeros. table F32, F16 or BF16; out F32.
int LaunchEmbedPlain(const GpuWeight& table, const int32_t* ids, float scale, bool add,
                     GpuMatrix out, void* stream);

// How a BERT begins: the norm of token + type + position embeddings, as LaunchNorm writes it. All
// tables have one plain dtype and up to 1,024 columns (more: cudaErrorInvalidValue, and the
// separate operations do it); `types` and `positions` tables may be empty. type_ids null: row 0.
struct EmbedSumNormWork {
  GpuWeight tokens, types, positions;
  const int32_t* token_ids = nullptr;     // [T]
  const int32_t* type_ids = nullptr;      // [T] or null
  const int32_t* position_ids = nullptr;  // [T]; rows of `positions`
  GpuNorm norm;
  int64_t rows = 0;   // T
  GpuMatrix out;      // F32, or empty
  GpuMatrix rounded;  // F16 or BF16, or empty
};
int LaunchEmbedSumNorm(const EmbedSumNormWork& work, void* stream);

// out[i, :] = x[rows[i], :], same dtype; a row outside x stands for zeros.
int LaunchGatherRows(GpuMatrix x, const int32_t* rows, GpuMatrix out, void* stream);

// out[b, :] = mean (or the first) of rows begins[b] … ends[b] - 1 of x; then, if `normalise`,
// divided by the larger of its length and 1e-12. No rows: zeros. x, out F32.
int LaunchPool(GpuMatrix x, const int32_t* begins, const int32_t* ends, bool mean, bool normalise,
               GpuMatrix out, void* stream);

// x F32, in place.
int LaunchTanh(GpuMatrix x, void* stream);

// x = cap * tanh(x / cap), F32, in place; cap > 0.
int LaunchSoftcap(GpuMatrix x, float cap, void* stream);

// x += scale * y, both F32 and of one shape.
int LaunchAddScaled(GpuMatrix y, float scale, GpuMatrix x, void* stream);

}  // namespace footnote::kernels::cuda
