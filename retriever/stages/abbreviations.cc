// Abbreviations that visible documents explain: a query with "MI" also gets the words of
// "myocardial infarction", and the other way round, at a lower weight.
#include <algorithm>
#include <map>
#include <optional>

#include "retriever/stages/stage.h"

namespace footnote::retriever {
namespace {

// Of what the query says itself. Divided among the meanings by how many documents have each.
constexpr double kWeight = 0.4;
// An abbreviation may stand for several things; beyond two it says nothing.
constexpr size_t kMostMeanings = 2;
constexpr size_t kLongestLongForm = 10;  // words
// In more rows than this a word is common: one in a hundred; in small corpora so many.
constexpr double kCommonShare = 0.01;
constexpr double kFewRows = 20;

// Visible documents that have a meaning, and a text of it: the first by its bytes, however often
// each spelling occurs.
struct Meaning {
  size_t documents = 0;
  std::string text;
};
using Meanings = std::map<std::string, Meaning>;  // by what is the same in all spellings

size_t VisibleDocuments(const Retrieval& retrieval, size_t part,
                        const SegmentWords::Abbreviation& abbreviation) {
  const auto& ordinals = abbreviation.documents;
  return static_cast<size_t>(std::count_if(ordinals.begin(), ordinals.end(), [&](uint32_t ordinal) {
    return IsVisible(retrieval, part, ordinal);
  }));
}

void Add(const std::string& key, const std::string& text, size_t documents, Meanings& meanings) {
  if (documents == 0) return;
  Meaning& meaning = meanings[key];
  if (meaning.documents == 0 || text < meaning.text) meaning.text = text;
  meaning.documents += documents;
}

// "who" is not WHO: in other letters than the documents', an abbreviation must not be a common
// word.
StatusOr<bool> IsCommon(const Retrieval& retrieval, const std::string& written) {
  PostingsCache::Reader reader(*retrieval.snapshot.postings);
  const double few =
      std::max(kFewRows, kCommonShare * static_cast<double>(retrieval.visible->count));
  for (const std::string& term : retrieval.corpus.analyzer().Terms(written)) {
    FOOTNOTE_ASSIGN_OR_RETURN(const size_t rows, CountRows(SourceOf(retrieval), reader, term));
    if (static_cast<double>(rows) > few) return true;
  }
  return false;
}

StatusOr<Meanings> LongForms(const Retrieval& retrieval, const std::string& written) {
  Meanings meanings;
  const std::string key = AbbreviationKey(written);
  std::optional<bool> common;
  const auto& parts = retrieval.snapshot.view->parts;
  for (size_t p = 0; p < parts.size(); ++p) {
    for (const auto* one : parts[p].segment->words.ByAbbreviation(key)) {
      if (one->pair.abbreviation != written) {
        if (!common) {
          FOOTNOTE_ASSIGN_OR_RETURN(common, IsCommon(retrieval, written));
        }
        if (*common || written.size() < 3) continue;
      }
      Add(LongFormKey(one->pair.long_form), one->pair.long_form,
          VisibleDocuments(retrieval, p, *one), meanings);
    }
  }
  return meanings;
}

Meanings Abbreviations(const Retrieval& retrieval, const std::string& written) {
  Meanings meanings;
  const std::string key = LongFormKey(written);
  const auto& parts = retrieval.snapshot.view->parts;
  for (size_t p = 0; p < parts.size(); ++p) {
    for (const auto* one : parts[p].segment->words.ByLongForm(key)) {
      Add(one->pair.abbreviation, one->pair.abbreviation, VisibleDocuments(retrieval, p, *one),
          meanings);
    }
  }
  return meanings;
}

void AddMeanings(Retrieval& retrieval, const Meanings& meanings) {
  std::vector<Meaning> best;
  for (const auto& [key, meaning] : meanings) best.push_back(meaning);
  std::stable_sort(best.begin(), best.end(),
                   [](const Meaning& a, const Meaning& b) { return a.documents > b.documents; });
  if (best.size() > kMostMeanings) best.resize(kMostMeanings);
  double total = 0;
  for (const Meaning& meaning : best) total += static_cast<double>(meaning.documents);
  for (const Meaning& meaning : best) {
    const double weight = kWeight * static_cast<double>(meaning.documents) / total;
    for (const std::string& term : retrieval.corpus.analyzer().Terms(meaning.text)) {
      AddQueryTerm(retrieval, term, weight);
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
  std::string_view rest = retrieval.question;
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
        FOOTNOTE_ASSIGN_OR_RETURN(const Meanings long_forms, LongForms(retrieval, text));
        AddMeanings(retrieval, long_forms);
      }
      if (n > 0) AddMeanings(retrieval, Abbreviations(retrieval, text));
    }
  }
  return OkStatus();
}

}  // namespace footnote::retriever
