// A whole text against the passages: its sentences one by one, then one score for all.
#include <algorithm>
#include <string>
#include <unordered_map>

#include "common/text/sentences.h"
#include "generator/grounding/scoring.h"
#include "generator/grounding/support_model.h"
#include "generator/grounding/support_state.h"

namespace footnote::generator {
namespace {

using grounding::Claims;
using grounding::SentenceFeature;
using grounding::TextFeature;
using grounding::TextFeatures;

// Mean, by weight, and least value of a feature over the sentences.
class Spread {
 public:
  void Add(double value, double weight) {
    sum_ += value * weight;
    weights_ += weight;
    least_ = std::min(least_, value);
  }
  // Where nothing is claimed, nothing is unsupported.
  double mean() const { return weights_ == 0 ? 1 : sum_ / weights_; }
  double least() const { return least_; }

 private:
  double sum_ = 0;
  double weights_ = 0;
  double least_ = 1;
};

// Distinct words and how many of them the passages hold: the same words again say nothing new about
// where a text comes from.
class Held {
 public:
  void Add(const std::string& stem, bool held) { words_[stem] = held; }
  bool empty() const { return words_.empty(); }
  double share() const {
    if (words_.empty()) return 1;
    const auto held =
        std::count_if(words_.begin(), words_.end(), [](const auto& word) { return word.second; });
    return static_cast<double>(held) / static_cast<double>(words_.size());
  }

 private:
  std::unordered_map<std::string, bool> words_;
};

}  // namespace

StatusOr<TextSupport> SupportScorer::ScoreText(std::string_view text, int max_results,
                                               const CallContext& call) const {
  FOOTNOTE_RETURN_IF_ERROR(call.Check());
  TextSupport result;
  Held words;
  Held names;
  bool numbers_held = true;
  Spread spreads[grounding::kSentenceFeatureCount];
  for (const ByteSpan& bytes : SplitSentences(text)) {
    const std::string_view sentence = text.substr(bytes.start, bytes.size());
    FOOTNOTE_ASSIGN_OR_RETURN(SentenceSupport support,
                              state_->ScoreSentence(sentence, max_results, call));
    support.bytes = bytes;
    if (support.claims) {
      const Claims claims = grounding::Analyse(sentence);
      for (size_t i = 0; i < support.features.size(); ++i) {
        spreads[i].Add(support.features[i].second, static_cast<double>(claims.words.size()));
      }
      for (const grounding::ContentWord& word : claims.words) {
        const bool held = state_->phrases().Holds(claims, word);
        words.Add(word.stem, held);
        if (word.name) names.Add(word.stem, held);
        if (word.number && !held) numbers_held = false;
      }
    }
    result.sentences.push_back(std::move(support));
  }
  const auto spread = [&](SentenceFeature feature) -> const Spread& {
    return spreads[static_cast<size_t>(feature)];
  };
  TextFeatures features;
  features[TextFeature::words] = words.share();
  features[TextFeature::names] = names.share();
  features[TextFeature::numbers] = numbers_held ? 1 : 0;
  features[TextFeature::mean_alignment] = spread(SentenceFeature::alignment).mean();
  features[TextFeature::least_alignment] = spread(SentenceFeature::alignment).least();
  features[TextFeature::mean_similarity] = spread(SentenceFeature::similarity).mean();
  features[TextFeature::least_similarity] = spread(SentenceFeature::similarity).least();
  features[TextFeature::mean_pairs] = spread(SentenceFeature::pairs).mean();
  features[TextFeature::least_pairs] = spread(SentenceFeature::pairs).least();
  features[TextFeature::mean_copied] = spread(SentenceFeature::copied).mean();
  features[TextFeature::mean_agreement] = spread(SentenceFeature::agreement).mean();
  features[TextFeature::agreement] = spread(SentenceFeature::agreement).least();
  result.score = grounding::SupportOf(features, state_->has_embedder()) *
                 grounding::LeftByContradictions(features[TextFeature::mean_agreement],
                                                 features[TextFeature::agreement]);
  for (size_t i = 0; i < features.values.size(); ++i) {
    result.features.emplace_back(grounding::kTextFeatureNames[i], features.values[i]);
  }
  return result;
}

}  // namespace footnote::generator
