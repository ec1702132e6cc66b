// Several generators of the same model, one on each GPU, as one. Private to the generator room.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "generator/text_generator.h"

namespace footnote::generator {

// A call goes to the replica with the fewest calls in flight; among those, to its tenant's own,
// where prompts of before may be cached. When one refuses because its queue is full
// (RESOURCE_EXHAUSTED, before any token), the next is asked. Threads: any number.
class ReplicatedGenerator final : public TextGenerator {
 public:
  // At least one.
  explicit ReplicatedGenerator(std::vector<std::unique_ptr<TextGenerator>> replicas);

  GeneratorStats stats() const override;  // of all together
  const Tokenizer& tokenizer() const override { return replicas_.front()->tokenizer(); }
  const ChatTemplate* chat_template() const override { return replicas_.front()->chat_template(); }
  int context_tokens() const override { return replicas_.front()->context_tokens(); }
  const std::string& name() const override { return replicas_.front()->name(); }
  StatusOr<GenerationResult> Generate(const GenerationRequest& request, const CallContext& call,
                                      const TokenSink& sink) override;
  StatusOr<std::vector<float>> LogProbabilities(std::span<const TokenId> prompt,
                                                std::span<const TokenId> continuation,
                                                const CallContext& call) override;

 private:
  // Replicas in the order in which to ask.
  std::vector<size_t> Order(const std::string& tenant) const;
  template <typename Call>
  auto Ask(const std::string& tenant, const Call& call);

  std::vector<std::unique_ptr<TextGenerator>> replicas_;
  mutable std::mutex mutex_;
  std::vector<int> in_flight_;  // guarded by mutex_
};

}  // namespace footnote::generator
