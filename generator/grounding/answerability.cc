// Gate 1: how well the best passages fit a question.
#include <algorithm>
#include <cmath>
#include <unordered_set>

#include "common/text/sentences.h"
#include "generator/grounding.h"
#include "generator/grounding/claims.h"
#include "generator/grounding/scoring.h"

namespace footnote::generator {
namespace grounding {

double Logistic(double x) { return 1.0 / (1.0 + std::exp(-x)); }

}  // namespace grounding

namespace {

using grounding::Claims;
using grounding::ContentWord;

constexpr double kNameWeight = 2.0;
constexpr double kWeakWeight = 0.4;
// Least weight of a word that every sentence of the passages holds, against 1 for one of none.
constexpr double kCommonWordWeight = 0.35;

using Stems = std::unordered_set<std::string>;

void AddStems(std::string_view text, Stems& stems) {
  const Claims claims = grounding::Analyse(text);
  stems.insert(claims.all_stems.begin(), claims.all_stems.end());
  for (const grounding::Number& number : claims.numbers) stems.insert("#" + number.value);
}

// What a passage says: above its text, and in each sentence of it.
struct ReadPassage {
  Stems head;
  std::vector<Stems> sentences;
};

ReadPassage Read(const Passage& passage) {
  ReadPassage read;
  AddStems(passage.title, read.head);
  for (const std::string& heading : passage.heading_path) AddStems(heading, read.head);
  if (!passage.clause.empty()) AddStems(passage.clause, read.head);
  for (const ByteSpan& span : SplitSentences(passage.text)) {
    AddStems(std::string_view(passage.text).substr(span.start, span.size()),
             read.sentences.emplace_back());
  }
  return read;
}

double CreditIn(const Stems& stems, const ContentWord& word) {
  if (stems.contains(word.stem)) return 1;
  if (word.name || word.number) return 0;
  double best = 0;
  for (const std::string& stem : stems) {
    best = std::max(best, grounding::StemLikeness(word.stem, stem));
  }
  return best;
}

// A word of the question: how much it counts, and where it stands.
struct AskedWord {
  double weight = 1;            // in a passage: names and numbers more
  double rarity = 1;            // in a sentence: the fewer of them hold it, the more it tells
  std::vector<double> in_head;  // [passages]
  std::vector<std::vector<double>> in_sentence;  // [passages][sentences]

  double InPassage(size_t passage) const {
    double best = in_head[passage];
    for (const double credit : in_sentence[passage]) best = std::max(best, credit);
    return best;
  }
};

std::vector<AskedWord> WordsOf(std::string_view question,
                               const std::vector<ReadPassage>& passages) {
  // Each word once, however often the question says it.
  std::vector<ContentWord> unique;
  for (ContentWord& word : grounding::Analyse(question).words) {
    if (std::none_of(unique.begin(), unique.end(),
                     [&](const ContentWord& other) { return other.stem == word.stem; })) {
      unique.push_back(std::move(word));
    }
  }
  std::vector<AskedWord> words;
  for (const ContentWord& word : unique) {
    AskedWord& asked = words.emplace_back();
    if (word.name || word.number) {
      asked.weight = kNameWeight;
    } else if (grounding::IsWeakQuestionWord(word.stem)) {
      asked.weight = kWeakWeight;
    }
    double holding = 0;
    double sentences = 0;
    for (const ReadPassage& passage : passages) {
      asked.in_head.push_back(CreditIn(passage.head, word));
      std::vector<double>& credits = asked.in_sentence.emplace_back();
      for (const Stems& sentence : passage.sentences) {
        credits.push_back(CreditIn(sentence, word));
        holding += credits.back() > 0 ? 1 : 0;
        ++sentences;
      }
    }
    const double share =
        std::log((sentences + 1) / (holding + 0.5)) / std::log((sentences + 1) / 0.5);
    asked.rarity = kCommonWordWeight + (1 - kCommonWordWeight) * std::max(0.0, share);
  }
  return words;
}

void ReadWords(std::string_view question, std::span<const Passage> passages,
               AnswerabilityFeatures& features) {
  std::vector<ReadPassage> read;
  for (const Passage& passage : passages) read.push_back(Read(passage));
  const std::vector<AskedWord> words = WordsOf(question, read);
  if (words.empty()) return;
  double all = 0;
  double all_rare = 0;
  for (const AskedWord& word : words) {
    all += word.weight;
    all_rare += word.rarity;
  }
  for (size_t p = 0; p < read.size(); ++p) {
    double found = 0;
    for (const AskedWord& word : words) found += word.weight * word.InPassage(p);
    features.coverage = std::max(features.coverage, found / all);
    for (size_t s = 0; s < read[p].sentences.size(); ++s) {
      double in_sentence = 0;
      for (const AskedWord& word : words) {
        in_sentence += word.rarity * word.in_sentence[p][s];
      }
      features.sentence_coverage = std::max(features.sentence_coverage, in_sentence / all_rare);
    }
  }
}

}  // namespace

std::vector<std::pair<std::string_view, double>> AnswerabilityFeatures::Named() const {
  return {
#define FOOTNOTE_BIAS(weight)
#define FOOTNOTE_FEATURE(name, weight) {#name, name},
#include "generator/grounding/answerability.def"
#undef FOOTNOTE_FEATURE
#undef FOOTNOTE_BIAS
  };
}

AnswerabilityFeatures ReadAnswerability(std::string_view question,
                                        std::span<const Passage> passages) {
  AnswerabilityFeatures features;
  if (passages.empty()) return features;
  features.best_dense = -1;
  features.best_sentence = -1;
  for (const Passage& passage : passages) {
    features.best_dense = std::max(features.best_dense, passage.dense_score);
    // Not known of passages that an older release indexed.
    features.best_sentence =
        std::max(features.best_sentence,
                 passage.sentence_score != 0 ? passage.sentence_score : passage.dense_score);
  }
  ReadWords(question, passages, features);
  return features;
}

double Answerability(const AnswerabilityFeatures& features) {
  double sum = 0;
#define FOOTNOTE_BIAS(weight) sum += (weight);
#define FOOTNOTE_FEATURE(name, weight) sum += (weight)*features.name;
#include "generator/grounding/answerability.def"
#undef FOOTNOTE_FEATURE
#undef FOOTNOTE_BIAS
  return grounding::Logistic(sum);
}

double Answerability(std::string_view question, std::span<const Passage> passages) {
  return passages.empty() ? 0 : Answerability(ReadAnswerability(question, passages));
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
