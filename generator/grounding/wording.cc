// Which words of a sentence are neither the passages' nor the question's.
#include <algorithm>
#include <set>
#include <string>

#include "generator/grounding/claims.h"
#include "generator/grounding/support_state.h"

namespace footnote::generator {

using grounding::ContentWord;

Wording SupportScorer::ReadWording(std::string_view sentence, std::string_view question) const {
  const grounding::Claims asked = grounding::Analyse(question);
  const auto is_asked = [&](const ContentWord& word) {
    return std::any_of(asked.words.begin(), asked.words.end(), [&](const ContentWord& other) {
      return other.stem == word.stem || grounding::StemLikeness(other.stem, word.stem) > 0;
    });
  };
  std::set<std::string> added;
  std::set<std::string> foreign;
  for (const ContentWord& word : grounding::Analyse(sentence).words) {
    if (is_asked(word)) continue;
    added.insert(word.stem);
    // Numbers are compared with their units: Score.
    if (!word.number && !state_->evidence().AnyHasFormOf(word)) foreign.insert(word.stem);
  }
  Wording wording;
  wording.added_words = static_cast<int>(added.size());
  wording.foreign_words = static_cast<int>(foreign.size());
  const size_t last = sentence.find_last_not_of(" \t\r\n*_");
  wording.leads_in = last != std::string_view::npos && sentence[last] == ':';
  return wording;
}

}  // namespace footnote::generator
