// The constants of grounding, in one place: how features become scores, and where the gates stand.
//
// How they were fitted is told in docs/grounding.md.
#pragma once

#include <algorithm>

#include "generator/grounding.h"

namespace footnote::generator::grounding {

double Logistic(double x);

// Support of a sentence by a span: support_model.h. What a contradiction leaves of it, however near
// the words are: less than every threshold asks for.
inline constexpr double kContradictedShare = 0.05;
// What contradictions leave of a text's score: half by the worst sentence, half by the mean, of
// which little is left where one sentence of two is contradicted, and all where one of five is.
// tools/grounding/fit_support.py has the same formula.
inline double LeftByContradictions(double mean_agreement, double least_agreement) {
  const double mean = mean_agreement * std::clamp((mean_agreement - 0.4) / 0.4, 0.0, 1.0);
  return kContradictedShare + (1 - kContradictedShare) * (mean + least_agreement) / 2;
}
// The feature "agreement": of numbers and names that stand elsewhere; and of a contradiction, by
// how much of the rest the contradicting span says. Where that is little, the two may speak of
// different things.
inline constexpr double kSaidElsewhere = 0.5;
inline constexpr double kNumberSaidNowhere = 0.1;
inline constexpr double kNameSaidNowhere = 0.25;
// "not" and "must" are compared with less around them than numbers and names are.
inline constexpr double kDenialBonus = 0.25;
inline double AgreementBeside(double context_alignment) {
  return std::clamp((1.0 - context_alignment) / 0.4, 0.0, 0.8);
}
// Where the span that aligns best, by this margin, says the opposite, farther spans do not rescue.
inline constexpr double kContradictionMargin = 0.1;
// A pair loses that much unless it aligns better than any single sentence: short quotations are
// checked faster.
inline constexpr double kPairPenalty = 0.03;
inline constexpr double kPairGain = 0.1;

// Spans per sentence whose embedding is computed: those that align best. Embedding costs 1-3 ms a
// span on two cores, alignment microseconds.
inline constexpr int kEmbeddedSpans = 12;
// The same of a question. Its words may differ from the answer's altogether: the first sentences of
// the best passage too.
inline constexpr int kEmbeddedQuotations = 16;
inline constexpr int kEmbeddedFirstSentences = 6;

// answerability, sentence support, answer support, quotation relevance, quotation confidence, in
// order
inline constexpr GroundingThresholds kStrictThresholds = {0.45, 0.95, 0.9, 0.17, 0.5, 0.9};
inline constexpr GroundingThresholds kBalancedThresholds = {0.25, 0.9, 0.8, 0.145, 0.35, 0.8};
inline constexpr GroundingThresholds kOpenThresholds = {0.12, 0.7, 0.6, 0.12, 0.25, 0.6};

}  // namespace footnote::generator::grounding
