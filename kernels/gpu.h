// A GPU that runs models: its memory, one stream of work, and the operations of decoders and
// encoders on it.
//
// An interface without CUDA types: OpenGpu gives the CUDA implementation (kernels/cuda), tests give
// one that computes on the host. Operations only enqueue, in order; outputs are ready for whatever
// is enqueued later, and for the host after CopyOut or Synchronize. Results depend on the shapes of
// a batch (a product of few rows and one of many are different kernels) and on nothing else: the
// same batch gives the same bits. Errors: INVALID_ARGUMENT for shapes and formats that disagree,
// RESOURCE_EXHAUSTED when memory is short (says how much was wanted and is free), INTERNAL for what
// CUDA reports, with its name; after that the object only reports it again. Nothing throws or
// aborts. Threads: one at a time; several Gpu objects of one device may run concurrently, and
// memory that one of them allocated may be read by the others.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "common/status.h"
#include "kernels/device.h"
#include "kernels/gpu_types.h"
#include "kernels/tensor.h"

namespace footnote::kernels {

class Gpu {
 public:
  virtual ~Gpu() = default;

  virtual const GpuInfo& info() const = 0;
  // Bytes that can still be allocated.
  virtual StatusOr<int64_t> FreeBytes() = 0;

  // Memory, at a multiple of 256 bytes, until it is freed. Free waits for what is enqueued. The
  // device frees what is left when the last Gpu object of it goes.
  virtual StatusOr<void*> Allocate(size_t bytes) = 0;
  virtual void Free(void* memory) = 0;

  // Host to device; `host` may change as soon as the call returns. Not within a capture.
  virtual Status CopyIn(void* device, const void* host, size_t bytes) = 0;
  // Device to host, when everything before it is done; returns then.
  virtual Status CopyOut(void* host, const void* device, size_t bytes) = 0;
  virtual Status Synchronize() = 0;

  // Records what `body` enqueues, to be enqueued again with one call. The operations' scratch
  // memory must not grow meanwhile: run body plainly once before. Numbers are given by the device
  // object and stay valid as long as it.
  virtual StatusOr<int> Capture(const std::function<Status()>& body) = 0;
  virtual Status Replay(int graph) = 0;

  // Memory for a weight, filled with the rows of all `parts` (host; same columns). Quantised parts
  // of one dtype stay as they are, unless `plain` is F32, which means exact; everything else
  // becomes `plain` (F32, F16 or BF16).
  virtual StatusOr<GpuWeight> Upload(std::span<const Weight> parts, DType plain) = 0;

  // out[t, :] = table[ids[t], :] * scale; an id outside the table stands for zeros. out F32.
  virtual Status EmbedRows(const GpuWeight& table, const int32_t* ids, float scale,
                           GpuMatrix out) = 0;
  // As EmbedRows, added to out.
  virtual Status AddEmbeddedRows(const GpuWeight& table, const int32_t* ids, GpuMatrix out) = 0;

  // Of x (F32) to either or both of out (F32, may be x) and rounded (F16 or BF16); an empty one is
  // not written.
  virtual Status Norm(const GpuNorm& norm, GpuMatrix x, GpuMatrix out, GpuMatrix rounded) = 0;

  // Products of x [T, K], first normalised if `norm` is not null (x is F32 then). x: F32, or what
  // the weights were converted to. Rounding: docs/gpu.md.
  virtual Status Products(const GpuNorm* norm, GpuMatrix x,
                          std::span<const GpuProduct> products) = 0;
  virtual Status GatedProduct(const GpuNorm* norm, GpuMatrix x, const GpuGatedProduct& product) = 0;

  virtual Status RopeAndStore(const GpuRopeAndStore& work, const GpuSequences& sequences,
                              const GpuKvLayer& layer) = 0;
  // queries [T, H * D] as RopeAndStore left them; out [T, H * D] F32, F16 or BF16.
  virtual Status Attention(GpuMatrix queries, const GpuSequences& sequences,
                           const GpuKvLayer& layer, const AttentionParams& params,
                           GpuMatrix out) = 0;
  virtual Status AttentionPacked(const GpuPackedAttention& work) = 0;

  // out[i, :] = x[rows[i], :], for i < out.rows; same dtype. rows on the device.
  virtual Status GatherRows(GpuMatrix x, const int32_t* rows, GpuMatrix out) = 0;
  // out[b, :] = mean (or the first) of rows begins[b] … ends[b] - 1 of x (F32); then, if
  // `normalise`, to length 1. out F32.
  virtual Status Pool(GpuMatrix x, const int32_t* begins, const int32_t* ends, bool mean,
                      bool normalise, GpuMatrix out) = 0;
  // In place, F32: tanh(x); cap * tanh(x / cap), cap > 0.
  virtual Status Tanh(GpuMatrix x) = 0;
  virtual Status Softcap(GpuMatrix x, float cap) = 0;
  // x += scale * y, F32.
  virtual Status AddScaled(GpuMatrix y, float scale, GpuMatrix x) = 0;

  // ids[r] = the column of the largest number of row r of logits (F32), the first of equals, among
  // those whose bit is set in row r of allowed [R, ceil(N / 32)] words; allowed null: all.
  virtual Status ArgMax(GpuMatrix logits, const uint32_t* allowed, int32_t* ids) = 0;
  // The k (<= 64) largest of each row, descending, the smaller id first among equals: values and
  // ids [R, k].
  virtual Status TopK(GpuMatrix logits, int64_t k, float* values, int32_t* ids) = 0;

  // Keys and values of whole pages, in one layer: page to[i] becomes page from[i]. Host arrays.
  virtual Status CopyPage(const GpuKvLayer& layer, int32_t from, int32_t to) = 0;

  // What the card reaches, measured now: bytes a second of a copy, read and written ones counted,
  // and operations a second of a large BF16 product. Takes about a second.
  struct Ceilings {
    double bytes_per_second = 0;
    double read_bytes_per_second = 0;  // of a kernel that only reads
    double operations_per_second = 0;
  };
  virtual StatusOr<Ceilings> MeasureCeilings() = 0;
};

// GPU `index` of FindGpus(), with a stream of its own. Errors: FAILED_PRECONDITION says why it
// cannot be used.
StatusOr<std::unique_ptr<Gpu>> OpenGpu(int index);

}  // namespace footnote::kernels
