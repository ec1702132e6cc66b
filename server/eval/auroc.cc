#include "server/eval/auroc.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <random>

#include "server/eval/retrieval_metrics.h"

namespace footnote::server {
namespace {

// Responses in the order of one way's scores, sorted once for all resamples.
class Ranking {
 public:
  Ranking(const std::vector<JudgedScores>& responses, size_t way) : order_(responses.size()) {
    std::iota(order_.begin(), order_.end(), size_t{0});
    std::stable_sort(order_.begin(), order_.end(), [&](size_t a, size_t b) {
      return responses[a].scores[way] < responses[b].scores[way];
    });
    for (size_t i = 0; i < order_.size(); ++i) {
      ties_with_next_.push_back(i + 1 < order_.size() && responses[order_[i]].scores[way] ==
                                                             responses[order_[i + 1]].scores[way]);
      supported_.push_back(responses[order_[i]].supported);
    }
  }

  // `counts`: how often each response was drawn.
  double Auroc(const std::vector<double>& counts) const {
    double unsupported = 0;
    double supported = 0;
    double won = 0;
    double tied_unsupported = 0;
    double tied_supported = 0;
    for (size_t i = 0; i < order_.size(); ++i) {
      (supported_[i] ? tied_supported : tied_unsupported) += counts[order_[i]];
      if (ties_with_next_[i]) continue;
      won += tied_supported * (unsupported + tied_unsupported / 2);
      unsupported += tied_unsupported;
      supported += tied_supported;
      tied_unsupported = tied_supported = 0;
    }
    if (unsupported == 0 || supported == 0) return 0.5;
    return won / (unsupported * supported);
  }

 private:
  std::vector<size_t> order_;
  std::vector<bool> ties_with_next_;
  std::vector<bool> supported_;
};

Bootstrapped Summary(double value, double null_value, std::vector<double> resampled) {
  Bootstrapped result;
  result.mean = value;
  const double threshold = std::abs(value - null_value) * (1 - 1e-9);
  const auto as_far = std::count_if(resampled.begin(), resampled.end(), [&](double other) {
    return std::abs(other - value) >= threshold;
  });
  result.p = (static_cast<double>(as_far) + 1.0) / (kResamples + 1.0);
  result.low = Percentile(resampled, 0.025);
  result.high = Percentile(std::move(resampled), 0.975);
  return result;
}

}  // namespace

double Auroc(const std::vector<JudgedScores>& responses, size_t way) {
  return Ranking(responses, way).Auroc(std::vector<double>(responses.size(), 1.0));
}

AurocFigures BootstrapAuroc(const std::vector<JudgedScores>& responses, uint64_t seed) {
  AurocFigures figures;
  if (responses.empty()) return figures;
  std::map<std::string, std::vector<size_t>> by_group;
  for (size_t i = 0; i < responses.size(); ++i) by_group[responses[i].group].push_back(i);
  std::vector<std::vector<size_t>> groups;
  for (auto& [name, members] : by_group) groups.push_back(std::move(members));

  const size_t ways = responses.front().scores.size();
  std::vector<Ranking> rankings;
  for (size_t way = 0; way < ways; ++way) rankings.emplace_back(responses, way);
  std::vector<std::vector<double>> values(ways, std::vector<double>(kResamples));
  std::vector<std::vector<double>> differences = values;
  std::mt19937_64 random(seed);
  std::vector<double> counts(responses.size());
  for (size_t resample = 0; resample < static_cast<size_t>(kResamples); ++resample) {
    std::fill(counts.begin(), counts.end(), 0.0);
    for (size_t i = 0; i < groups.size(); ++i) {
      for (size_t member : groups[(random() >> 32) * groups.size() >> 32]) counts[member] += 1;
    }
    for (size_t way = 0; way < ways; ++way) {
      values[way][resample] = rankings[way].Auroc(counts);
      differences[way][resample] = values[0][resample] - values[way][resample];
    }
  }
  for (size_t way = 0; way < ways; ++way) {
    const double value = Auroc(responses, way);
    figures.ways.push_back(Summary(value, 0.5, std::move(values[way])));
    figures.first_less.push_back(
        Summary(Auroc(responses, 0) - value, 0, std::move(differences[way])));
  }
  return figures;
}

}  // namespace footnote::server
