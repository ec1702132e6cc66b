// Words of the query that no visible document holds get the nearest words that one does, at a lower
// weight.
#include <algorithm>
#include <map>
#include <set>

#include "retriever/stages/stage.h"

namespace footnote::retriever {
namespace {

constexpr double kWeight = 0.7;
// Words of so many letters may be one or two edits off; shorter ones would be other words.
constexpr size_t kOneEdit = 4;
constexpr size_t kTwoEdits = 8;
constexpr size_t kMostWords = 4;        // of a query; more are another language
constexpr size_t kMostSuggestions = 2;  // for a word

struct Suggestion {
  std::string word;
  int distance = 0;
  size_t documents = 0;  // visible ones that hold it
};

StatusOr<std::vector<Suggestion>> Suggest(const Retrieval& retrieval, const std::string& word) {
  const GenerationView& view = *retrieval.snapshot.view;
  const int most = word.size() >= kTwoEdits ? 2 : 1;
  std::map<std::string, int, std::less<>> near;
  for (const GenerationView::Part& part : view.parts) {
    part.segment->words.ForEachNear(
        word, most, [&](std::string_view known, int distance) { near.emplace(known, distance); });
  }
  std::vector<Suggestion> suggestions;
  for (const int distance : {1, 2}) {
    for (const auto& [known, far] : near) {
      if (far != distance) continue;
      Suggestion one{known, far};
      for (size_t p = 0; p < view.parts.size(); ++p) {
        FOOTNOTE_ASSIGN_OR_RETURN(const std::vector<uint32_t> documents,
                                  ReadDocumentsWithWord(*retrieval.snapshot.store,
                                                        view.parts[p].segment->record.id(), known));
        for (const uint32_t ordinal : documents) {
          if (ordinal < view.parts[p].segment->documents.size() &&
              IsVisible(retrieval, p, ordinal)) {
            ++one.documents;
          }
        }
      }
      if (one.documents > 0) suggestions.push_back(std::move(one));
    }
    // Farther words only when nothing nearer is visible.
    if (!suggestions.empty()) break;
  }
  std::stable_sort(
      suggestions.begin(), suggestions.end(),
      [](const Suggestion& a, const Suggestion& b) { return a.documents > b.documents; });
  if (suggestions.size() > kMostSuggestions) suggestions.resize(kMostSuggestions);
  return suggestions;
}

}  // namespace

Status RunSpellingStage(Retrieval& retrieval) {
  if (!retrieval.uses_lexical() || retrieval.leaves_out(kWithoutSpelling)) return OkStatus();
  if (retrieval.visible->count == 0) return OkStatus();
  PostingsCache::Reader reader(*retrieval.snapshot.postings);
  const LexicalSource source = SourceOf(retrieval);
  std::set<std::string> unknown;
  for (const std::string& word : PlainWords(retrieval.question)) {
    if (unknown.size() == kMostWords) break;
    if (word.size() < kOneEdit) continue;
    const std::vector<std::string> terms = retrieval.corpus.analyzer().Terms(word);
    if (terms.size() != 1) continue;
    FOOTNOTE_ASSIGN_OR_RETURN(const size_t rows, CountRows(source, reader, terms[0]));
    if (rows == 0) unknown.insert(word);
  }
  for (const std::string& word : unknown) {
    FOOTNOTE_ASSIGN_OR_RETURN(const std::vector<Suggestion> suggestions, Suggest(retrieval, word));
    double weight = kWeight;
    for (const Suggestion& one : suggestions) {
      for (const std::string& term : retrieval.corpus.analyzer().Terms(one.word)) {
        AddQueryTerm(retrieval, term, weight);
      }
      weight /= 2;
    }
  }
  return OkStatus();
}

}  // namespace footnote::retriever
