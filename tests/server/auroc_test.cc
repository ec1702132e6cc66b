#include "server/eval/auroc.h"

#include <gtest/gtest.h>

#include <random>

namespace footnote::server {
namespace {

// Scores that tell the labels apart (`separation` 1) or not (0), four responses to a question.
std::vector<JudgedScores> Sample(size_t count, double separation) {
  std::mt19937 random(3);
  std::vector<JudgedScores> responses;
  for (size_t i = 0; i < count; ++i) {
    const bool supported = i % 3 == 0;
    const double noise = random() / 4294967296.0;
    responses.push_back(
        {"q" + std::to_string(i / 4), supported, {(supported ? separation : 0) + noise, noise}});
  }
  return responses;
}

TEST(Auroc, IsTheChanceThatTheSupportedOneScoresHigher) {
  EXPECT_DOUBLE_EQ(Auroc({{"a", true, {0.9}}, {"b", false, {0.1}}}, 0), 1.0);
  EXPECT_DOUBLE_EQ(Auroc({{"a", true, {0.1}}, {"b", false, {0.9}}}, 0), 0.0);
  EXPECT_DOUBLE_EQ(Auroc({{"a", true, {0.5}}, {"b", false, {0.5}}}, 0), 0.5) << "a tie is half";
  // Pairs: 0.8 beats 0.3 and 0.7; 0.5 beats 0.3 alone.
  EXPECT_DOUBLE_EQ(
      Auroc({{"a", true, {0.8}}, {"b", true, {0.5}}, {"c", false, {0.3}}, {"d", false, {0.7}}}, 0),
      0.75);
  EXPECT_DOUBLE_EQ(Auroc({{"a", true, {0.8}}}, 0), 0.5) << "one kind alone";
}

TEST(Auroc, TheBetterWayIsSignificantlyBetterAndAnEqualOneIsNot) {
  const AurocFigures better = BootstrapAuroc(Sample(400, 0.3), 1);
  EXPECT_LT(better.ways[0].low, better.ways[0].mean);
  EXPECT_GT(better.ways[0].low, better.ways[1].high);
  EXPECT_GT(better.first_less[1].low, 0);
  EXPECT_LT(better.first_less[1].p, 0.01);
  const AurocFigures equal = BootstrapAuroc(Sample(400, 0), 1);
  EXPECT_EQ(equal.first_less[1].mean, 0);
  EXPECT_GT(equal.first_less[1].p, 0.9);
}

TEST(Auroc, ResponsesToOneQuestionAreDrawnTogether) {
  std::vector<JudgedScores> apart = Sample(400, 0.1);
  std::vector<JudgedScores> together;
  // The same ten times over: no more is known, if they belong together.
  for (int copy = 0; copy < 10; ++copy) together.insert(together.end(), apart.begin(), apart.end());
  const Bootstrapped once = BootstrapAuroc(apart, 1).ways[0];
  const Bootstrapped tenfold = BootstrapAuroc(together, 1).ways[0];
  EXPECT_NEAR(once.high - once.low, tenfold.high - tenfold.low, 1e-9);
}

TEST(Auroc, OfNothingIsNothing) { EXPECT_TRUE(BootstrapAuroc({}, 1).ways.empty()); }

}  // namespace
}  // namespace footnote::server
