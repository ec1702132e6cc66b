// How well scores tell supported responses from unsupported ones, and whether better than others.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "server/eval/bootstrap.h"

namespace footnote::server {

// One response: its scores by each way of scoring, and what people say of it.
struct JudgedScores {
  std::string group;  // responses to one question are alike: they are drawn together
  bool supported = false;
  std::vector<double> scores;  // [ways], higher: more likely supported
};

// Chance that a supported response has a higher score than an unsupported one, ties half; 0.5 where
// either kind is missing.
double Auroc(const std::vector<JudgedScores>& responses, size_t way);

struct AurocFigures {
  // [ways]: the AUROC as `mean`, its 95 % interval; p is of "0.5".
  std::vector<Bootstrapped> ways;
  // [ways]: the first way's AUROC less this one's, on the same resamples.
  std::vector<Bootstrapped> first_less;
};

// The bootstrap of bootstrap.h, over groups. The same seed gives the same figures everywhere.
AurocFigures BootstrapAuroc(const std::vector<JudgedScores>& responses, uint64_t seed);

}  // namespace footnote::server
