// The search among sentences, with a model whose every probability is known: it says one of a few
// sentences, each with its weight.
#include "generator/sentence_search.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <map>
#include <mutex>
#include <set>

#include "tests/testing/scripted_generator.h"
#include "tests/testing/status_matchers.h"

namespace footnote::generator {
namespace {

constexpr TokenId kEnd = 257;

// Says each text with the probability of its weight, byte by byte.
class WeightedTexts final : public testing::ScriptedGenerator {
 public:
  explicit WeightedTexts(std::map<std::string, double> texts) : texts_(std::move(texts)) {}

  StatusOr<GenerationResult> Generate(const GenerationRequest& request, const CallContext& call,
                                      const TokenSink& sink) override {
    FOOTNOTE_RETURN_IF_ERROR(call.Check());
    {
      const std::lock_guard lock(mutex_);
      ++calls;
      if (refused > 0) {
        --refused;
        return ResourceExhaustedError("the queue is full");
      }
    }
    // Behind the prompt "P".
    std::string before = tokenizer().Decode(request.prompt, true).substr(1);
    GenerationResult result;
    while (static_cast<int>(result.tokens.size()) < request.max_tokens) {
      const std::vector<TokenId> allowed = request.constraint->Allowed(result.tokens);
      std::vector<TokenLikelihood> next;
      for (const TokenId id : allowed) next.push_back({id, LogProbability(before, id)});
      std::stable_sort(next.begin(), next.end(), [](const auto& a, const auto& b) {
        return a.log_probability > b.log_probability;
      });
      TokenChoice& choice = result.choices.emplace_back();
      choice.chosen = next.front();
      const size_t told = std::min(next.size(), static_cast<size_t>(request.alternatives) + 1);
      choice.others.assign(next.begin() + 1, next.begin() + static_cast<ptrdiff_t>(told));
      if (choice.chosen.log_probability < request.least_log_probability) {
        result.finish = FinishReason::kStopped;
        return result;
      }
      if (choice.chosen.id == kEnd) return result;
      result.tokens.push_back(choice.chosen.id);
      before += static_cast<char>(choice.chosen.id);
      if (!sink(choice.chosen.id)) {
        result.finish = FinishReason::kStopped;
        return result;
      }
    }
    result.finish = FinishReason::kLength;
    return result;
  }

  int calls = 0;
  int refused = 0;  // the next calls

 private:
  // Whatever it would not say has one chance in a hundred thousand.
  float LogProbability(const std::string& before, TokenId id) const {
    double all = 0;
    double with = 0;
    for (const auto& [text, weight] : texts_) {
      if (!text.starts_with(before)) continue;
      all += weight;
      const TokenId next =
          text.size() == before.size() ? kEnd : static_cast<unsigned char>(text[before.size()]);
      if (next == id) with += weight;
    }
    return static_cast<float>(std::log(all == 0 || with == 0 ? 1e-5 : with / all));
  }

  std::map<std::string, double> texts_;
  std::mutex mutex_;
};

// Lets the beginnings of some texts through, and no end but those of others.
class Texts final : public InOrder {
 public:
  Texts(std::set<std::string> begun, std::set<std::string> ended)
      : begun_(std::move(begun)), ended_(std::move(ended)) {
    begun_.insert(ended_.begin(), ended_.end());
  }
  std::vector<TokenId> Allowed(std::span<const TokenId> generated) const override {
    const std::string text = TextOf(generated);
    std::set<TokenId> next = {kEnd};
    for (const std::string& each : begun_) {
      if (each.starts_with(text) && each.size() > text.size()) {
        next.insert(static_cast<unsigned char>(each[text.size()]));
      }
    }
    return {next.begin(), next.end()};
  }
  bool MayEndBehind(std::span<const TokenId> generated) const override {
    return ended_.contains(TextOf(generated) + ".");
  }

 private:
  static std::string TextOf(std::span<const TokenId> generated) {
    return testing::ByteTokenizer().Decode(generated, true);
  }
  std::set<std::string> begun_;
  std::set<std::string> ended_;
};

std::vector<std::string> TextsOf(const FoundSentences& found) {
  std::vector<std::string> texts;
  for (const FoundSentence& sentence : found.sentences) texts.push_back(sentence.text);
  return texts;
}

StatusOr<FoundSentences> Find(WeightedTexts& model, std::set<std::string> begun,
                              std::set<std::string> ended,
                              const SentenceSearchOptions& options = {}) {
  GenerationRequest request;
  request.prompt = {'P'};
  return FindSentences(model, request, std::make_shared<Texts>(std::move(begun), std::move(ended)),
                       options, CallContext());
}

TEST(SentenceSearch, GivesUpADeadEndForTheNextBest) {
  // What is likeliest cannot be ended by any source.
  WeightedTexts model({{"The mill is new.", 6}, {"The mill was sold.", 3}, {"A mill is old.", 1}});
  ASSERT_OK_AND_ASSIGN(const FoundSentences found,
                       Find(model, {"The mill is n"}, {"The mill was sold.", "A mill is old."}));
  EXPECT_EQ(TextsOf(found), (std::vector<std::string>{"The mill was sold.", "A mill is old."}));
  // Both are said with the weights' probabilities, and each byte of them counts.
  EXPECT_NEAR(found.sentences[0].mean_log_probability, std::log(0.3) / 18, 1e-6);
  EXPECT_NEAR(found.sentences[1].mean_log_probability, std::log(0.1) / 14, 1e-6);
  EXPECT_EQ(model.calls, 3) << "the first, and from \"A\" and \"The mill w\"";
  EXPECT_EQ(found.prompt_tokens, 3 + 1 + 10);
  EXPECT_GT(found.generated_tokens, 0);
}

TEST(SentenceSearch, OneRoundIsTheModelsFirstChoice) {
  WeightedTexts model({{"The mill is new.", 6}, {"The mill was sold.", 3}});
  SentenceSearchOptions options;
  options.rounds = 1;
  ASSERT_OK_AND_ASSIGN(const FoundSentences found,
                       Find(model, {}, {"The mill is new.", "The mill was sold."}, options));
  EXPECT_EQ(TextsOf(found), (std::vector<std::string>{"The mill is new."}));
  EXPECT_EQ(model.calls, 1);
}

TEST(SentenceSearch, TheLikeliestComesFirst) {
  // Token by token the first is likelier; the other as a whole.
  WeightedTexts model({{"It is a red mill.", 3}, {"It is a tall mill.", 3}, {"So it is.", 5}});
  ASSERT_OK_AND_ASSIGN(const FoundSentences found,
                       Find(model, {}, {"It is a red mill.", "It is a tall mill.", "So it is."}));
  ASSERT_EQ(found.sentences.size(), 3u);
  for (size_t i = 1; i < 3; ++i) {
    EXPECT_GE(found.sentences[i - 1].mean_log_probability, found.sentences[i].mean_log_probability);
  }
}

TEST(SentenceSearch, ASentenceMayEndBeforeWhatTheModelWouldAdd) {
  WeightedTexts model({{"It was sold.", 2}, {"It was sold, and so on.", 5}});
  ASSERT_OK_AND_ASSIGN(const FoundSentences found,
                       Find(model, {"It was sold, a"}, {"It was sold."}));
  EXPECT_EQ(TextsOf(found), (std::vector<std::string>{"It was sold."}));
  // Not where a full stop would surprise it.
  WeightedTexts sure({{"It was sold.", 1}, {"It was sold, and so on.", 50}});
  ASSERT_OK_AND_ASSIGN(const FoundSentences none, Find(sure, {"It was sold, a"}, {"It was sold."}));
  EXPECT_TRUE(none.sentences.empty());
}

TEST(SentenceSearch, WhatHasNoVerbNeedsASurerEnd) {
  for (const auto& [text, given] : std::map<std::string, bool>{
           {"The year of the mill", false},
           {"The mill when it is old", false},
           {"The mill has a year", true},
       }) {
    WeightedTexts model({{text + ".", 1}, {text + " and more.", 6}});
    ASSERT_OK_AND_ASSIGN(const FoundSentences found, Find(model, {text + " a"}, {text + "."}));
    EXPECT_EQ(found.sentences.size(), given ? 1u : 0u) << text;
  }
}

TEST(SentenceSearch, WhatTheModelIsMadeToSayIsNotGiven) {
  WeightedTexts model({{"A mill is new.", 1}});
  // One token that it would not say, and it stops there.
  ASSERT_OK_AND_ASSIGN(const FoundSentences found, Find(model, {}, {"A mill is old."}));
  EXPECT_TRUE(found.sentences.empty());
  EXPECT_EQ(found.generated_tokens, 10);
  // Many that are each a little unlikely.
  SentenceSearchOptions options;
  options.least_mean = -0.1;
  WeightedTexts unsure({{"Ab is.", 1}, {"Cb is.", 1}, {"Db is.", 1}, {"Eb is.", 1}});
  ASSERT_OK_AND_ASSIGN(const FoundSentences none, Find(unsure, {}, {"Ab is."}, options));
  EXPECT_TRUE(none.sentences.empty());
  ASSERT_OK_AND_ASSIGN(const FoundSentences some, Find(unsure, {}, {"Ab is."}));
  EXPECT_EQ(some.sentences.size(), 1u);
}

TEST(SentenceSearch, LabelsAndInitialsAreNoSentences) {
  for (const std::string text : {"A, it is old.", "1, it is old.", "It was sold to Ann C."}) {
    WeightedTexts model({{text, 1}});
    ASSERT_OK_AND_ASSIGN(const FoundSentences found, Find(model, {}, {text}));
    EXPECT_TRUE(found.sentences.empty()) << text;
  }
}

TEST(SentenceSearch, AFullQueueIsAskedAgain) {
  const std::set<std::string> ended = {"It is a red mill.", "It is a tall mill.", "So it is."};
  const std::map<std::string, double> texts = {
      {"It is a red mill.", 3}, {"It is a tall mill.", 3}, {"So it is.", 5}};
  WeightedTexts free(texts);
  ASSERT_OK_AND_ASSIGN(const FoundSentences expected, Find(free, {}, ended));
  WeightedTexts busy(texts);
  busy.refused = 1;
  ASSERT_OK_AND_ASSIGN(const FoundSentences found, Find(busy, {}, ended));
  EXPECT_EQ(TextsOf(found), TextsOf(expected));
  WeightedTexts full(texts);
  full.refused = 100;
  EXPECT_STATUS(Find(full, {}, ended), kResourceExhausted, "queue is full");
}

TEST(SentenceSearch, ACancelledCallEnds) {
  WeightedTexts model({{"It is.", 1}});
  GenerationRequest request;
  request.prompt = {'P'};
  std::stop_source stop;
  stop.request_stop();
  EXPECT_STATUS(FindSentences(model, request,
                              std::make_shared<Texts>(std::set<std::string>{},
                                                      std::set<std::string>{"It is."}),
                              {}, CallContext(stop.get_token())),
                kCancelled, "");
}

}  // namespace
}  // namespace footnote::generator
