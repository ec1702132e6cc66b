#include "generator/runtime/sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

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

double LogSumExp(std::span<const float> logits) {
  const double top = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit) - top);
  return top + std::log(sum);
}

}  // namespace

// The largest of each block is found without branches, which compilers turn into vector code; only
// a block that beats all before it is looked through again.
TokenId ArgMax(std::span<const float> logits) {
  constexpr size_t kLanes = 16;
  constexpr size_t kBlock = 32 * kLanes;
  TokenId best = -1;
  float largest = kNever;
  for (size_t begin = 0; begin < logits.size(); begin += kBlock) {
    const size_t end = std::min(begin + kBlock, logits.size());
    const size_t whole = begin + (end - begin) / kLanes * kLanes;
    float lanes[kLanes];
    std::fill(lanes, lanes + kLanes, kNever);
    for (size_t i = begin; i < whole; i += kLanes) {
      for (size_t lane = 0; lane < kLanes; ++lane) {
        // False for NaN, which never wins.
        lanes[lane] = logits[i + lane] > lanes[lane] ? logits[i + lane] : lanes[lane];
      }
    }
    float top = kNever;
    for (const float lane : lanes) top = std::max(top, lane);
    for (size_t i = whole; i < end; ++i) top = logits[i] > top ? logits[i] : top;
    if (!(top > largest)) continue;
    largest = top;
    best = static_cast<TokenId>(std::find(logits.begin() + static_cast<ptrdiff_t>(begin),
                                          logits.begin() + static_cast<ptrdiff_t>(end), top) -
                                logits.begin());
  }
  return best;
}

float LogProbability(std::span<const float> logits, TokenId id) {
  return static_cast<float>(static_cast<double>(logits[static_cast<size_t>(id)]) -
                            LogSumExp(logits));
}

StatusOr<Sampler> Sampler::Create(const SamplingOptions& options, std::span<const TokenId> banned,
                                  int64_t vocabulary_size,
                                  std::shared_ptr<const TokenConstraint> constraint) {
  FOOTNOTE_RETURN_IF_ERROR(CheckOptions(options));
  for (const TokenId id : banned) {
    if (id < 0 || id >= vocabulary_size) {
      return InvalidArgumentError("banned token " + std::to_string(id) +
                                  " is not in the vocabulary of " +
                                  std::to_string(vocabulary_size));
    }
  }
  return Sampler(options, banned, std::move(constraint));
}

void Sampler::Constrain(std::span<float> logits, std::span<const TokenId> generated) const {
  std::vector<std::pair<TokenId, float>> kept;
  for (const TokenId id : constraint_->Allowed(generated)) {
    kept.emplace_back(id, logits[static_cast<size_t>(id)]);
  }
  std::fill(logits.begin(), logits.end(), kNever);
  for (const auto& [id, logit] : kept) logits[static_cast<size_t>(id)] = logit;
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

// Candidates are the logits themselves, best first. Holds twice the number to keep: most logits are
// below the worst that is kept, and cost one comparison.
void Sampler::CollectTopK(std::span<const float> logits, size_t keep) {
  candidates_.reserve(std::min(2 * keep, logits.size()));
  const auto drop = [&] {
    std::nth_element(candidates_.begin(), candidates_.begin() + static_cast<ptrdiff_t>(keep - 1),
                     candidates_.end(), kHeavier);
    candidates_.resize(keep);
  };
  double worst = kNever;
  for (size_t i = 0; i < logits.size(); ++i) {
    const double logit = logits[i];
    // A later id loses against an equal one; false for NaN.
    if (!(logit > worst)) continue;
    candidates_.push_back({static_cast<TokenId>(i), logit});
    if (candidates_.size() < 2 * keep) continue;
    drop();
    worst = candidates_.back().weight;
  }
  if (candidates_.size() > keep) drop();
  std::sort(candidates_.begin(), candidates_.end(), kHeavier);
}

void Sampler::CollectAll(std::span<const float> logits) {
  candidates_.reserve(logits.size());
  for (size_t i = 0; i < logits.size(); ++i) {
    if (logits[i] > kNever) candidates_.push_back({static_cast<TokenId>(i), logits[i]});
  }
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
      const auto head = candidates_.begin() + static_cast<ptrdiff_t>(kept);
      const auto rest = candidates_.begin() + static_cast<ptrdiff_t>(ordered);
      std::nth_element(head, rest, candidates_.end(), kHeavier);
      std::sort(head, rest, kHeavier);
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

std::vector<uint32_t> Sampler::Allowed(std::span<const TokenId> generated,
                                       int64_t vocabulary_size) const {
  std::vector<uint32_t> words;
  if (banned_.empty() && constraint_ == nullptr) return words;
  const auto bit = [](TokenId id) { return uint32_t{1} << (id % 32); };
  words.assign((static_cast<size_t>(vocabulary_size) + 31) / 32,
               constraint_ == nullptr ? ~uint32_t{0} : 0);
  if (constraint_ != nullptr) {
    for (const TokenId id : constraint_->Allowed(generated)) {
      words[static_cast<size_t>(id) / 32] |= bit(id);
    }
  }
  for (const TokenId id : banned_) words[static_cast<size_t>(id) / 32] &= ~bit(id);
  return words;
}

StatusOr<TokenId> Sampler::Chosen(TokenId id) {
  if (id >= 0) return id;
  return InternalError("no token is left to choose: every logit is banned or not a number");
}

StatusOr<TokenChoice> Sampler::SampleAmong(std::span<float> logits,
                                           std::span<const TokenId> generated, int alternatives) {
  TokenChoice choice;
  if (alternatives == 0) {
    FOOTNOTE_ASSIGN_OR_RETURN(choice.chosen.id, Sample(logits, generated));
    return choice;
  }
  const double all = LogSumExp(logits);
  std::vector<float> allowed(logits.begin(), logits.end());
  FOOTNOTE_ASSIGN_OR_RETURN(choice.chosen.id, Sample(logits, generated));
  // What it forbade, without what a penalty changed.
  for (size_t i = 0; i < logits.size(); ++i) {
    if (logits[i] == kNever) allowed[i] = kNever;
  }
  const auto likelihood = [&](TokenId id) {
    return static_cast<float>(static_cast<double>(allowed[static_cast<size_t>(id)]) - all);
  };
  choice.chosen.log_probability = likelihood(choice.chosen.id);
  candidates_.clear();
  CollectTopK(allowed, static_cast<size_t>(alternatives) + 1);
  for (const Candidate& candidate : candidates_) {
    if (candidate.id == choice.chosen.id) continue;
    if (choice.others.size() == static_cast<size_t>(alternatives)) break;
    choice.others.push_back({candidate.id, likelihood(candidate.id)});
  }
  return choice;
}

StatusOr<TokenId> Sampler::Sample(std::span<float> logits, std::span<const TokenId> generated) {
  if (!greedy() && options_.repetition_penalty != 1) Penalise(logits, generated);
  for (const TokenId id : banned_) logits[static_cast<size_t>(id)] = kNever;
  if (constraint_ != nullptr) Constrain(logits, generated);
  FOOTNOTE_ASSIGN_OR_RETURN(const TokenId best, Chosen(ArgMax(logits)));
  if (greedy()) return best;
  candidates_.clear();
  const size_t keep = static_cast<size_t>(options_.top_k);
  if (keep > 0 && keep < logits.size()) {
    CollectTopK(logits, keep);
  } else {
    CollectAll(logits);
  }
  const double top = logits[static_cast<size_t>(best)];
  for (Candidate& candidate : candidates_) {
    // An infinite logit too is at no distance from itself.
    candidate.weight =
        candidate.weight == top ? 1 : std::exp((candidate.weight - top) / options_.temperature);
  }
  std::erase_if(candidates_, [](const Candidate& c) { return c.weight == 0; });
  KeepTopP();
  KeepMinP();
  return Draw();
}

}  // namespace footnote::generator
