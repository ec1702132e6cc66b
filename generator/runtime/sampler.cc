#include "generator/runtime/sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

namespace footnote::generator {
namespace {

constexpr float kNever = -std::numeric_limits<float>::infinity();

// Heaviest first; the lower id among equals, so that the order never depends on the algorithm.
constexpr auto kHeavier = [](const auto& a, const auto& b) {
  return a.weight != b.weight ? a.weight > b.weight : a.id < b.id;
};

Status CheckOptions(const SamplingOptions& options) {
  // Written so that NaN fails too.
  if (!(options.temperature >= 0) || std::isinf(options.temperature)) {
    return InvalidArgumentError("temperature must be 0 (greedy) or a number above it");
  }
  if (options.top_k < 0) return InvalidArgumentError("top_k must be 0 (all) or above it");
  if (!(options.top_p > 0 && options.top_p <= 1)) {
    return InvalidArgumentError("top_p must be above 0 and at most 1");
  }
  if (!(options.min_p >= 0 && options.min_p < 1)) {
    return InvalidArgumentError("min_p must be at least 0 and below 1");
  }
  if (!(options.repetition_penalty > 0) || std::isinf(options.repetition_penalty)) {
    return InvalidArgumentError("repetition_penalty must be a number above 0");
  }
  return OkStatus();
}

}  // namespace

TokenId ArgMax(std::span<const float> logits) {
  TokenId best = -1;
  float largest = kNever;
  for (size_t i = 0; i < logits.size(); ++i) {
    if (logits[i] > largest) {
      largest = logits[i];
      best = static_cast<TokenId>(i);
    }
  }
  return best;
}

float LogProbability(std::span<const float> logits, TokenId id) {
  const double top = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit) - top);
  return static_cast<float>(static_cast<double>(logits[static_cast<size_t>(id)]) - top -
                            std::log(sum));
}

StatusOr<Sampler> Sampler::Create(const SamplingOptions& options, std::span<const TokenId> banned,
                                  int64_t vocabulary_size) {
  FOOTNOTE_RETURN_IF_ERROR(CheckOptions(options));
  for (const TokenId id : banned) {
    if (id < 0 || id >= vocabulary_size) {
      return InvalidArgumentError("banned token " + std::to_string(id) +
                                  " is not in the vocabulary of " +
                                  std::to_string(vocabulary_size));
    }
  }
  return Sampler(options, banned);
}

// Divides the logits of tokens that were generated, or multiplies them where they are negative.
// Source: Keskar et al. 2019, "CTRL", section 4.1.
void Sampler::Penalise(std::span<float> logits, std::span<const TokenId> generated) const {
  std::vector<TokenId> once(generated.begin(), generated.end());
  std::sort(once.begin(), once.end());
  once.erase(std::unique(once.begin(), once.end()), once.end());
  const float penalty = static_cast<float>(options_.repetition_penalty);
  for (const TokenId id : once) {
    float& logit = logits[static_cast<size_t>(id)];
    logit = logit > 0 ? logit / penalty : logit * penalty;
  }
}

void Sampler::KeepTopK() {
  const size_t keep = static_cast<size_t>(options_.top_k);
  if (keep == 0 || keep >= candidates_.size()) return;
  std::nth_element(candidates_.begin(), candidates_.begin() + static_cast<ptrdiff_t>(keep),
                   candidates_.end(), kHeavier);
  candidates_.resize(keep);
}

// The fewest heaviest candidates whose share of the weight reaches top_p.
void Sampler::KeepTopP() {
  if (options_.top_p >= 1) return;
  double total = 0;
  for (const Candidate& candidate : candidates_) total += candidate.weight;
  // Few candidates hold most of the weight: order a growing head instead of everything.
  size_t ordered = 0;
  size_t kept = 0;
  double sum = 0;
  while (kept < candidates_.size()) {
    if (kept == ordered) {
      ordered = std::min(candidates_.size(), std::max<size_t>(64, ordered * 8));
      std::partial_sort(candidates_.begin() + static_cast<ptrdiff_t>(kept),
                        candidates_.begin() + static_cast<ptrdiff_t>(ordered), candidates_.end(),
                        kHeavier);
    }
    sum += candidates_[kept++].weight;
    if (sum >= options_.top_p * total) break;
  }
  candidates_.resize(kept);
}

void Sampler::KeepMinP() {
  // The best candidate weighs 1.
  std::erase_if(candidates_, [this](const Candidate& c) { return c.weight < options_.min_p; });
}

TokenId Sampler::Draw() {
  double total = 0;
  for (const Candidate& candidate : candidates_) total += candidate.weight;
  // 53 random bits in [0, 1): the same everywhere, unlike std::uniform_real_distribution.
  const double target = static_cast<double>(random_() >> 11) * 0x1p-53 * total;
  double sum = 0;
  for (const Candidate& candidate : candidates_) {
    sum += candidate.weight;
    if (target < sum) return candidate.id;
  }
  return candidates_.back().id;
}

StatusOr<TokenId> Sampler::Sample(std::span<float> logits, std::span<const TokenId> generated) {
  const bool greedy = options_.temperature == 0;
  if (!greedy && options_.repetition_penalty != 1) Penalise(logits, generated);
  for (const TokenId id : banned_) logits[static_cast<size_t>(id)] = kNever;
  const TokenId best = ArgMax(logits);
  if (best < 0) {
    return InternalError("no token is left to choose: every logit is banned or not a number");
  }
  if (greedy) return best;
  const double top = logits[static_cast<size_t>(best)];
  candidates_.clear();
  for (size_t i = 0; i < logits.size(); ++i) {
    const double weight = std::exp((static_cast<double>(logits[i]) - top) / options_.temperature);
    if (weight > 0) candidates_.push_back({static_cast<TokenId>(i), weight});
  }
  KeepTopK();
  KeepTopP();
  KeepMinP();
  return Draw();
}

}  // namespace footnote::generator
