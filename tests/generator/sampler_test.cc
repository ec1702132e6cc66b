// Choosing tokens: what each option keeps, and that seeds repeat.

#include "generator/runtime/sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <random>
#include <set>

#include "tests/testing/status_matchers.h"

namespace footnote::generator {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

// Ids that come up in `draws` draws, with their counts.
std::map<TokenId, int> Draw(const SamplingOptions& options, std::vector<float> logits, int draws,
                            std::vector<TokenId> banned = {}, std::vector<TokenId> generated = {}) {
  std::map<TokenId, int> counts;
  StatusOr<Sampler> sampler = Sampler::Create(options, banned, static_cast<int64_t>(logits.size()));
  EXPECT_OK(sampler);
  if (!sampler.ok()) return counts;
  for (int i = 0; i < draws; ++i) {
    std::vector<float> copy = logits;
    const StatusOr<TokenId> token = sampler->Sample(copy, generated);
    EXPECT_OK(token);
    if (token.ok()) ++counts[*token];
  }
  return counts;
}

std::set<TokenId> Ids(const std::map<TokenId, int>& counts) {
  std::set<TokenId> ids;
  for (const auto& [id, count] : counts) ids.insert(id);
  return ids;
}

// Probabilities 0.5, 0.25, 0.125, 0.0625, 0.0625 at temperature 1, not in order of id.
std::vector<float> Halves() {
  const float unit = std::log(2.0f);
  return {-2 * unit, 0, -unit, -3 * unit, -3 * unit};
}

TEST(Sampler, GreedyTakesTheLowestIdAmongEqualsAndIgnoresTheRest) {
  SamplingOptions options;
  options.top_k = 3;
  options.repetition_penalty = 100;
  EXPECT_EQ(Ids(Draw(options, {1, 3, 2, 3}, 5, {}, {1, 1})), std::set<TokenId>({1}));
  EXPECT_EQ(Ids(Draw(options, {1, 3, 2, 3}, 5, {1})), std::set<TokenId>({3}));
}

TEST(Sampler, DrawsInProportionToTheSoftmax) {
  SamplingOptions options;
  options.temperature = 1;
  const std::map<TokenId, int> counts = Draw(options, Halves(), 40000);
  const double expected[] = {0.125, 0.5, 0.25, 0.0625, 0.0625};
  double statistic = 0;  // chi-squared with 4 degrees of freedom: 23.5 has probability 1e-4
  for (TokenId id = 0; id < 5; ++id) {
    const double mean = 40000 * expected[id] / 1.0;
    const double difference = counts.at(id) - mean;
    statistic += difference * difference / mean;
  }
  EXPECT_LT(statistic, 23.5);
}

TEST(Sampler, TemperatureSharpens) {
  SamplingOptions options;
  options.temperature = 0.5;  // 0.5² : 0.25² = 4 : 1
  const std::map<TokenId, int> counts = Draw(options, Halves(), 20000);
  EXPECT_NEAR(static_cast<double>(counts.at(1)) / counts.at(2), 4, 0.3);
}

TEST(Sampler, TopKKeepsTheBestAndTheLowerIdOfATie) {
  SamplingOptions options;
  options.temperature = 1;
  options.top_k = 4;
  EXPECT_EQ(Ids(Draw(options, Halves(), 2000)), std::set<TokenId>({0, 1, 2, 3}));
}

TEST(Sampler, TopPKeepsTheFewestThatReachIt) {
  SamplingOptions options;
  options.temperature = 1;
  options.top_p = 0.7;
  EXPECT_EQ(Ids(Draw(options, Halves(), 2000)), std::set<TokenId>({1, 2}));
  options.top_p = 0.01;
  EXPECT_EQ(Ids(Draw(options, Halves(), 100)), std::set<TokenId>({1}));
}

TEST(Sampler, TopPOrdersLongTailsToo) {
  // 1000 equal candidates: half of them reach 0.5, those of the lowest ids.
  SamplingOptions options;
  options.temperature = 1;
  options.top_p = 0.5;
  const std::set<TokenId> ids = Ids(Draw(options, std::vector<float>(1000, 1.0f), 30000));
  EXPECT_EQ(ids.size(), 500u);
  EXPECT_EQ(*ids.rbegin(), 499);
}

TEST(Sampler, MinPIsRelativeToTheBest) {
  SamplingOptions options;
  options.temperature = 1;
  options.min_p = 0.2;
  EXPECT_EQ(Ids(Draw(options, Halves(), 2000)), std::set<TokenId>({0, 1, 2}));
}

TEST(Sampler, RepetitionPenaltyActsOnBothSigns) {
  SamplingOptions options;
  options.temperature = 0.001;  // nearly greedy, but not exempt
  options.repetition_penalty = 2;
  EXPECT_EQ(Ids(Draw(options, {4, 3}, 5, {}, {0})), std::set<TokenId>({1}));
  EXPECT_EQ(Ids(Draw(options, {-1, -1.5f}, 5, {}, {0})), std::set<TokenId>({1}));
  EXPECT_EQ(Ids(Draw(options, {4, 1.5f}, 5, {}, {0, 0, 0})), std::set<TokenId>({0}))
      << "once, however often the token came";
}

TEST(Sampler, ASeedRepeatsAndAnotherDiffers) {
  SamplingOptions options;
  options.temperature = 1;
  const auto run = [&](uint64_t seed) {
    options.seed = seed;
    Sampler sampler = std::move(Sampler::Create(options, {}, 100)).value();
    std::vector<TokenId> tokens;
    for (int i = 0; i < 50; ++i) {
      std::vector<float> logits(100, 0.5f);
      tokens.push_back(sampler.Sample(logits, tokens).value());
    }
    return tokens;
  };
  EXPECT_EQ(run(1), run(1));
  EXPECT_NE(run(1), run(2));
}

class OnlyOf final : public TokenConstraint {
 public:
  explicit OnlyOf(std::vector<TokenId> ids) : ids_(std::move(ids)) {}
  std::vector<TokenId> Allowed(std::span<const TokenId>) const override { return ids_; }

 private:
  std::vector<TokenId> ids_;
};

TEST(Sampler, TellsHowLikelyTheChosenAndOthersAreAmongAllTokens) {
  const float unit = std::log(2.0f);
  // Banned and kept back, the likeliest two still have their shares.
  ASSERT_OK_AND_ASSIGN(
      Sampler sampler,
      Sampler::Create({}, std::vector<TokenId>{1}, 5,
                      std::make_shared<OnlyOf>(std::vector<TokenId>({4, 3, 1, 0}))));
  std::vector<float> logits = Halves();
  ASSERT_OK_AND_ASSIGN(const TokenChoice choice, sampler.SampleAmong(logits, {}, 5));
  EXPECT_EQ(choice.chosen.id, 0);
  EXPECT_NEAR(choice.chosen.log_probability, -3 * unit, 1e-6);
  ASSERT_EQ(choice.others.size(), 2u);
  EXPECT_EQ(choice.others[0].id, 3) << "the lower id among equals";
  EXPECT_EQ(choice.others[1].id, 4);
  EXPECT_NEAR(choice.others[0].log_probability, -4 * unit, 1e-6);

  // A temperature and a penalty choose otherwise, and change no likelihood.
  SamplingOptions options;
  options.temperature = 0.7;
  options.repetition_penalty = 1000;
  ASSERT_OK_AND_ASSIGN(Sampler drawing, Sampler::Create(options, {}, 5));
  logits = Halves();
  const std::vector<TokenId> generated = {0, 2, 3, 4};
  ASSERT_OK_AND_ASSIGN(const TokenChoice drawn, drawing.SampleAmong(logits, generated, 1));
  EXPECT_EQ(drawn.chosen.id, 1);
  EXPECT_NEAR(drawn.chosen.log_probability, -unit, 1e-6);
  ASSERT_EQ(drawn.others.size(), 1u);
  EXPECT_EQ(drawn.others[0].id, 2);
  EXPECT_NEAR(drawn.others[0].log_probability, -2 * unit, 1e-6);

  logits = Halves();
  ASSERT_OK_AND_ASSIGN(const TokenChoice untold, drawing.SampleAmong(logits, generated, 0));
  EXPECT_EQ(untold.chosen.id, 1);
  EXPECT_TRUE(untold.others.empty());
}

TEST(Sampler, SaysWhenNothingIsLeft) {
  Sampler sampler = std::move(Sampler::Create({}, std::vector<TokenId>{0}, 2)).value();
  std::vector<float> logits = {1, kNan};
  EXPECT_STATUS(sampler.Sample(logits, {}), kInternal, "no token is left");
}

TEST(Sampler, NamesOptionsOutOfRange) {
  const auto create = [](void (*change)(SamplingOptions&)) {
    SamplingOptions options;
    change(options);
    return Sampler::Create(options, {}, 10).status();
  };
  EXPECT_STATUS(create([](SamplingOptions& o) { o.temperature = -1; }), kInvalidArgument,
                "temperature");
  EXPECT_STATUS(create([](SamplingOptions& o) { o.temperature = std::nan(""); }), kInvalidArgument,
                "temperature");
  EXPECT_STATUS(create([](SamplingOptions& o) { o.top_k = -1; }), kInvalidArgument, "top_k");
  EXPECT_STATUS(create([](SamplingOptions& o) { o.top_p = 0; }), kInvalidArgument, "top_p");
  EXPECT_STATUS(create([](SamplingOptions& o) { o.min_p = 1; }), kInvalidArgument, "min_p");
  EXPECT_STATUS(create([](SamplingOptions& o) { o.repetition_penalty = 0; }), kInvalidArgument,
                "repetition_penalty");
}

TEST(ArgMax, IsTheLowestIdAmongTheLargestAtEverySize) {
  std::mt19937 random(1);
  for (size_t size = 0; size < 1300; size += size < 70 ? 1 : 37) {
    for (int round = 0; round < 20; ++round) {
      std::vector<float> logits(size);
      // Few values, so that many are equal; some are no numbers.
      for (float& logit : logits) {
        const auto pick = random() % 12;
        logit = pick == 0   ? kNan
                : pick == 1 ? -std::numeric_limits<float>::infinity()
                            : static_cast<float>(pick) - 20;
      }
      TokenId want = -1;
      for (size_t i = 0; i < size; ++i) {
        if (logits[i] > (want < 0 ? -std::numeric_limits<float>::infinity()
                                  : logits[static_cast<size_t>(want)])) {
          want = static_cast<TokenId>(i);
        }
      }
      EXPECT_EQ(ArgMax(logits), want) << size << " logits";
    }
  }
}

TEST(Sampler, TopKOfALargeVocabularyIsThatOfASort) {
  std::mt19937 random(2);
  for (const int keep : {1, 2, 7, 40, 299, 300, 400}) {
    std::vector<float> logits(300);
    for (float& logit : logits) logit = static_cast<float>(random() % 50) / 50;
    std::vector<TokenId> order(logits.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](TokenId a, TokenId b) {
      return logits[static_cast<size_t>(a)] > logits[static_cast<size_t>(b)];
    });
    order.resize(std::min<size_t>(order.size(), static_cast<size_t>(keep)));
    SamplingOptions options;
    options.temperature = 10;  // nearly uniform: every candidate comes up
    options.top_k = keep;
    EXPECT_EQ(Ids(Draw(options, logits, 20000)), std::set<TokenId>(order.begin(), order.end()));
  }
}

TEST(Sampler, AnInfiniteLogitIsChosen) {
  SamplingOptions options;
  options.temperature = 1;
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(Ids(Draw(options, {1, infinity, 2}, 10)), std::set<TokenId>({1}));
}

TEST(LogProbability, IsTheLogOfTheSoftmax) {
  const std::vector<float> logits = {1, 2, 3};
  const double sum = std::exp(1.0) + std::exp(2.0) + std::exp(3.0);
  EXPECT_NEAR(LogProbability(logits, 0), 1 - std::log(sum), 1e-6);
  const std::vector<float> large = {1000, 999};
  EXPECT_NEAR(LogProbability(large, 0), -std::log(1 + std::exp(-1.0)), 1e-6);
}

}  // namespace
}  // namespace footnote::generator
