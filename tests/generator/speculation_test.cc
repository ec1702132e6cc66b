// When guessing pays: what is planned from rates and costs.

#include "generator/runtime/speculation.h"

#include <gtest/gtest.h>

#include <numeric>

namespace footnote::generator {
namespace {

AcceptanceRates Rates(bool accepted) {
  AcceptanceRates rates;
  for (int i = 0; i < 200; ++i) {
    for (int match = 2; match <= PromptLookup::kMostMatch; ++match) rates.Add(match, accepted);
  }
  return rates;
}

// A pass of `rows` rows takes fixed + per_row * rows.
PassCosts Costs(double fixed, double per_row) {
  PassCosts costs;
  for (int rows = 1; rows <= PassCosts::kMostRows; ++rows) costs.Add(rows, fixed + per_row * rows);
  return costs;
}

TEST(AcceptanceRates, FollowWhatHappensAndStartAsTheOthersDid) {
  AcceptanceRates rates;
  EXPECT_LT(rates.Rate(2), rates.Rate(8)) << "a longer match is surer from the beginning";
  for (int i = 0; i < 500; ++i) rates.Add(4, true);
  EXPECT_GT(rates.Rate(4), 0.95);
  EXPECT_LT(rates.Rate(4), 1);
  AcceptanceRates start = rates.AsStart();
  EXPECT_GT(start.Rate(4), 0.9);
  for (int i = 0; i < 10; ++i) {
    start.Add(4, false);
    rates.Add(4, false);
  }
  EXPECT_LT(start.Rate(4), 0.5) << "a request learns its own rates quickly";
  EXPECT_GT(rates.Rate(4), 0.7);
  EXPECT_EQ(rates.Rate(PromptLookup::kMostMatch), rates.Rate(1000));
}

TEST(PassCosts, AreAveragesThatAreForgotten) {
  PassCosts costs;
  EXPECT_EQ(costs.Milliseconds(3), 0);
  costs.Add(2, 10);
  EXPECT_EQ(costs.Milliseconds(1), 0);
  EXPECT_EQ(costs.Milliseconds(2), 10);
  EXPECT_EQ(costs.Milliseconds(9), 10) << "not measured: as cheap as the next narrower";
  costs.Add(9, 30);
  EXPECT_EQ(costs.Milliseconds(9), 30);
  costs.Add(9, 10000);
  EXPECT_LT(costs.Milliseconds(9), 60) << "one outlier does not decide";
  for (int i = 0; i < 600; ++i) costs.Add(2, 20);
  EXPECT_NEAR(costs.Milliseconds(2), 20, 1e-6);
  EXPECT_NEAR(costs.Milliseconds(9), 20, 1e-6) << "too old: tried again";
}

TEST(PassCosts, AnAccidentIsForgottenSoon) {
  PassCosts costs;
  costs.Add(1, 10);
  costs.Add(2, 1000);
  for (int i = 0; i < 30; ++i) costs.Add(1, 10);
  EXPECT_EQ(costs.Milliseconds(2), 1000);
  for (int i = 0; i < 5; ++i) costs.Add(1, 10);
  EXPECT_EQ(costs.Milliseconds(2), 10) << "tried again";
  // Measured again and again it lasts longer.
  for (int i = 0; i < 8; ++i) costs.Add(2, 12);
  for (int i = 0; i < 200; ++i) costs.Add(1, 10);
  EXPECT_EQ(costs.Milliseconds(2), 12);
}

TEST(PlanGuesses, TakesAllWhereRowsCostNothingAndGuessesComeTrue) {
  const AcceptanceRates sure = Rates(true);
  const std::vector<GuessOffer> offers = {{4, 8, &sure}};
  EXPECT_EQ(PlanGuesses(offers, 1, 15, Costs(10, 0)), std::vector<size_t>({8}));
  EXPECT_EQ(PlanGuesses(offers, 1, 5, Costs(10, 0)), std::vector<size_t>({5}));
  EXPECT_EQ(PlanGuesses(offers, 1, 15, PassCosts()), std::vector<size_t>({8})) << "to measure it";
}

TEST(PlanGuesses, TakesNoneWhereTheyDoNotPay) {
  const AcceptanceRates sure = Rates(true);
  const AcceptanceRates hopeless = Rates(false);
  const std::vector<GuessOffer> good = {{4, 8, &sure}};
  const std::vector<GuessOffer> bad = {{4, 8, &hopeless}};
  EXPECT_EQ(PlanGuesses(good, 1, 15, Costs(0, 10)), std::vector<size_t>({0}))
      << "a row costs as much as a pass";
  EXPECT_EQ(PlanGuesses(bad, 1, 15, Costs(10, 1)), std::vector<size_t>({0}));
}

TEST(PlanGuesses, GivesRowsToTheSurestAndStopsBeforeAStepInTheCost) {
  const AcceptanceRates sure = Rates(true);
  AcceptanceRates fair;
  for (int i = 0; i < 400; ++i) fair.Add(PromptLookup::kMostMatch, i % 2 == 0);
  const std::vector<GuessOffer> offers = {{PromptLookup::kMostMatch, 8, &fair}, {4, 8, &sure}};
  PassCosts costs;
  for (int rows = 1; rows <= PassCosts::kMostRows; ++rows) costs.Add(rows, rows <= 8 ? 10 : 40);
  const std::vector<size_t> lengths = PlanGuesses(offers, 2, 14, costs);
  EXPECT_EQ(lengths[0] + lengths[1], 6u) << "8 rows";
  EXPECT_GE(lengths[1], 5u);
}

TEST(PlanLikelyGuesses, TakesWhatIsLikelierTrueThanNot) {
  const AcceptanceRates sure = Rates(true);
  const AcceptanceRates hopeless = Rates(false);
  const std::vector<GuessOffer> offers = {{4, 8, &hopeless}, {4, 8, &sure}};
  EXPECT_EQ(PlanLikelyGuesses(offers, 30), std::vector<size_t>({0, 8}));
  EXPECT_EQ(PlanLikelyGuesses(offers, 3), std::vector<size_t>({0, 3}));
  EXPECT_EQ(PlanLikelyGuesses(offers, 0), std::vector<size_t>({0, 0}));
}

}  // namespace
}  // namespace footnote::generator
