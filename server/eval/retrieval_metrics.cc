#include "server/eval/retrieval_metrics.h"

#include <algorithm>
#include <cmath>
#include <set>

namespace footnote::server {
namespace {

int GradeOf(const Grades& grades, const std::string& document) {
  const auto found = grades.find(document);
  return found == grades.end() ? 0 : std::max(found->second, 0);
}

double Gain(int grade, size_t rank_from_0) {
  return (std::exp2(grade) - 1) / std::log2(static_cast<double>(rank_from_0) + 2);
}

// Words in small letters, three at a time.
std::set<std::string> Triples(std::string_view text) {
  std::vector<std::string> words(1);
  for (const char c : text) {
    const bool is_upper = c >= 'A' && c <= 'Z';
    if (is_upper || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c & 0x80) != 0) {
      words.back().push_back(is_upper ? static_cast<char>(c + 32) : c);
    } else if (!words.back().empty()) {
      words.emplace_back();
    }
  }
  if (words.back().empty()) words.pop_back();
  std::set<std::string> triples;
  for (size_t i = 0; i + 2 < words.size(); ++i) {
    triples.insert(words[i] + " " + words[i + 1] + " " + words[i + 2]);
  }
  return triples;
}

}  // namespace

double Ndcg(const std::vector<std::string>& ranking, const Grades& grades, int depth) {
  double dcg = 0;
  for (size_t i = 0; i < ranking.size() && i < static_cast<size_t>(depth); ++i)
    dcg += Gain(GradeOf(grades, ranking[i]), i);
  std::vector<int> ideal;
  for (const auto& [document, grade] : grades) {
    if (grade > 0) ideal.push_back(grade);
  }
  std::sort(ideal.rbegin(), ideal.rend());
  double best = 0;
  for (size_t i = 0; i < ideal.size() && i < static_cast<size_t>(depth); ++i)
    best += Gain(ideal[i], i);
  return best == 0 ? 0 : dcg / best;
}

double Recall(const std::vector<std::string>& ranking, const Grades& grades, int depth) {
  const auto relevant =
      std::count_if(grades.begin(), grades.end(), [](const auto& item) { return item.second > 0; });
  if (relevant == 0) return 0;
  int found = 0;
  for (size_t i = 0; i < ranking.size() && i < static_cast<size_t>(depth); ++i)
    found += GradeOf(grades, ranking[i]) > 0 ? 1 : 0;
  return static_cast<double>(found) / static_cast<double>(relevant);
}

double ReciprocalRank(const std::vector<std::string>& ranking, const Grades& grades, int depth) {
  for (size_t i = 0; i < ranking.size() && i < static_cast<size_t>(depth); ++i) {
    if (GradeOf(grades, ranking[i]) > 0) return 1.0 / static_cast<double>(i + 1);
  }
  return 0;
}

double RepeatedShare(const std::vector<std::string_view>& texts) {
  std::set<std::string> said;
  std::vector<double> shares;
  for (size_t i = 0; i < texts.size(); ++i) {
    const std::set<std::string> triples = Triples(texts[i]);
    const auto repeated =
        std::count_if(triples.begin(), triples.end(),
                      [&](const std::string& one) { return said.count(one) > 0; });
    if (i > 0) {
      shares.push_back(triples.empty()
                           ? 0
                           : static_cast<double>(repeated) / static_cast<double>(triples.size()));
    }
    said.insert(triples.begin(), triples.end());
  }
  return Mean(shares);
}

double Percentile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const double rank = std::ceil(share * static_cast<double>(values.size()));
  return values[static_cast<size_t>(
      std::clamp(rank - 1, 0.0, static_cast<double>(values.size() - 1)))];
}

double Mean(const std::vector<double>& values) {
  double sum = 0;
  for (double value : values) sum += value;
  return values.empty() ? 0 : sum / static_cast<double>(values.size());
}

}  // namespace footnote::server
