// The one implementation of Model: a weight file, its network, tokenizer and template, and the
// threads that run it. Private to the generator room.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "common/thread_pool.h"
#include "generator/arch/network.h"
#include "generator/blocks/workspace.h"
#include "generator/model.h"
#include "generator/runtime/gpu_model.h"
#include "generator/runtime/kv_cache.h"
#include "kernels/context.h"
#include "kernels/packing.h"

namespace footnote::generator {

class LoadedModel final : public Model {
 public:
  // As Model::Load.
  static StatusOr<std::shared_ptr<const LoadedModel>> Load(const std::filesystem::path& path,
                                                           const ModelOptions& options);

  const ModelInfo& info() const override { return info_; }
  const ModelOptions& options() const override { return options_; }
  const std::filesystem::path& path() const override { return path_; }
  const Tokenizer& tokenizer() const override { return *tokenizer_; }
  const ChatTemplate* chat_template() const override { return chat_template_.get(); }
  kernels::Isa isa() const override { return isa_; }
  StatusOr<std::optional<DeviceFigures>> MeasureDevice() const override;
  StatusOr<std::vector<float>> Logits(std::span<const TokenId> ids) const override;
  std::vector<int32_t> Positions(std::span<const TokenId> row) const override;
  StatusOr<std::vector<float>> Encode(const EncoderBatch& batch) const override;
  StatusOr<std::vector<float>> Classify(const EncoderBatch& batch) const override;

  const Decoder* decoder() const { return network_.decoder.get(); }
  const Encoder* encoder() const { return network_.encoder.get(); }

  // Null: the model is on the CPU.
  const GpuModel* gpu() const { return gpu_.get(); }

  const NetworkShape& network_shape() const { return network_.shape; }

  // Sizes of a cache for this decoder in this precision.
  KvShape kv_shape() const;

  // What one pass needs. All share the model's threads.
  struct Runner {
    std::unique_ptr<kernels::Context> context;
    Workspace workspace;
  };
  StatusOr<std::unique_ptr<Runner>> MakeRunner() const;

 private:
  LoadedModel() = default;

  // Puts the model on the GPU that the options ask for, or says in info() why not.
  Status ChooseAndUpload();
  Status PackWeights();
  StatusOr<std::vector<float>> GpuLogits(std::span<const TokenId> ids) const;

  StatusOr<std::unique_ptr<Runner>> BorrowRunner() const;
  void ReturnRunner(std::unique_ptr<Runner> runner) const;
  Status CheckEncoderBatch(const EncoderBatch& batch) const;
  // A batch with its positions, and without types that the model does not look at, checked.
  StatusOr<EncoderBatch> CompleteBatch(const EncoderBatch& batch) const;
  // A piece of a batch, with the numbers of its first sequence and part.
  using PieceRunner =
      std::function<Status(Runner&, const EncoderBatch& piece, size_t first, size_t first_part)>;
  // Cuts a checked batch between sequences, so that a pass has bounded activations.
  Status RunPieces(const EncoderBatch& batch, const PieceRunner& run) const;

  std::filesystem::path path_;
  ModelOptions options_;
  ModelInfo info_;
  kernels::Isa isa_ = kernels::Isa::kPlain;
  std::unique_ptr<WeightSource> source_;  // outlives network_, which looks into its mapping
  std::unique_ptr<kernels::PackedWeights> packed_;  // network_ looks into it too
  Network network_;
  std::unique_ptr<GpuModel> gpu_;
  std::unique_ptr<Tokenizer> tokenizer_;
  std::unique_ptr<ChatTemplate> chat_template_;
  std::unique_ptr<ThreadPool> threads_;
  mutable std::mutex runners_mutex_;
  mutable std::vector<std::unique_ptr<Runner>> idle_runners_;  // guarded by runners_mutex_
  std::jthread mover_;  // packed weights from a file to memory; last, so that it ends first
};

}  // namespace footnote::generator
