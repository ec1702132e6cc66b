// CUDA launchers of attention and of what feeds it (kernels/gpu_types.h has the operands). No CUDA
// header is included here, so that host code may include it.
//
// Launchers only enqueue on `stream` (a cudaStream_t) and may be captured: grids depend on sizes
// that the host gives, never on device data. Returned ints are cudaError_t values, 0 for success;
// cudaErrorInvalidValue for shapes that no kernel takes. Reductions run in a fixed order: the same
// batch gives the same bits on the same kind of card (the number of multiprocessors chooses how
// decode splits the keys).
//
// Rows of sequence b are its last positions in order: row first_row[b] + i is at position
// lengths[b] - (first_row[b + 1] - first_row[b]) + i. Rows of sequences of length 0 and rows from
// first_row[count] on are padding: their queries and their attention are 0.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/gpu_types.h"

namespace footnote::kernels::cuda {

// projected, queries: T rows. D (layer.head_width) up to 1024; F16 saturates at 65504.
int LaunchRopeAndStore(const GpuRopeAndStore& work, const GpuSequences& sequences,
                       const GpuKvLayer& layer, void* stream);

// queries [T, H * D] of the layer's dtype, out [T, H * D] F32, F16 or BF16; D up to 256. F16 with D
// 64, 80, 96, 112, 128 or 256 runs on tensor cores; everything else in float32, a warp a key.
// `scratch` holds AttentionScratchBytes of the same sizes, at a multiple of 16 bytes; it may be
// null when that is 0. `counters`: kAttentionCounters numbers that are 0 before the first launch;
// every launch leaves them so; of one stream, and needed where scratch is. Which kernel runs
// depends on most_rows, count and the layer alone.
inline constexpr int64_t kAttentionCounters = 4096;
size_t AttentionScratchBytes(int64_t heads, const GpuSequences& sequences, const GpuKvLayer& layer,
                             const AttentionParams& params);
int LaunchAttention(GpuMatrix queries, const GpuSequences& sequences, const GpuKvLayer& layer,
                    const AttentionParams& params, GpuMatrix out, void* scratch, unsigned* counters,
                    void* stream);

// The same by the plain kernel, whatever the shapes: the oracle of the others at sizes too large
// for the host's reference.
int LaunchAttentionPlain(GpuMatrix queries, const GpuSequences& sequences, const GpuKvLayer& layer,
                         const AttentionParams& params, GpuMatrix out, void* stream);

// F16 with D 32, 64 or 128 on tensor cores, everything else up to D = 256 in float32.
int LaunchAttentionPacked(const GpuPackedAttention& work, void* stream);

int LaunchCopyPage(const GpuKvLayer& layer, int32_t from, int32_t to, void* stream);

}  // namespace footnote::kernels::cuda
