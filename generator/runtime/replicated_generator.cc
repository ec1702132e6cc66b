#include "generator/runtime/replicated_generator.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <utility>

namespace footnote::generator {

ReplicatedGenerator::ReplicatedGenerator(std::vector<std::unique_ptr<TextGenerator>> replicas)
    : replicas_(std::move(replicas)), in_flight_(replicas_.size(), 0) {}

GeneratorStats ReplicatedGenerator::stats() const {
  GeneratorStats sum;
  for (const auto& replica : replicas_) {
    const GeneratorStats each = replica->stats();
    sum.prompt_tokens += each.prompt_tokens;
    sum.cached_prompt_tokens += each.cached_prompt_tokens;
    sum.generated_tokens += each.generated_tokens;
    sum.guessed_tokens += each.guessed_tokens;
    sum.accepted_tokens += each.accepted_tokens;
    sum.tokens_not_generated += each.tokens_not_generated;
    sum.running += each.running;
    sum.waiting += each.waiting;
  }
  return sum;
}

// A tenant's home is fixed by its name: what it asked before lies there.
std::vector<size_t> ReplicatedGenerator::Order(const std::string& tenant) const {
  std::vector<size_t> order(replicas_.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::rotate(
      order.begin(),
      order.begin() + static_cast<ptrdiff_t>(std::hash<std::string>()(tenant) % replicas_.size()),
      order.end());
  std::lock_guard lock(mutex_);
  std::stable_sort(order.begin(), order.end(),
                   [this](size_t a, size_t b) { return in_flight_[a] < in_flight_[b]; });
  return order;
}

template <typename Call>
auto ReplicatedGenerator::Ask(const std::string& tenant, const Call& call) {
  const std::vector<size_t> order = Order(tenant);
  for (size_t i = 0;; ++i) {
    const size_t which = order[i];
    const auto count = [&](int change) {
      std::lock_guard lock(mutex_);
      in_flight_[which] += change;
    };
    count(1);
    auto result = call(*replicas_[which]);
    count(-1);
    if (result.status().code() != StatusCode::kResourceExhausted || i + 1 == order.size()) {
      return result;
    }
  }
}

StatusOr<GenerationResult> ReplicatedGenerator::Generate(const GenerationRequest& request,
                                                         const CallContext& call,
                                                         const TokenSink& sink) {
  return Ask(request.tenant,
             [&](TextGenerator& replica) { return replica.Generate(request, call, sink); });
}

StatusOr<std::vector<float>> ReplicatedGenerator::LogProbabilities(
    std::span<const TokenId> prompt, std::span<const TokenId> continuation,
    const CallContext& call) {
  return Ask("", [&](TextGenerator& replica) {
    return replica.LogProbabilities(prompt, continuation, call);
  });
}

}  // namespace footnote::generator
