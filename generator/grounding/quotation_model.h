// How well a span answers a question: a logistic regression over the features of
// quotation_weights.def, which tools/grounding/fit_quotations.py fits.
#pragma once

#include <array>
#include <cstddef>
#include <iterator>
#include <span>
#include <string_view>
#include <vector>

namespace footnote::generator::grounding {

enum class QuotationFeature {
#define FOOTNOTE_QUOTATION_BIAS(weight, words_only)
#define FOOTNOTE_QUOTATION_FEATURE(name, weight, words_only) name,
#include "generator/grounding/quotation_weights.def"
#undef FOOTNOTE_QUOTATION_FEATURE
};

inline constexpr std::string_view kQuotationFeatureNames[] = {
#define FOOTNOTE_QUOTATION_FEATURE(name, weight, words_only) #name,
#include "generator/grounding/quotation_weights.def"
#undef FOOTNOTE_QUOTATION_FEATURE
#undef FOOTNOTE_QUOTATION_BIAS
};
inline constexpr size_t kQuotationFeatureCount = std::size(kQuotationFeatureNames);

// Each 0...1.
struct QuotationFeatures {
  std::array<double, kQuotationFeatureCount> values{};
  double& operator[](QuotationFeature feature) { return values[static_cast<size_t>(feature)]; }
  double operator[](QuotationFeature feature) const { return values[static_cast<size_t>(feature)]; }
};

// How likely a person would point to the span as the answer, 0...1. Without an embedder there is
// no similarity, and other weights are used.
double RelevanceOf(const QuotationFeatures& features, bool has_similarity);

// Quotations that are compared with each other, the best ones.
inline constexpr int kRivals = 6;

// Of each of the best quotations, how likely a person would point to it, 0...1: one that stands out
// is right more often than one among equals, whatever its own relevance. Relevance: best first, at
// most kRivals.
std::vector<double> ConfidenceIn(std::span<const double> relevance, bool has_similarity);

}  // namespace footnote::generator::grounding
