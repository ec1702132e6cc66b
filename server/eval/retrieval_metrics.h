// Measures of a ranking against graded relevance: nDCG, recall, MRR.
//
// Source: Järvelin & Kekäläinen 2002 with gain 2^grade - 1 and discount log2(rank + 1); the same as
// trec_eval's for grades 0 and 1.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace footnote::server {

using Grades = std::map<std::string, int>;  // document -> grade; absent or 0: not relevant

// Each over the first `depth` of `ranking`; 0 when nothing is relevant.
double Ndcg(const std::vector<std::string>& ranking, const Grades& grades, int depth);
double Recall(const std::vector<std::string>& ranking, const Grades& grades, int depth);
double ReciprocalRank(const std::vector<std::string>& ranking, const Grades& grades, int depth);

// How much of texts, best first, was said before: of each text but the first, the share of its word
// triples (ASCII case and punctuation do not count) that an earlier one holds; their mean. 0 for
// fewer than two texts.
double RepeatedShare(const std::vector<std::string_view>& texts);

// The value below which `share` of the values lie (nearest rank); 0 for none.
double Percentile(std::vector<double> values, double share);
double Mean(const std::vector<double>& values);

}  // namespace footnote::server
