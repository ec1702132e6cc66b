// Which words of a sentence are neither the passages' nor the question's, and whether the others
// say what the source says in its order: "the tenant pays the landlord" has the words of its
// reverse.
#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "generator/grounding/claims.h"
#include "generator/grounding/support_state.h"

namespace footnote::generator {
namespace {

using grounding::ContentWord;

bool SameWord(const ContentWord& a, const ContentWord& b) {
  if (a.number || b.number) return a.stem == b.stem;
  return grounding::StemLikeness(a.stem, b.stem) > 0;
}

// The length of the longest sequence of words that both have, others between them left out.
size_t LongestInBoth(const std::vector<ContentWord>& a, const std::vector<ContentWord>& b) {
  std::vector<size_t> row(b.size() + 1, 0);
  for (const ContentWord& word : a) {
    size_t diagonal = 0;
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t above = row[j + 1];
      row[j + 1] = SameWord(word, b[j]) ? diagonal + 1 : std::max(row[j + 1], row[j]);
      diagonal = above;
    }
  }
  return row.back();
}

WordOrder OrderOf(const std::vector<ContentWord>& said, const std::vector<ContentWord>& there) {
  WordOrder order;
  if (said.empty()) return order;
  const size_t in_order = LongestInBoth(said, there);
  const auto known = std::count_if(said.begin(), said.end(), [&](const ContentWord& word) {
    return std::any_of(there.begin(), there.end(),
                       [&](const ContentWord& other) { return SameWord(word, other); });
  });
  order.share = static_cast<double>(in_order) / static_cast<double>(said.size());
  order.misplaced = static_cast<int>(known) - static_cast<int>(in_order);
  return order;
}

}  // namespace

Wording SupportScorer::ReadWording(std::string_view sentence, std::string_view question,
                                   std::string_view source) const {
  std::vector<ContentWord> asked = grounding::Analyse(question).words;
  const auto find_in = [](std::vector<ContentWord>& words, const ContentWord& word) {
    return std::find_if(words.begin(), words.end(),
                        [&](const ContentWord& other) { return SameWord(other, word); });
  };
  std::set<std::string> added;
  std::set<std::string> foreign;
  std::vector<ContentWord> said;
  std::vector<ContentWord> unused = asked;
  const std::vector<ContentWord> words = grounding::Analyse(sentence).words;
  for (const ContentWord& word : words) {
    // What the question has, the sentence may give back as often; beyond that it says it anew.
    const auto given = find_in(unused, word);
    if (given == unused.end()) {
      said.push_back(word);
    } else {
      unused.erase(given);
    }
    if (find_in(asked, word) != asked.end()) continue;
    added.insert(word.stem);
    // Numbers are compared with their units: Score.
    if (!word.number && !state_->evidence().AnyHasFormOf(word)) foreign.insert(word.stem);
  }
  Wording wording;
  wording.added_words = static_cast<int>(added.size());
  wording.foreign_words = static_cast<int>(foreign.size());
  const std::vector<ContentWord> there = grounding::Analyse(source).words;
  wording.added = OrderOf(said, there);
  wording.whole = OrderOf(words, there);
  const size_t last = sentence.find_last_not_of(" \t\r\n*_");
  wording.leads_in = last != std::string_view::npos && sentence[last] == ':';
  return wording;
}

}  // namespace footnote::generator
