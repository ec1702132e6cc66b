// The kernels behind LaunchAttention and LaunchAttentionPacked, each with what it takes; arguments
// are checked by the launchers in attention.cu and attention_packed.cu. Internal to kernels/cuda.
#pragma once

#include "kernels/gpu_types.h"

namespace footnote::kernels::cuda {

struct AttentionWork {
  GpuMatrix queries;
  GpuSequences sequences;
  GpuKvLayer layer;
  AttentionParams params;  // window at most 2^30
  GpuMatrix out;
  int64_t heads() const { return queries.columns / layer.head_width; }
  int64_t group() const { return heads() / layer.kv_heads; }
};

// Tensor cores: F16 pages and a width that has a kernel.
bool HasTensorAttention(const GpuKvLayer& layer);

// Sequences of up to kDecodeRows rows, and the rows behind the last sequence.
size_t DecodeScratchBytes(int64_t heads, const GpuSequences& sequences, const GpuKvLayer& layer,
                          const AttentionParams& params);
int LaunchDecode(const AttentionWork& work, void* scratch, unsigned* counters, void* stream);

// Sequences of at least `least_rows` rows; the rows behind the last sequence too if `tail`.
int LaunchPrefill(const AttentionWork& work, int64_t least_rows, bool tail, void* stream);

// Any rows, any width up to 256, F16 or F32.
int LaunchPlain(const AttentionWork& work, void* stream);
int LaunchPackedPlain(const GpuPackedAttention& work, void* stream);

}  // namespace footnote::kernels::cuda
