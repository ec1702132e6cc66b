// A model on a GPU: which device, what lies there, and what runs it. Private to the generator room.
//
// Threads: const methods may run concurrently; each runner has a stream of its own and belongs to
// one thread at a time.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "common/status.h"
#include "generator/arch/network.h"
#include "generator/model.h"
#include "generator/runtime/kv_cache.h"
#include "kernels/gpu.h"

namespace footnote::generator {

// Which device a model runs on, as ModelOptions::device names it.
struct DeviceChoice {
  bool cpu = true;
  int gpu = 0;
  std::string note;  // why the CPU, where "auto" found no GPU
};

// Errors: INVALID_ARGUMENT names the choices; FAILED_PRECONDITION when a GPU was asked for and
// cannot be used.
StatusOr<DeviceChoice> ChooseDevice(const std::string& device, const GpuOpener& open);

class GpuModel {
 public:
  // Uploads the network; its weights' mapping is then needed only for layers that stay on the CPU.
  // Errors: those of OpenGpu and Gpu::Upload; RESOURCE_EXHAUSTED when it does not fit.
  static StatusOr<std::unique_ptr<GpuModel>> Create(const Network& network,
                                                    const ModelOptions& options, int gpu);
  ~GpuModel();

  const GpuDecoder* decoder() const { return decoder_.get(); }
  const GpuEncoder* encoder() const { return encoder_.get(); }
  const GpuPlan& plan() const { return plan_; }
  // "CUDA 0 (NVIDIA H100 80GB HBM3, 9.0)".
  const std::string& description() const { return description_; }
  // "cuda 9.0".
  const std::string& isa() const { return isa_; }

  // Of the device, measured now.
  StatusOr<kernels::Gpu::Ceilings> MeasureCeilings() const;

  // A stream of the same device.
  StatusOr<std::unique_ptr<kernels::Gpu>> OpenStream() const;

  // As LoadedModel's, of a checked batch.
  StatusOr<std::vector<float>> Encode(const EncoderBatch& batch) const;
  StatusOr<std::vector<float>> Classify(const EncoderBatch& batch) const;

 private:
  struct EncoderRunner;

  GpuModel() = default;
  StatusOr<std::vector<float>> Run(const EncoderBatch& batch, int64_t columns, bool classify) const;
  // Sequences [first, last) of a batch and parts [first_part, last_part), to `results` on the
  // device: rows of all sequences, then of all parts.
  Status EnqueuePiece(EncoderRunner& runner, const EncoderBatch& batch, size_t first, size_t last,
                      size_t first_part, size_t last_part, bool classify,
                      kernels::GpuMatrix results) const;
  Status RunPieces(EncoderRunner& runner, const EncoderBatch& batch, bool classify,
                   std::span<float> out) const;

  GpuOpener open_;
  int index_ = 0;
  GpuPlan plan_;
  std::string description_, isa_;
  int64_t width_ = 0;
  int64_t labels_ = 0;
  std::shared_ptr<kernels::Gpu> gpu_;  // of the uploads; outlives what lies in its memory
  std::unique_ptr<GpuDecoder> decoder_;
  std::unique_ptr<GpuEncoder> encoder_;
  mutable std::mutex mutex_;
  mutable std::vector<std::unique_ptr<EncoderRunner>> idle_;  // guarded by mutex_
};

}  // namespace footnote::generator
