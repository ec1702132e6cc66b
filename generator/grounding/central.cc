// The sentences that say most of what all passages say: what a summary quotes and is generated anew
// from.
#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "generator/grounding/question.h"
#include "generator/grounding/support_state.h"

namespace footnote::generator {
namespace {

using grounding::Claims;
using grounding::EvidenceSpan;

// What a word is worth that a sentence chosen before has already.
constexpr double kSaidBefore = 0.2;
// Words of the title are what the document is about.
constexpr double kTitleWeight = 2;
// A sentence of some ten content words gets its full worth; shorter ones say little.
constexpr double kFullLength = 10;

}  // namespace

std::vector<Support> SupportScorer::CentralSpans(int max_results) const {
  const std::vector<EvidenceSpan>& spans = state_->spans();
  const std::vector<Claims>& units = state_->evidence().units();
  std::map<std::string, double> weights;
  for (const Claims& unit : units) {
    for (const grounding::ContentWord& word : unit.words) {
      if (!word.number) weights[word.stem] += 1;
    }
  }
  for (auto& [stem, weight] : weights) weight = std::log1p(weight);
  for (const Claims& title : state_->evidence().titles()) {
    for (const grounding::ContentWord& word : title.words) {
      if (const auto found = weights.find(word.stem); found != weights.end()) {
        found->second = std::max(found->second, kTitleWeight * std::log1p(1));
      }
    }
  }
  std::vector<SupportCandidate> chosen;
  std::vector<bool> used(units.size(), false);
  std::vector<int> of_passage(state_->passages().size(), 0);
  std::set<std::string_view> documents;
  while (static_cast<int>(chosen.size()) < max_results) {
    double most = 0;
    size_t best = units.size();
    bool best_is_new = false;  // of a document that none was chosen from: those come first
    for (size_t unit = 0; unit < units.size(); ++unit) {
      if (used[unit] || grounding::IsFragment(spans[unit].text)) continue;
      double gain = 0;
      double words = 0;
      std::map<std::string, bool> counted;
      for (const grounding::ContentWord& word : units[unit].words) {
        ++words;
        if (word.number || !counted.emplace(word.stem, true).second) continue;
        gain += weights.at(word.stem);
      }
      if (words == 0) continue;
      gain /= std::max(words, kFullLength);
      // Each passage stands for a part of its document.
      gain /= 1 + of_passage[static_cast<size_t>(spans[unit].passage)];
      const bool is_new = !documents.contains(state_->passage(spans[unit].passage).document_id);
      if (gain > 0 && (is_new == best_is_new ? gain > most : is_new)) {
        most = gain;
        best = unit;
        best_is_new = is_new;
      }
    }
    if (best == units.size()) break;
    used[best] = true;
    ++of_passage[static_cast<size_t>(spans[best].passage)];
    documents.insert(state_->passage(spans[best].passage).document_id);
    for (const grounding::ContentWord& word : units[best].words) {
      if (!word.number) weights.at(word.stem) *= kSaidBefore;
    }
    SupportCandidate candidate;
    candidate.span = best;
    // In this order, above 0 and below 1.
    candidate.score = 1 / (1.0 + static_cast<double>(chosen.size()));
    chosen.push_back(std::move(candidate));
  }
  return state_->Best(std::move(chosen), max_results, /*one_a_passage=*/false);
}

}  // namespace footnote::generator
