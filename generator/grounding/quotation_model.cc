#include "generator/grounding/quotation_model.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "generator/grounding/scoring.h"

namespace footnote::generator::grounding {
namespace {

struct Weights {
  double bias;
  double values[kQuotationFeatureCount];
};

constexpr Weights kFull = {
#define FOOTNOTE_QUOTATION_BIAS(weight, words_only) weight, {
#define FOOTNOTE_QUOTATION_FEATURE(name, weight, words_only) weight,
#include "generator/grounding/quotation_weights.def"
#undef FOOTNOTE_QUOTATION_FEATURE
#undef FOOTNOTE_QUOTATION_BIAS
}
};  // namespace
constexpr Weights kWordsOnly = {
#define FOOTNOTE_QUOTATION_BIAS(weight, words_only) words_only, {
#define FOOTNOTE_QUOTATION_FEATURE(name, weight, words_only) words_only,
#include "generator/grounding/quotation_weights.def"
#undef FOOTNOTE_QUOTATION_FEATURE
#undef FOOTNOTE_QUOTATION_BIAS
}
};  // namespace footnote::generator::grounding

struct ConfidenceWeights {
#define FOOTNOTE_QUOTATION_CONFIDENCE(name, weight, words_only) double name;
#include "generator/grounding/quotation_confidence.def"
#undef FOOTNOTE_QUOTATION_CONFIDENCE
};
constexpr ConfidenceWeights kConfidence = {
#define FOOTNOTE_QUOTATION_CONFIDENCE(name, weight, words_only) weight,
#include "generator/grounding/quotation_confidence.def"
#undef FOOTNOTE_QUOTATION_CONFIDENCE
};
constexpr ConfidenceWeights kConfidenceWordsOnly = {
#define FOOTNOTE_QUOTATION_CONFIDENCE(name, weight, words_only) words_only,
#include "generator/grounding/quotation_confidence.def"
#undef FOOTNOTE_QUOTATION_CONFIDENCE
};

// Beyond it, standing out farther says nothing.
constexpr double kMostLead = 4;

double LogOdds(double probability) {
  const double p = std::clamp(probability, 1e-9, 1 - 1e-9);
  return std::log(p / (1 - p));
}

}  // namespace

double RelevanceOf(const QuotationFeatures& features, bool has_similarity) {
  const Weights& weights = has_similarity ? kFull : kWordsOnly;
  double sum = weights.bias;
  for (size_t i = 0; i < kQuotationFeatureCount; ++i) sum += weights.values[i] * features.values[i];
  return Logistic(sum);
}

std::vector<double> ConfidenceIn(std::span<const double> relevance, bool has_similarity) {
  const ConfidenceWeights& weights = has_similarity ? kConfidence : kConfidenceWordsOnly;
  std::vector<double> odds;
  for (const double each : relevance) odds.push_back(std::exp(LogOdds(each)));
  // Log-odds of a span's share of the odds of as many as `rivals`, those from `begin` on. Where
  // there are fewer: as if the others had nothing to do with the question.
  const double nothing = std::exp(LogOdds(RelevanceOf({}, has_similarity)));
  const auto lead = [&](size_t i, size_t begin, size_t rivals) {
    const size_t there = std::min(odds.size() - begin, rivals);
    const auto from = odds.begin() + static_cast<std::ptrdiff_t>(begin);
    const double all = std::accumulate(from, from + static_cast<std::ptrdiff_t>(there),
                                       static_cast<double>(rivals - there) * nothing);
    return std::clamp(LogOdds(odds[i] / all), -kMostLead, kMostLead);
  };
  std::vector<double> confidence;
  for (size_t i = 0; i < relevance.size(); ++i) {
    if (i == 0) {
      confidence.push_back(Logistic(weights.first_bias + weights.first_lead * lead(0, 0, kRivals)));
      continue;
    }
    const double further =
        Logistic(weights.further_bias + weights.further_first_lead * lead(0, 0, kRivals) +
                 weights.further_lead * lead(i, 0, kRivals) +
                 weights.further_rest * lead(i, i, kRivals - 1));
    confidence.push_back(std::min(further, confidence.back()));
  }
  return confidence;
}

}  // namespace footnote::generator::grounding
