// What the scheduler drives when a decoder is on a GPU: its cache there, the numbers of a pass, and
// captured graphs of passes that come again. Private to the generator room.
//
// A pass that only decodes is rounded up to a bucket of sequences and of keys; the second time that
// a bucket comes its pass is captured, and from then on one call enqueues all of it. Layers that
// stay on the CPU (GpuPlan::layers) follow there, with pages of the same numbers.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <tuple>
#include <vector>

#include "generator/runtime/gpu_model.h"
#include "generator/runtime/loaded_model.h"
#include "generator/runtime/scheduler.h"

namespace footnote::generator {

class GpuDecoderRunner final : public StepRunner {
 public:
  // `model` is on a GPU. kv_cache_bytes: of all layers, wherever they are. Errors:
  // INVALID_ARGUMENT for less than a page; RESOURCE_EXHAUSTED when the cache does not fit.
  static StatusOr<std::unique_ptr<GpuDecoderRunner>> Create(
      std::shared_ptr<const LoadedModel> model, int64_t kv_cache_bytes);
  ~GpuDecoderRunner() override;

  int64_t vocabulary_size() const override { return vocabulary_size_; }
  PagePool& pages() override { return *pool_; }
  Status Step(const DecoderBatch& batch, kernels::Matrix logits) override;
  bool chooses() const override { return rest_ == nullptr; }
  Status Choose(const DecoderBatch& batch, std::span<const AllowedTokens> allowed,
                std::span<TokenId> chosen) override;

 private:
  struct CpuRest;
  // Sizes that the launches of a pass depend on.
  struct PassShape {
    int64_t rows = 0, sequences = 0, most_rows = 0, most_keys = 0, shared_keys = 0, logits = 0;
    bool all_logits = false;  // of every row, in order
    auto operator<=>(const PassShape&) const = default;
    int64_t pages_stride() const;
  };
  struct Graph {
    int number = -1;  // < 0: run plainly once, not yet captured
    GpuMemory numbers;
    kernels::GpuMatrix logits;
  };

  GpuDecoderRunner(std::shared_ptr<const LoadedModel> model, std::unique_ptr<kernels::Gpu> gpu);

  Status AllocateCache(int64_t kv_cache_bytes);
  PassShape ShapeOf(const DecoderBatch& batch, bool& repeats) const;
  Status WriteNumbers(const DecoderBatch& batch, const PassShape& shape, void* device);
  GpuDecoderBatch BatchAt(const void* device, const PassShape& shape) const;
  // Enqueues the pass; the logits, or the residual stream where layers follow on the CPU.
  StatusOr<kernels::GpuMatrix> Enqueue(const DecoderBatch& batch);
  StatusOr<kernels::GpuMatrix> EnqueueGraph(const DecoderBatch& batch, const PassShape& shape);
  Status RunRest(const DecoderBatch& batch, const kernels::GpuMatrix& hidden,
                 kernels::Matrix logits);

  std::shared_ptr<const LoadedModel> model_;
  const GpuModel& gpu_model_;
  int64_t vocabulary_size_;
  std::unique_ptr<kernels::Gpu> gpu_;
  GpuWorkspace workspace_;
  GpuMemory cache_memory_;
  std::vector<kernels::GpuKvLayer> cache_;
  std::unique_ptr<PagePool> own_pool_;  // null where the CPU's part has one
  std::unique_ptr<CpuRest> rest_;       // null: all layers are on the GPU
  PagePool* pool_ = nullptr;
  std::vector<int32_t> numbers_;  // of a pass, as WriteNumbers lays them out
  std::map<PassShape, Graph> graphs_;
};

}  // namespace footnote::generator
