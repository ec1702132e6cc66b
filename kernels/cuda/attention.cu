// LaunchAttention: checks the shapes and chooses the kernels.
#include <cuda_runtime.h>

#include "kernels/cuda/attention.h"
#include "kernels/cuda/attention_kernels.h"
#include "kernels/cuda/attention_plan.h"

namespace footnote::kernels::cuda {
namespace {

constexpr int64_t kMostWidth = 256;
constexpr int64_t kMostPositions = int64_t{1} << 30;

bool IsActivation(DType dtype) {
  return dtype == DType::kF32 || dtype == DType::kF16 || dtype == DType::kBF16;
}

bool Aligned16(const void* p) { return reinterpret_cast<uintptr_t>(p) % 16 == 0; }

// A window that sees everything is none: kernels count positions in 32 bits.
AttentionParams Bounded(AttentionParams params) {
  if (params.window > kMostPositions) params.window = 0;
  return params;
}

bool Fits(const AttentionWork& work) {
  const GpuMatrix& queries = work.queries;
  const GpuMatrix& out = work.out;
  const GpuSequences& sequences = work.sequences;
  const GpuKvLayer& layer = work.layer;
  if (layer.dtype != DType::kF16 && layer.dtype != DType::kF32) return false;
  if (layer.head_width <= 0 || layer.head_width > kMostWidth || layer.kv_heads <= 0) return false;
  if (queries.dtype != layer.dtype || !IsActivation(out.dtype)) return false;
  if (queries.columns <= 0 || queries.columns % (layer.head_width * layer.kv_heads) != 0) {
    return false;
  }
  if (out.columns != queries.columns || out.rows != queries.rows) return false;
  if (queries.rows != sequences.rows || sequences.rows > kMostPositions) return false;
  if (queries.stride % 8 != 0 || out.stride % 8 != 0) return false;
  if (queries.stride < queries.columns || out.stride < out.columns) return false;
  if (sequences.count < 0 || sequences.rows < 0 || sequences.most_rows < 0) return false;
  if (sequences.shared_keys < 0 || sequences.shared_keys % kPageTokens != 0 ||
      sequences.shared_keys > sequences.most_keys) {
    return false;
  }
  if (sequences.most_keys < 0 || sequences.most_keys > sequences.pages_stride * kPageTokens ||
      sequences.most_keys > kMostPositions) {
    return false;
  }
  return work.params.scale > 0 && work.params.softcap >= 0 && work.params.window >= 0;
}

}  // namespace

bool HasTensorAttention(const GpuKvLayer& layer) {
  if (layer.dtype != DType::kF16 || !Aligned16(layer.keys) || !Aligned16(layer.values)) {
    return false;
  }
  for (const int64_t width : {64, 80, 96, 112, 128, 256}) {
    if (layer.head_width == width) return true;
  }
  return false;
}

size_t AttentionScratchBytes(int64_t heads, const GpuSequences& sequences, const GpuKvLayer& layer,
                             const AttentionParams& params) {
  if (!HasTensorAttention(layer) || layer.kv_heads <= 0 || heads < layer.kv_heads) return 0;
  if (sequences.most_rows > kDecodeRows && sequences.count == 1) return 0;  // prefill alone
  return DecodeScratchBytes(heads, sequences, layer, Bounded(params));
}

int LaunchAttention(GpuMatrix queries, const GpuSequences& sequences, const GpuKvLayer& layer,
                    const AttentionParams& params, GpuMatrix out, void* scratch, unsigned* counters,
                    void* stream) {
  const AttentionWork work = {queries, sequences, layer, Bounded(params), out};
  if (!Fits(work)) return cudaErrorInvalidValue;
  if (sequences.rows == 0) return cudaSuccess;
  if (!HasTensorAttention(layer) || !Aligned16(queries.data) || !Aligned16(out.data)) {
    return LaunchPlain(work, stream);
  }
  if (sequences.most_rows <= kDecodeRows) return LaunchDecode(work, scratch, counters, stream);
  if (sequences.count == 1) return LaunchPrefill(work, 0, true, stream);
  // A batch of both kinds: each kernel passes over the other's sequences.
  if (const int error = LaunchPrefill(work, kDecodeRows + 1, false, stream); error != 0) {
    return error;
  }
  return LaunchDecode(work, scratch, counters, stream);
}

int LaunchAttentionPlain(GpuMatrix queries, const GpuSequences& sequences, const GpuKvLayer& layer,
                         const AttentionParams& params, GpuMatrix out, void* stream) {
  const AttentionWork work = {queries, sequences, layer, Bounded(params), out};
  if (!Fits(work)) return cudaErrorInvalidValue;
  return sequences.rows == 0 ? cudaSuccess : LaunchPlain(work, stream);
}

int LaunchCopyPage(const GpuKvLayer& layer, int32_t from, int32_t to, void* stream) {
  if (layer.dtype != DType::kF16 && layer.dtype != DType::kF32) return cudaErrorInvalidValue;
  if (from < 0 || from >= layer.pages || to < 0 || to >= layer.pages) return cudaErrorInvalidValue;
  if (layer.kv_heads <= 0 || layer.head_width <= 0) return cudaErrorInvalidValue;
  if (from == to) return cudaSuccess;
  const auto bytes = static_cast<size_t>(layer.kv_heads * kPageTokens * layer.head_width *
                                         BlockBytes(layer.dtype));
  for (void* pages : {layer.keys, layer.values}) {
    char* base = static_cast<char*>(pages);
    if (const cudaError_t error = cudaMemcpyAsync(
            base + static_cast<size_t>(to) * bytes, base + static_cast<size_t>(from) * bytes, bytes,
            cudaMemcpyDeviceToDevice, static_cast<cudaStream_t>(stream));
        error != cudaSuccess) {
      return error;
    }
  }
  return cudaSuccess;
}

}  // namespace footnote::kernels::cuda
