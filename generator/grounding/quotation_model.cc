#include "generator/grounding/quotation_model.h"

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

}  // namespace

double RelevanceOf(const QuotationFeatures& features, bool has_similarity) {
  const Weights& weights = has_similarity ? kFull : kWordsOnly;
  double sum = weights.bias;
  for (size_t i = 0; i < kQuotationFeatureCount; ++i) sum += weights.values[i] * features.values[i];
  return Logistic(sum);
}

}  // namespace footnote::generator::grounding
