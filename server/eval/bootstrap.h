// How far a mean over questions could be off, and whether a difference of two rankings is more than
// luck: the bootstrap.
//
// Questions are drawn with replacement, kResamples times. For two rankings give the differences of
// each question's figures: the test is then paired, which takes out that questions differ in how
// hard they are. Source: Efron & Tibshirani 1993, chapters 13 and 16.
#pragma once

#include <cstdint>
#include <vector>

namespace footnote::server {

constexpr int kResamples = 10000;

struct Bootstrapped {
  double mean = 0;
  double low = 0;  // of the 95 % interval (percentiles)
  double high = 0;
  // Two-sided, for "the true mean is 0": how many of the resampled means lie as far from `mean` as
  // `mean` lies from 0. At least 1 / (kResamples + 1).
  double p = 1;
};

// The mean over groups of each group's mean; questions are drawn within their groups. A group is a
// set: one for a single set. Empty groups are left out. The same seed gives the same figures on
// every machine.
Bootstrapped BootstrapMean(const std::vector<std::vector<double>>& groups, uint64_t seed);

// The ratio of two sums over questions, drawn together; 0 where the lower sum is 0. `p` says
// nothing.
Bootstrapped BootstrapRatio(const std::vector<double>& upper, const std::vector<double>& lower,
                            uint64_t seed);

}  // namespace footnote::server
