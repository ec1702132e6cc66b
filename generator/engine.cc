#include "generator/engine.h"

#include <algorithm>
#include <utility>

#include "generator/runtime/cross_encoder.h"
#include "generator/runtime/gpu_decoder_runner.h"
#include "generator/runtime/loaded_model.h"
#include "generator/runtime/query_likelihood.h"
#include "generator/runtime/replicated_generator.h"
#include "generator/runtime/scheduler.h"
#include "generator/runtime/text_encoder.h"

namespace footnote::generator {
namespace {

constexpr int kCpuBudgetTokens = 256;
constexpr int kGpuBudgetTokens = 2048;

// A decoder with its cache, as the scheduler drives it.
class DecoderRunner final : public StepRunner {
 public:
  DecoderRunner(const LoadedModel& model, std::unique_ptr<LoadedModel::Runner> runner,
                std::unique_ptr<KvCache> cache)
      : decoder_(*model.decoder()),
        vocabulary_size_(model.info().vocabulary_size),
        runner_(std::move(runner)),
        cache_(std::move(cache)) {}

  int64_t vocabulary_size() const override { return vocabulary_size_; }
  PagePool& pages() override { return cache_->pool(); }
  Status Step(const DecoderBatch& batch, kernels::Matrix logits) override {
    return decoder_.Forward(*runner_->context, runner_->workspace, batch, cache_->layers(), logits);
  }

 private:
  const Decoder& decoder_;
  const int64_t vocabulary_size_;
  std::unique_ptr<LoadedModel::Runner> runner_;
  std::unique_ptr<KvCache> cache_;
};

StatusOr<std::unique_ptr<StepRunner>> MakeStepRunner(std::shared_ptr<const LoadedModel> model,
                                                     int64_t kv_cache_bytes) {
  if (model->gpu() != nullptr) {
    FOOTNOTE_ASSIGN_OR_RETURN(auto runner,
                              GpuDecoderRunner::Create(std::move(model), kv_cache_bytes));
    return std::unique_ptr<StepRunner>(std::move(runner));
  }
  const KvShape shape = model->kv_shape();
  FOOTNOTE_ASSIGN_OR_RETURN(std::unique_ptr<LoadedModel::Runner> runner, model->MakeRunner());
  FOOTNOTE_ASSIGN_OR_RETURN(std::unique_ptr<KvCache> cache,
                            KvCache::Create(shape, kv_cache_bytes / shape.page_bytes()));
  return std::unique_ptr<StepRunner>(
      std::make_unique<DecoderRunner>(*model, std::move(runner), std::move(cache)));
}

class EngineTextGenerator final : public TextGenerator {
 public:
  EngineTextGenerator(std::shared_ptr<const LoadedModel> model, int context_tokens,
                      std::unique_ptr<StepRunner> runner, std::unique_ptr<Scheduler> scheduler)
      : model_(std::move(model)),
        context_tokens_(context_tokens),
        runner_(std::move(runner)),
        scheduler_(std::move(scheduler)) {}

  const Tokenizer& tokenizer() const override { return model_->tokenizer(); }
  const ChatTemplate* chat_template() const override { return model_->chat_template(); }
  int context_tokens() const override { return context_tokens_; }
  const std::string& name() const override { return model_->info().name; }
  GeneratorStats stats() const override { return scheduler_->stats(); }

  StatusOr<GenerationResult> Generate(const GenerationRequest& request, const CallContext& call,
                                      const TokenSink& sink) override {
    return scheduler_->Generate(request, call, sink);
  }
  StatusOr<std::vector<float>> LogProbabilities(std::span<const TokenId> prompt,
                                                std::span<const TokenId> continuation,
                                                const CallContext& call) override {
    return scheduler_->LogProbabilities(prompt, continuation, call);
  }

 private:
  std::shared_ptr<const LoadedModel> model_;
  const int context_tokens_;
  std::unique_ptr<StepRunner> runner_;
  std::unique_ptr<Scheduler> scheduler_;  // last: its thread uses the runner until it ends
};

StatusOr<std::shared_ptr<const LoadedModel>> AsLoaded(std::shared_ptr<const Model> model) {
  auto loaded = std::dynamic_pointer_cast<const LoadedModel>(std::move(model));
  if (loaded == nullptr) return InvalidArgumentError("the model was not made by Model::Load");
  return loaded;
}

}  // namespace

StatusOr<std::unique_ptr<TextGenerator>> MakeTextGenerator(std::shared_ptr<const Model> model,
                                                           const EngineOptions& options) {
  FOOTNOTE_ASSIGN_OR_RETURN(std::shared_ptr<const LoadedModel> loaded, AsLoaded(std::move(model)));
  const ModelInfo& info = loaded->info();
  if (loaded->decoder() == nullptr) {
    return InvalidArgumentError(info.name + " (" + info.architecture +
                                ") is an encoder and cannot generate; give a decoder");
  }
  if (options.context_tokens < 0) return InvalidArgumentError("context_tokens is below 0");
  const int context_tokens = options.context_tokens == 0
                                 ? info.context_tokens
                                 : std::min(options.context_tokens, info.context_tokens);
  FOOTNOTE_ASSIGN_OR_RETURN(std::unique_ptr<StepRunner> decoder,
                            MakeStepRunner(loaded, options.kv_cache_bytes));
  SchedulerOptions scheduling;
  scheduling.max_running = options.max_running;
  scheduling.max_queued = options.max_queued;
  const int budget = loaded->gpu() == nullptr ? kCpuBudgetTokens : kGpuBudgetTokens;
  scheduling.batch_budget_tokens =
      options.batch_budget_tokens == 0 ? budget : options.batch_budget_tokens;
  scheduling.context_tokens = context_tokens;
  scheduling.guess_tokens = options.guess_tokens;
  scheduling.reuse_prefixes = options.reuse_prefixes;
  scheduling.short_rotation_tokens = loaded->network_shape().short_rotation_tokens;
  const std::span<const TokenId> ends = loaded->tokenizer().end_of_generation();
  scheduling.end_of_generation.assign(ends.begin(), ends.end());
  FOOTNOTE_ASSIGN_OR_RETURN(std::unique_ptr<Scheduler> scheduler,
                            Scheduler::Create(decoder.get(), std::move(scheduling)));
  return std::unique_ptr<TextGenerator>(std::make_unique<EngineTextGenerator>(
      std::move(loaded), context_tokens, std::move(decoder), std::move(scheduler)));
}

std::unique_ptr<TextGenerator> MakeReplicatedGenerator(
    std::vector<std::unique_ptr<TextGenerator>> replicas) {
  return std::make_unique<ReplicatedGenerator>(std::move(replicas));
}

StatusOr<std::unique_ptr<Embedder>> MakeEmbedder(std::shared_ptr<const Model> model,
                                                 std::string model_sha256,
                                                 const EmbedderOptions& options) {
  FOOTNOTE_ASSIGN_OR_RETURN(std::shared_ptr<const LoadedModel> loaded, AsLoaded(std::move(model)));
  const ModelInfo& info = loaded->info();
  if (loaded->encoder() == nullptr) {
    return InvalidArgumentError(info.name + " (" + info.architecture +
                                ") is a decoder and cannot embed; give an encoder");
  }
  return std::unique_ptr<Embedder>(std::make_unique<TextEncoder>(
      std::move(loaded), std::move(model_sha256), options.parse_control_tokens));
}

StatusOr<std::unique_ptr<Reranker>> MakeCrossEncoder(std::shared_ptr<const Model> model,
                                                     std::string model_sha256) {
  FOOTNOTE_ASSIGN_OR_RETURN(std::shared_ptr<const LoadedModel> loaded, AsLoaded(std::move(model)));
  return CrossEncoder::Create(std::move(loaded), std::move(model_sha256));
}

std::unique_ptr<Reranker> MakeQueryLikelihood(TextGenerator* generator, std::string model_sha256) {
  return std::make_unique<QueryLikelihood>(generator, std::move(model_sha256));
}

}  // namespace footnote::generator
