// Networks whose weights lie on a GPU. Private to the generator room.
//
// Made from a Decoder or an Encoder by OnGpu, which uploads; the file's mapping is not needed by
// them any more. Threads: const, so any number of passes may run, each with a Gpu (a stream) and a
// GpuWorkspace of its own.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "common/status.h"
#include "generator/blocks/gpu_workspace.h"
#include "kernels/gpu.h"

namespace footnote::generator {

// What is decided when a model goes to a GPU.
struct GpuPlan {
  // Format of weights that are not quantised there, and of what quantised ones become for products
  // of many rows: F32 (exact), F16 or BF16.
  kernels::DType plain = kernels::DType::kF16;
  kernels::DType cache = kernels::DType::kF16;  // keys and values: F16 or F32
  int64_t layers = 0;  // the first so many are on the GPU; all of them: the head too
};

// Arrays are on the device.
struct GpuDecoderBatch {
  const int32_t* ids = nullptr;  // [T]; padding rows have any id in range
  kernels::GpuSequences sequences;
  // [R] rows whose logits are wanted, ascending; null with logits_count = T: all.
  const int32_t* logits_rows = nullptr;
  int64_t logits_count = 0;
};

class GpuDecoder {
 public:
  virtual ~GpuDecoder() = default;

  virtual int64_t weight_bytes() const = 0;
  // Of the weights, what a pass over few rows reads: not the rows of an embedding that is no head.
  virtual int64_t step_weight_bytes() const = 0;

  // Enqueues a pass: keys and values of the batch into `cache` (one for each layer here), and out:
  // the logits of the rows asked for [R, vocabulary], F32; or, where only the first layers are on
  // the GPU, the residual stream behind them [T, width], F32. Errors: those of Gpu.
  virtual Status Forward(kernels::Gpu& gpu, GpuWorkspace& workspace, const GpuDecoderBatch& batch,
                         std::span<const kernels::GpuKvLayer> cache,
                         kernels::GpuMatrix out) const = 0;
};

// Arrays are on the device.
struct GpuEncoderBatch {
  const int32_t* ids = nullptr;          // [T]
  const int32_t* types = nullptr;        // [T] or null: all 0
  const int32_t* positions = nullptr;    // [T]
  const int32_t* offsets = nullptr;      // [B + 1]
  int64_t rows = 0;                      // T
  int64_t sequences = 0;                 // B
  int64_t most_rows = 0;                 // of a sequence
  const int32_t* part_begins = nullptr;  // [P]
  const int32_t* part_ends = nullptr;    // [P]
  int64_t parts = 0;                     // P
};

class GpuEncoder {
 public:
  virtual ~GpuEncoder() = default;

  virtual int64_t weight_bytes() const = 0;

  // As Encoder::Forward and Encoder::Classify: vectors of sequences [B, width], of parts [P,
  // width], logits [B, labels]; F32.
  virtual Status Forward(kernels::Gpu& gpu, GpuWorkspace& workspace, const GpuEncoderBatch& batch,
                         kernels::GpuMatrix vectors, kernels::GpuMatrix part_vectors) const = 0;
  virtual Status Classify(kernels::Gpu& gpu, GpuWorkspace& workspace, const GpuEncoderBatch& batch,
                          kernels::GpuMatrix out) const = 0;
};

}  // namespace footnote::generator
