// Abbreviations that visible documents explain: a query with "MI" also gets the words of
// "myocardial infarction", and the other way round, at a lower weight.
#include <algorithm>
#include <map>

#include "retriever/stages/stage.h"

namespace footnote::retriever {
namespace {

// Of what the query says itself. Divided among the meanings by how many documents have each.
constexpr double kWeight = 0.4;
// An abbreviation may stand for several things; beyond two it says nothing.
constexpr size_t kMostMeanings = 2;
constexpr size_t kLongestLongForm = 10;  // words

struct Meanings {
  std::map<std::string, size_t> documents;  // visible ones that have it, by what is added
};

void Collect(const Retrieval& retrieval, const std::string& key, bool from_abbreviation,
             std::string_view written, Meanings& meanings) {
  const GenerationView& view = *retrieval.snapshot.view;
  for (size_t p = 0; p < view.parts.size(); ++p) {
    const SegmentWords& words = view.parts[p].segment->words;
    for (const SegmentWords::Abbreviation* one :
         from_abbreviation ? words.ByAbbreviation(key) : words.ByLongForm(key)) {
      // "it" is not IT, nor "us" US.
      if (from_abbreviation && key.size() < 3 && one->pair.abbreviation != written) continue;
      const auto documents = static_cast<size_t>(
          std::count_if(one->documents.begin(), one->documents.end(),
                        [&](uint32_t ordinal) { return IsVisible(retrieval, p, ordinal); }));
      if (documents == 0) continue;
      meanings.documents[from_abbreviation ? LongFormKey(one->pair.long_form)
                                           : one->pair.abbreviation] += documents;
    }
  }
}

void AddMeanings(Retrieval& retrieval, const Meanings& meanings) {
  std::vector<std::pair<std::string, size_t>> best(meanings.documents.begin(),
                                                   meanings.documents.end());
  std::stable_sort(best.begin(), best.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  if (best.size() > kMostMeanings) best.resize(kMostMeanings);
  double total = 0;
  for (const auto& [text, documents] : best) total += static_cast<double>(documents);
  for (const auto& [text, documents] : best) {
    for (const std::string& term : retrieval.corpus.analyzer().Terms(text)) {
      AddQueryTerm(retrieval, term, kWeight * static_cast<double>(documents) / total);
    }
  }
}

}  // namespace

Status RunAbbreviationsStage(Retrieval& retrieval) {
  if (!retrieval.uses_lexical() || retrieval.leaves_out(kWithoutAbbreviations)) return OkStatus();
  const auto& parts = retrieval.snapshot.view->parts;
  if (std::none_of(parts.begin(), parts.end(),
                   [](const auto& part) { return part.segment->words.has_abbreviations(); })) {
    return OkStatus();
  }
  // As written, without the punctuation around them.
  std::vector<std::string> words;
  std::string_view rest = retrieval.request.query;
  constexpr std::string_view kAround = " \t\r\n.,;:!?()[]{}\"'";
  while (!rest.empty()) {
    const size_t start = rest.find_first_not_of(kAround);
    if (start == std::string_view::npos) break;
    const size_t end = std::min(rest.find_first_of(kAround, start), rest.size());
    words.emplace_back(rest.substr(start, end - start));
    rest.remove_prefix(end);
  }
  for (size_t first = 0; first < words.size(); ++first) {
    std::string text;
    for (size_t n = 0; n < kLongestLongForm && first + n < words.size(); ++n) {
      text += (n == 0 ? "" : " ") + words[first + n];
      if (n < 2) {
        Meanings long_forms;
        Collect(retrieval, AbbreviationKey(text), /*from_abbreviation=*/true, text, long_forms);
        AddMeanings(retrieval, long_forms);
      }
      if (n > 0) {
        Meanings names;
        Collect(retrieval, LongFormKey(text), /*from_abbreviation=*/false, text, names);
        AddMeanings(retrieval, names);
      }
    }
  }
  return OkStatus();
}

}  // namespace footnote::retriever
