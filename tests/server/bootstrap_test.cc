#include "server/eval/bootstrap.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace footnote::server {
namespace {

// Bell-shaped around `mean`, the same on every machine.
std::vector<double> Noise(size_t count, double mean, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<double> values(count);
  for (double& value : values) {
    value = mean;
    for (int i = 0; i < 12; ++i) value += random() / 4294967296.0 - 0.5;
  }
  return values;
}

TEST(Bootstrap, IntervalAgreesWithTheNormalOneWhereThatHolds) {
  const std::vector<double> values = Noise(400, 0.3, 1);
  double mean = 0;
  for (double value : values) mean += value / 400;
  double variance = 0;
  for (double value : values) variance += (value - mean) * (value - mean) / 400;
  const double half = 1.96 * std::sqrt(variance / 400);
  const Bootstrapped found = BootstrapMean({values}, 7);
  EXPECT_NEAR(found.mean, mean, 1e-12);
  // Of 10,000 resamples the 2.5th percentile is off by some 3 % of the half width (one standard
  // error: sqrt(0.025 * 0.975 / 10000) / density 0.058, of 1.96).
  EXPECT_NEAR(found.low, mean - half, 0.1 * half);
  EXPECT_NEAR(found.high, mean + half, 0.1 * half);
}

TEST(Bootstrap, NoDifferenceIsNotSignificantAndALargeOneIs) {
  std::vector<double> balanced;
  for (int i = 0; i < 50; ++i) balanced.insert(balanced.end(), {0.1, -0.1});
  EXPECT_GT(BootstrapMean({balanced}, 1).p, 0.9);
  const Bootstrapped large = BootstrapMean({Noise(400, 0.5, 2)}, 1);
  EXPECT_DOUBLE_EQ(large.p, 1.0 / (kResamples + 1));
  EXPECT_GT(large.low, 0);
}

// The p of "mean 0" falls below 0.05 where the interval ends at 0 (for symmetric values).
TEST(Bootstrap, PAndIntervalTellTheSame) {
  std::vector<double> values = Noise(300, 0, 3);
  const Bootstrapped centred = BootstrapMean({values}, 1);
  const double shift = (centred.high - centred.low) / 2 - centred.mean;
  for (double& value : values) value += shift;
  EXPECT_NEAR(BootstrapMean({values}, 1).p, 0.05, 0.01);
}

TEST(Bootstrap, GroupsCountAlikeWhateverTheirSize) {
  const Bootstrapped found = BootstrapMean({std::vector<double>(300, 0.2), {0.8, 0.8}, {}}, 1);
  EXPECT_NEAR(found.mean, 0.5, 1e-12);
  EXPECT_NEAR(found.low, 0.5, 1e-12) << "no group's values differ, and none is drawn from another";
}

TEST(Bootstrap, TheSeedDecidesAndNothingElse) {
  const std::vector<double> values = Noise(100, 0.1, 4);
  const Bootstrapped one = BootstrapMean({values}, 5);
  const Bootstrapped two = BootstrapMean({values}, 5);
  const Bootstrapped other = BootstrapMean({values}, 6);
  EXPECT_EQ(one.low, two.low);
  EXPECT_EQ(one.p, two.p);
  EXPECT_NE(one.low, other.low);
}

TEST(Bootstrap, OfNothingIsNothing) {
  const Bootstrapped found = BootstrapMean({}, 1);
  EXPECT_EQ(found.mean, 0);
  EXPECT_EQ(found.p, 1);
}

}  // namespace
}  // namespace footnote::server
