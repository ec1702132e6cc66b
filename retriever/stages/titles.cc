// Documents that the question names: "the agreement between A and B", "does ticketmaster.com …".
//
// A document whose whole title stands in the question, in whatever order, is lifted. Only the head
// of the list is looked at: what lies far behind is not what was meant, whatever it is called.
#include <algorithm>
#include <set>
#include <string>
#include <unordered_map>

#include "retriever/stages/stage.h"

namespace footnote::retriever {
namespace {

constexpr double kBonus = 0.1;
constexpr size_t kHead = 128;
// Letters at a word's front that stemming leaves alone.
constexpr size_t kFrontLetters = 3;

bool IsAsciiAlnum(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// False: the question cannot hold the title's first word, which is cheaper to tell than the terms
// of a title. `question` in small letters.
bool MayName(std::string_view question, std::string_view title) {
  size_t begin = 0;
  while (begin < title.size() && !IsAsciiAlnum(title[begin])) {
    if (static_cast<unsigned char>(title[begin]) >= 0x80) return true;
    ++begin;
  }
  std::string front;
  while (begin < title.size() && front.size() < kFrontLetters && IsAsciiAlnum(title[begin])) {
    const char c = title[begin++];
    front.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c);
  }
  // Accents may fold away.
  if (begin < title.size() && static_cast<unsigned char>(title[begin]) >= 0x80) return true;
  return question.find(front) != std::string_view::npos;
}

}  // namespace

Status RunTitlesStage(Retrieval& retrieval) {
  if (retrieval.request.fusion != FusionKind::kCalibratedSum ||
      retrieval.leaves_out(kWithoutTitles) || !retrieval.request.scope_document_id.empty()) {
    return OkStatus();
  }
  const GenerationView& view = *retrieval.snapshot.view;
  const Analyzer& analyzer = retrieval.corpus.analyzer();
  const std::vector<std::string> words = analyzer.Terms(retrieval.question);
  const std::set<std::string> asked(words.begin(), words.end());
  const std::string folded = analyzer.Fold(retrieval.question);
  const size_t count = std::min(kHead, retrieval.ranked.size());
  std::unordered_map<std::string_view, bool> named;  // by title
  bool any = false;
  for (size_t i = 0; i < count; ++i) {
    const auto place = view.Locate(retrieval.ranked[i].row);
    const LoadedSegment& segment = *view.parts[place.part].segment;
    const std::string& title = segment.documents[segment.DocumentOfRow(place.row)].title;
    const auto [known, is_new] = named.try_emplace(title, false);
    if (is_new && MayName(folded, title)) {
      const std::vector<std::string> terms = analyzer.Terms(title);
      known->second = !terms.empty() &&
                      std::all_of(terms.begin(), terms.end(),
                                  [&](const std::string& term) { return asked.contains(term); });
    }
    if (!known->second) continue;
    retrieval.ranked[i].score += kBonus;
    any = true;
  }
  if (!any) return OkStatus();
  // Between 0 and 1, as they were.
  for (Candidate& candidate : retrieval.ranked) candidate.score /= 1 + kBonus;
  retrieval.dense_weight /= 1 + kBonus;
  SortByScore(view, std::span(retrieval.ranked).first(count));
  return OkStatus();
}

}  // namespace footnote::retriever
