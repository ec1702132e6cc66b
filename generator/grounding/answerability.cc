#include "generator/grounding/answerability.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <unordered_set>

#include "generator/grounding.h"
#include "generator/grounding/claims.h"
#include "generator/grounding/scoring.h"

namespace footnote::generator {
namespace grounding {
namespace {

constexpr double kNameWeight = 2.0;
constexpr double kWeakWeight = 0.4;

double WeightOf(const ContentWord& word) {
  if (word.name || word.number) return kNameWeight;
  return IsWeakQuestionWord(word.stem) ? kWeakWeight : 1.0;
}

// Everything a passage says, as stems.
std::unordered_set<std::string> StemsOf(const Passage& passage) {
  std::unordered_set<std::string> stems;
  auto add = [&](std::string_view text) {
    const Claims claims = Analyse(text);
    stems.insert(claims.all_stems.begin(), claims.all_stems.end());
    for (const Number& number : claims.numbers) stems.insert("#" + number.value);
  };
  add(passage.text);
  add(passage.title);
  for (const std::string& heading : passage.heading_path) add(heading);
  if (!passage.clause.empty()) add(passage.clause);
  return stems;
}

double CreditIn(const std::unordered_set<std::string>& stems, const ContentWord& word) {
  if (stems.contains(word.stem)) return 1;
  if (word.name || word.number) return 0;
  double best = 0;
  for (const std::string& stem : stems) best = std::max(best, StemLikeness(word.stem, stem));
  return best;
}

}  // namespace

double Logistic(double x) { return 1.0 / (1.0 + std::exp(-x)); }

AnswerabilityFeatures ReadAnswerability(std::string_view question,
                                        std::span<const Passage> passages) {
  AnswerabilityFeatures features;
  if (passages.empty()) return features;
  std::vector<double> dense;
  double lexical = 0;
  for (const Passage& passage : passages) {
    dense.push_back(passage.dense_score);
    lexical = std::max(lexical, passage.lexical_score);
  }
  std::sort(dense.begin(), dense.end(), std::greater<>());
  features.best_dense = dense[0];
  const size_t averaged = std::min<size_t>(dense.size(), 3);
  for (size_t i = 0; i < averaged; ++i) {
    features.mean_dense += dense[i] / static_cast<double>(averaged);
  }

  // Each word once, however often the question says it.
  std::vector<ContentWord> words;
  for (ContentWord& word : Analyse(question).words) {
    if (std::none_of(words.begin(), words.end(),
                     [&](const ContentWord& other) { return other.stem == word.stem; })) {
      words.push_back(std::move(word));
    }
  }
  if (words.empty()) return features;
  features.lexical = lexical / static_cast<double>(words.size());
  for (const Passage& passage : passages) {
    const std::unordered_set<std::string> stems = StemsOf(passage);
    double all = 0;
    double found = 0;
    double names = 0;
    double names_found = 0;
    for (const ContentWord& word : words) {
      const double weight = WeightOf(word);
      const double credit = CreditIn(stems, word);
      all += weight;
      found += weight * credit;
      if (word.name || word.number) {
        names += 1;
        names_found += credit;
      }
    }
    if (found / all > features.coverage || &passage == passages.data()) {
      features.coverage = found / all;
      features.name_coverage = names == 0 ? 1 : names_found / names;
    }
  }
  return features;
}

}  // namespace grounding

double Answerability(std::string_view question, std::span<const Passage> passages) {
  if (passages.empty()) return 0;
  const grounding::AnswerabilityFeatures features =
      grounding::ReadAnswerability(question, passages);
  const grounding::AnswerabilityWeights& weights = grounding::kAnswerability;
  return grounding::Logistic(weights.bias + weights.best_dense * features.best_dense +
                             weights.mean_dense * features.mean_dense +
                             weights.coverage * features.coverage +
                             weights.name_coverage * features.name_coverage);
}

GroundingThresholds ThresholdsFor(RiskSetting risk) {
  switch (risk) {
    case RiskSetting::kStrict:
      return grounding::kStrictThresholds;
    case RiskSetting::kBalanced:
      return grounding::kBalancedThresholds;
    case RiskSetting::kOpen:
      return grounding::kOpenThresholds;
  }
  return grounding::kStrictThresholds;
}

}  // namespace footnote::generator
