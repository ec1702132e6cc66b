#include "server/eval/bootstrap.h"

#include <algorithm>
#include <cmath>
#include <random>

#include "server/eval/retrieval_metrics.h"

namespace footnote::server {
namespace {

// A uniform number below `bound`: the standard's distributions differ between libraries.
size_t Below(std::mt19937_64& random, size_t bound) {
  return static_cast<size_t>((random() >> 32) * bound >> 32);
}

}  // namespace

Bootstrapped BootstrapMean(const std::vector<std::vector<double>>& groups, uint64_t seed) {
  std::vector<const std::vector<double>*> filled;
  std::vector<double> means;
  for (const std::vector<double>& group : groups) {
    if (group.empty()) continue;
    filled.push_back(&group);
    means.push_back(Mean(group));
  }
  Bootstrapped result;
  result.mean = Mean(means);
  result.low = result.high = result.mean;
  if (filled.empty()) return result;
  std::mt19937_64 random(seed);
  std::vector<double> resampled(kResamples);
  int as_far = 0;
  // Sums that differ by rounding alone count as equal.
  const double threshold = std::abs(result.mean) * (1 - 1e-9);
  for (double& value : resampled) {
    for (const std::vector<double>* group : filled) {
      double sum = 0;
      for (size_t i = 0; i < group->size(); ++i) sum += (*group)[Below(random, group->size())];
      value += sum / static_cast<double>(group->size()) / static_cast<double>(filled.size());
    }
    as_far += std::abs(value - result.mean) >= threshold ? 1 : 0;
  }
  result.p = (as_far + 1.0) / (kResamples + 1.0);
  result.low = Percentile(resampled, 0.025);
  result.high = Percentile(std::move(resampled), 0.975);
  return result;
}

Bootstrapped BootstrapRatio(const std::vector<double>& upper, const std::vector<double>& lower,
                            uint64_t seed) {
  const auto ratio = [](double above, double below) { return below == 0 ? 0 : above / below; };
  Bootstrapped result;
  double all_upper = 0;
  double all_lower = 0;
  for (size_t i = 0; i < upper.size(); ++i) {
    all_upper += upper[i];
    all_lower += lower[i];
  }
  result.mean = result.low = result.high = ratio(all_upper, all_lower);
  if (upper.empty()) return result;
  std::mt19937_64 random(seed);
  std::vector<double> resampled(kResamples);
  for (double& value : resampled) {
    double above = 0;
    double below = 0;
    for (size_t n = 0; n < upper.size(); ++n) {
      const size_t i = Below(random, upper.size());
      above += upper[i];
      below += lower[i];
    }
    value = ratio(above, below);
  }
  result.low = Percentile(resampled, 0.025);
  result.high = Percentile(std::move(resampled), 0.975);
  return result;
}

}  // namespace footnote::server
