#include "generator/grounding/support_model.h"

#include <algorithm>
#include <iterator>
#include <span>

#include "generator/grounding/scoring.h"

namespace footnote::generator::grounding {
namespace {

template <size_t kCount>
struct Model {
  double bias = 0;
  std::array<double, kCount> weights{};

  // A name that is no feature's does not compile.
  constexpr void Set(std::string_view name, double value, const std::string_view (&names)[kCount]) {
    if (name == "bias") {
      bias = value;
      return;
    }
    size_t i = 0;
    while (names[i] != name) ++i;
    weights[i] = value;
  }

  double operator()(const std::array<double, kCount>& values) const {
    double sum = bias;
    for (size_t i = 0; i < kCount; ++i) sum += weights[i] * values[i];
    return Logistic(sum);
  }
};

constexpr Model<kSentenceFeatureCount> SentenceModel(std::string_view wanted) {
  Model<kSentenceFeatureCount> model;
#define FOOTNOTE_WEIGHT(kind, name, value) \
  if (wanted == #kind) model.Set(#name, value, kSentenceFeatureNames);
#include "generator/grounding/support_weights.def"
#undef FOOTNOTE_WEIGHT
  return model;
}

constexpr Model<kTextFeatureCount> TextModel(std::string_view wanted) {
  Model<kTextFeatureCount> model;
#define FOOTNOTE_WEIGHT(kind, name, value) \
  if (wanted == #kind) model.Set(#name, value, kTextFeatureNames);
#include "generator/grounding/support_weights.def"
#undef FOOTNOTE_WEIGHT
  return model;
}

constexpr Model<kSentenceFeatureCount> kSentence = SentenceModel("sentence");
constexpr Model<kSentenceFeatureCount> kSentenceWordsOnly = SentenceModel("sentence_words_only");
constexpr Model<kTextFeatureCount> kText = TextModel("text");
constexpr Model<kTextFeatureCount> kTextWordsOnly = TextModel("text_words_only");

}  // namespace

double SupportOf(const SentenceFeatures& features, bool has_similarity) {
  return (has_similarity ? kSentence : kSentenceWordsOnly)(features.values);
}

double SupportOf(const TextFeatures& features, bool has_similarity) {
  return (has_similarity ? kText : kTextWordsOnly)(features.values);
}

}  // namespace footnote::generator::grounding
