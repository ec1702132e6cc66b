#include "generator/grounding/support_model.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <string>

namespace footnote::generator::grounding {
namespace {

// The weights as the file has them, by model and feature.
std::map<std::pair<std::string, std::string>, double> WeightsOfTheFile() {
  std::map<std::pair<std::string, std::string>, double> weights;
#define FOOTNOTE_WEIGHT(model, name, value) weights[{#model, #name}] = value;
#include "generator/grounding/support_weights.def"
#undef FOOTNOTE_WEIGHT
  return weights;
}

// Features that differ from each other, so that none can stand for another.
template <typename Features>
Features Different() {
  Features features;
  for (size_t i = 0; i < features.values.size(); ++i) {
    features.values[i] = static_cast<double>(3 * i % 7) / 7 + 0.01 * static_cast<double>(i);
  }
  return features;
}

template <typename Features, size_t kCount>
double ByHand(const Features& features, const std::string& model,
              const std::string_view (&names)[kCount]) {
  auto weights = WeightsOfTheFile();
  double sum = weights[{model, "bias"}];
  for (size_t i = 0; i < kCount; ++i) {
    sum += weights[{model, std::string(names[i])}] * features.values[i];
  }
  return 1 / (1 + std::exp(-sum));
}

TEST(SupportModel, ComputesWhatTheWeightsFileSays) {
  const auto sentence = Different<SentenceFeatures>();
  EXPECT_NEAR(SupportOf(sentence, true), ByHand(sentence, "sentence", kSentenceFeatureNames),
              1e-12);
  EXPECT_NEAR(SupportOf(sentence, false),
              ByHand(sentence, "sentence_words_only", kSentenceFeatureNames), 1e-12);
  const auto text = Different<TextFeatures>();
  EXPECT_NEAR(SupportOf(text, true), ByHand(text, "text", kTextFeatureNames), 1e-12);
  EXPECT_NEAR(SupportOf(text, false), ByHand(text, "text_words_only", kTextFeatureNames), 1e-12);
}

TEST(SupportModel, NoFeatureSpeaksAgainstSupport) {
  for (const auto& [key, value] : WeightsOfTheFile()) {
    if (key.second != "bias") {
      EXPECT_GE(value, 0) << key.first << " " << key.second;
    }
  }
}

TEST(SupportModel, AllFoundIsSupportedAndNothingFoundIsNot) {
  SentenceFeatures sentence;
  TextFeatures text;
  for (bool with_embedder : {true, false}) {
    EXPECT_LT(SupportOf(sentence, with_embedder), 0.1);
    EXPECT_LT(SupportOf(text, with_embedder), 0.1);
  }
  sentence.values.fill(1);
  text.values.fill(1);
  for (bool with_embedder : {true, false}) {
    EXPECT_GT(SupportOf(sentence, with_embedder), 0.95);
    EXPECT_GT(SupportOf(text, with_embedder), 0.95);
  }
}

}  // namespace
}  // namespace footnote::generator::grounding
