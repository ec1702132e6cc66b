// The support model: logistic regressions over the features of support_features.def with the
// weights of support_weights.def, which tools/grounding/fit_support.py fits.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace footnote::generator::grounding {

enum class SentenceFeature {
#define FOOTNOTE_SENTENCE_FEATURE(name) name,
#include "generator/grounding/support_features.def"
};
enum class TextFeature {
#define FOOTNOTE_TEXT_FEATURE(name) name,
#include "generator/grounding/support_features.def"
};

inline constexpr std::string_view kSentenceFeatureNames[] = {
#define FOOTNOTE_SENTENCE_FEATURE(name) #name,
#include "generator/grounding/support_features.def"
};
inline constexpr std::string_view kTextFeatureNames[] = {
#define FOOTNOTE_TEXT_FEATURE(name) #name,
#include "generator/grounding/support_features.def"
};
inline constexpr size_t kSentenceFeatureCount = std::size(kSentenceFeatureNames);
inline constexpr size_t kTextFeatureCount = std::size(kTextFeatureNames);

// Values of a row's features, each 0…1.
struct SentenceFeatures {
  std::array<double, kSentenceFeatureCount> values{};
  double& operator[](SentenceFeature feature) { return values[static_cast<size_t>(feature)]; }
  double operator[](SentenceFeature feature) const { return values[static_cast<size_t>(feature)]; }
};
struct TextFeatures {
  std::array<double, kTextFeatureCount> values{};
  double& operator[](TextFeature feature) { return values[static_cast<size_t>(feature)]; }
  double operator[](TextFeature feature) const { return values[static_cast<size_t>(feature)]; }
};

// How likely the passages support it, 0…1. Without an embedder there is no similarity, and other
// weights are used.
double SupportOf(const SentenceFeatures& features, bool has_similarity);
double SupportOf(const TextFeatures& features, bool has_similarity);

}  // namespace footnote::generator::grounding
