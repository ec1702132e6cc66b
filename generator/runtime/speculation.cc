#include "generator/runtime/speculation.h"

#include <algorithm>

namespace footnote::generator {
namespace {

// Observations that a start weighs as much as, and those that are remembered.
constexpr double kStartWeight = 8;
constexpr double kMostRemembered = 64;

// Weight of the newest pass in the average, and passes after which an average is forgotten. One
// that was measured once may be an accident: it is remembered for as few passes as that.
constexpr double kNewestShare = 0.25;
constexpr int64_t kForgottenAfter = 512;
constexpr int64_t kForgottenAfterOne = 32;

// One guess more: whose, and how likely it is that it and all before it come true.
struct Step {
  size_t offer = 0;
  double gain = 0;
};

// Every guess on offer, most promising first; those of one offer in their order, since each can
// only come true after the one before it.
std::vector<Step> BestFirst(std::span<const GuessOffer> offers, int64_t most) {
  std::vector<double> reached(offers.size(), 1);
  std::vector<size_t> taken(offers.size(), 0);
  std::vector<Step> steps;
  while (static_cast<int64_t>(steps.size()) < most) {
    Step best;
    for (size_t i = 0; i < offers.size(); ++i) {
      if (taken[i] == offers[i].tokens) continue;
      const double gain =
          reached[i] * offers[i].rates->Rate(offers[i].match + static_cast<int>(taken[i]));
      if (gain > best.gain) best = {i, gain};
    }
    if (best.gain == 0) break;
    reached[best.offer] = best.gain;
    ++taken[best.offer];
    steps.push_back(best);
  }
  return steps;
}

std::vector<size_t> Lengths(std::span<const Step> steps, size_t offers) {
  std::vector<size_t> lengths(offers, 0);
  for (const Step& step : steps) ++lengths[step.offer];
  return lengths;
}

size_t Index(int match) { return static_cast<size_t>(std::min(match, PromptLookup::kMostMatch)); }

}  // namespace

AcceptanceRates::AcceptanceRates() {
  // Before anything is measured, about what answers of SmolLM2-135M over passages gave: 0.39 after
  // two tokens, 0.65 after four, 0.98 after twelve.
  for (size_t match = PromptLookup::kLeastMatch; match < by_match_.size(); ++match) {
    by_match_[match] = {(1 - 1.2 / static_cast<double>(match)) * kStartWeight, kStartWeight};
  }
}

double AcceptanceRates::Rate(int match) const {
  const Count& count = by_match_[Index(match)];
  // A little of each on top, so that no rate is 0 or 1.
  return (count.accepted + 0.1) / (count.tried + 0.2);
}

void AcceptanceRates::Add(int match, bool accepted) {
  Count& count = by_match_[Index(match)];
  count.accepted += accepted ? 1 : 0;
  count.tried += 1;
  if (count.tried > kMostRemembered) {
    count.accepted /= 2;
    count.tried /= 2;
  }
}

AcceptanceRates AcceptanceRates::AsStart() const {
  AcceptanceRates start = *this;
  for (Count& count : start.by_match_) {
    if (count.tried == 0) continue;  // shorter than a match can be
    count.accepted *= kStartWeight / count.tried;
    count.tried = kStartWeight;
  }
  return start;
}

bool PassCosts::Known(const Cost& cost) const {
  const int64_t lasts = std::min(kForgottenAfter, kForgottenAfterOne * cost.measured);
  return cost.measured > 0 && passes_ - cost.measured_at <= lasts;
}

void PassCosts::Add(int64_t rows, double milliseconds) {
  ++passes_;
  if (rows > kMostRows) return;
  Cost& cost = by_rows_[static_cast<size_t>(rows)];
  if (Known(cost)) {
    // Something else had the CPU when a pass takes many times as long.
    const double taken = std::min(milliseconds, 4 * cost.milliseconds);
    cost.milliseconds += kNewestShare * (taken - cost.milliseconds);
  } else {
    cost.milliseconds = milliseconds;
  }
  cost.measured_at = passes_;
  ++cost.measured;
}

double PassCosts::Milliseconds(int64_t rows) const {
  for (int64_t i = std::min<int64_t>(rows, kMostRows); i > 0; --i) {
    const Cost& cost = by_rows_[static_cast<size_t>(i)];
    if (Known(cost)) return cost.milliseconds;
  }
  return 0;
}

std::vector<size_t> PlanGuesses(std::span<const GuessOffer> offers, int64_t rows,
                                int64_t spare_rows, const PassCosts& costs) {
  const std::vector<Step> steps = BestFirst(offers, spare_rows);
  double tokens = static_cast<double>(rows);
  double best_tokens = tokens;
  double best_cost = costs.Milliseconds(rows);
  size_t best = 0;
  for (size_t i = 0; i < steps.size(); ++i) {
    tokens += steps[i].gain;
    const double cost = costs.Milliseconds(rows + static_cast<int64_t>(i) + 1);
    // tokens / cost, without dividing by a cost that is not known.
    if (tokens * best_cost >= best_tokens * cost) {
      best_tokens = tokens;
      best_cost = cost;
      best = i + 1;
    }
  }
  return Lengths(std::span(steps).first(best), offers.size());
}

std::vector<size_t> PlanLikelyGuesses(std::span<const GuessOffer> offers, int64_t spare_rows) {
  const std::vector<Step> steps = BestFirst(offers, spare_rows);
  size_t likely = 0;
  while (likely < steps.size() && steps[likely].gain >= 0.5) ++likely;
  return Lengths(std::span(steps).first(likely), offers.size());
}

}  // namespace footnote::generator
