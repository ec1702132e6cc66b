// What passages should hold as it stands: quoted phrases, and names and rare words when the query
// is nothing else. Finds the rows that do, by looking at their text.
#include <algorithm>
#include <cmath>
#include <optional>
#include <unordered_set>

#include "retriever/stages/stage.h"
#include "retriever/storage/codec.h"
#include "retriever/text/identifiers.h"

namespace footnote::retriever {
namespace {

// Texts that are read for one of the phrases or names; those with the best scores first.
constexpr size_t kMostTexts = 400;
// A name leads while at most one row in a hundred has it; a word that is asked alone, one in two
// hundred. In small corpora: so many rows.
constexpr double kNameShare = 0.01;
constexpr double kWordShare = 0.005;
constexpr size_t kFewRows = 20;
// Or the word stands, as it is written, in so few documents, however many have its stem.
constexpr size_t kFewDocuments = 5;

using Place = GenerationView::Place;

struct Wanted {
  std::string text;  // folded
  // A word as WrittenWords cuts them, which may also stand in title or headings; else a phrase in
  // the passage's own text.
  bool word = false;
  std::vector<std::string> terms;                    // that rows with it hold
  std::optional<std::vector<Place>> documents = {};  // when no others can hold it
};

bool IsAsciiAlnum(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// At the borders of words.
bool Holds(std::string_view text, std::string_view wanted) {
  for (size_t at = text.find(wanted); at != std::string_view::npos;
       at = text.find(wanted, at + 1)) {
    const size_t end = at + wanted.size();
    const bool begins = at == 0 || !IsAsciiAlnum(wanted.front()) || !IsAsciiAlnum(text[at - 1]);
    const bool ends =
        end == text.size() || !IsAsciiAlnum(wanted.back()) || !IsAsciiAlnum(text[end]);
    if (begins && ends) return true;
  }
  return false;
}

std::vector<std::string> QuotedPhrases(std::string_view query) {
  std::vector<std::string> phrases;
  for (const auto& [open, close] : {std::pair<std::string_view, std::string_view>{"\"", "\""},
                                    {"\xE2\x80\x9C", "\xE2\x80\x9D"}}) {
    for (size_t at = query.find(open); at != std::string_view::npos;) {
      const size_t start = at + open.size();
      const size_t end = query.find(close, start);
      if (end == std::string_view::npos) break;
      phrases.emplace_back(query.substr(start, end - start));
      at = query.find(open, end + close.size());
    }
  }
  return phrases;
}

class ExactSearch {
 public:
  explicit ExactSearch(Retrieval& retrieval)
      : retrieval_(retrieval),
        analyzer_(retrieval.corpus.analyzer()),
        source_(SourceOf(retrieval)),
        reader_(*retrieval.snapshot.postings) {}

  Status Run() {
    std::vector<Wanted> wanted;
    if (!retrieval_.leaves_out(kWithoutPhrases)) {
      for (const std::string& phrase : QuotedPhrases(retrieval_.question)) {
        Wanted one{analyzer_.Fold(phrase), /*word=*/false, {}};
        while (one.text.ends_with(' ')) one.text.pop_back();
        if (IsTitle(one.text)) continue;
        FOOTNOTE_ASSIGN_OR_RETURN(one.terms, TermsWithin(phrase));
        if (!one.terms.empty()) wanted.push_back(std::move(one));
      }
    }
    if (wanted.empty() && !retrieval_.leaves_out(kWithoutIdentifiers)) {
      FOOTNOTE_ASSIGN_OR_RETURN(wanted, Names());
    }
    retrieval_.exact_texts = wanted.size();
    for (const Wanted& one : wanted) FOOTNOTE_RETURN_IF_ERROR(Find(one));
    return AddRows();
  }

 private:
  // Whoever writes "…" around a visible document's title names it, and asks something else.
  bool IsTitle(const std::string& folded) const {
    for (size_t p = 0; p < source_.view.parts.size(); ++p) {
      const LoadedSegment& segment = *source_.view.parts[p].segment;
      for (uint32_t ordinal = 0; ordinal < segment.documents.size(); ++ordinal) {
        const std::string& title = segment.documents[ordinal].title;
        // Most need not be folded: that makes few texts more than twice as short or long.
        if (title.size() > 2 * folded.size() || folded.size() > 2 * title.size()) continue;
        if (IsAsciiAlnum(title.front()) && (title.front() | 0x20) != (folded.front() | 0x20)) {
          continue;
        }
        if (analyzer_.Fold(title) == folded && IsVisible(retrieval_, p, ordinal)) return true;
      }
    }
    return false;
  }

  // Of each word, the term that stands for all of it, if a row holds that; else its parts. Words
  // that no row holds leave nothing: there is no such passage.
  StatusOr<std::vector<std::string>> TermsWithin(std::string_view phrase) {
    std::vector<std::string> terms;
    for (const std::string_view token : WrittenWords(phrase)) {
      FOOTNOTE_ASSIGN_OR_RETURN(const Whole whole, WholeTerm(token));
      if (whole.rows > 0) {
        terms.push_back(whole.term);
        continue;
      }
      for (std::string& term : analyzer_.Terms(token)) {
        FOOTNOTE_ASSIGN_OR_RETURN(const size_t rows, CountRows(source_, reader_, term));
        if (rows > 0 && term.size() > 1) terms.push_back(std::move(term));
      }
    }
    return terms;
  }

  struct Whole {
    std::string term;
    size_t rows = 0;
  };

  // The longest is the one that the others are parts of.
  StatusOr<Whole> WholeTerm(std::string_view token) {
    Whole whole;
    for (std::string& term : analyzer_.Terms(token)) {
      if (term.size() > whole.term.size()) whole.term = std::move(term);
    }
    if (whole.term.empty()) return whole;
    FOOTNOTE_ASSIGN_OR_RETURN(whole.rows, CountRows(source_, reader_, whole.term));
    return whole;
  }

  // Says how much the names lead, and gives them when the query is nothing else.
  StatusOr<std::vector<Wanted>> Names() {
    const auto visible = static_cast<double>(retrieval_.visible->count);
    const auto few = [&](double share) {
      return std::max(kFewRows, static_cast<size_t>(share * visible));
    };
    std::vector<Wanted> names;
    double all = 0;
    double exact = 0;
    const std::vector<std::string_view> tokens = WrittenWords(retrieval_.question);
    for (const std::string_view token : tokens) {
      FOOTNOTE_ASSIGN_OR_RETURN(const Whole whole, WholeTerm(token));
      if (whole.term.empty()) continue;
      const auto rows = static_cast<double>(whole.rows);
      const double idf = std::log1p((visible - rows + 0.5) / (rows + 0.5));
      all += idf;
      const bool is_name = LooksLikeIdentifier(token) && whole.rows <= few(kNameShare);
      const bool is_rare = tokens.size() == 1 && whole.rows <= few(kWordShare);
      if (whole.rows == 0) continue;
      Wanted one{analyzer_.Fold(token), /*word=*/true, {whole.term}};
      if (!is_name && !is_rare) {
        if (tokens.size() > 1) continue;
        FOOTNOTE_ASSIGN_OR_RETURN(one.documents, FewDocumentsWith(one.text));
        if (!one.documents) continue;
      }
      exact += idf;
      names.push_back(std::move(one));
    }
    // Squared: a name among other words shifts the balance a little, names alone decide.
    const double share = all > 0 ? exact / all : 0;
    retrieval_.lexical_lead = share * share;
    if (share < 1) names.clear();
    return names;
  }

  // Visible documents with the word as it is written; nothing when there are none, or more than a
  // few.
  StatusOr<std::optional<std::vector<Place>>> FewDocumentsWith(const std::string& word) {
    std::vector<Place> places;
    const std::vector<std::string> plain = PlainWords(word);
    if (plain.size() != 1 || plain[0] != word) return std::optional<std::vector<Place>>();
    for (size_t p = 0; p < source_.view.parts.size(); ++p) {
      const LoadedSegment& segment = *source_.view.parts[p].segment;
      FOOTNOTE_ASSIGN_OR_RETURN(
          const std::vector<uint32_t> documents,
          ReadDocumentsWithWord(*retrieval_.snapshot.store, segment.record.id(), word));
      for (const uint32_t ordinal : documents) {
        if (ordinal >= segment.documents.size() || !IsVisible(retrieval_, p, ordinal)) continue;
        places.push_back({static_cast<uint32_t>(p), ordinal});
        if (places.size() > kFewDocuments) return std::optional<std::vector<Place>>();
      }
    }
    if (places.empty()) return std::optional<std::vector<Place>>();
    return std::optional(std::move(places));
  }

  // Rows that hold the text; the best kMostTexts of those that hold its terms are read.
  Status Find(const Wanted& wanted) {
    FOOTNOTE_ASSIGN_OR_RETURN(std::vector<size_t> rows,
                              RowsWithAll(source_, reader_, wanted.terms, *retrieval_.allowed));
    if (wanted.documents) {
      std::erase_if(rows, [&](size_t row) {
        const auto place = source_.view.Locate(row);
        const uint32_t ordinal = source_.view.parts[place.part].segment->DocumentOfRow(place.row);
        return std::none_of(
            wanted.documents->begin(), wanted.documents->end(),
            [&](const Place& one) { return one.part == place.part && one.ordinal == ordinal; });
      });
    }
    if (rows.size() > kMostTexts) {
      FOOTNOTE_ASSIGN_OR_RETURN(const std::vector<float> scores, retrieval_.bm25->ScoresOf(rows));
      std::vector<size_t> order(rows.size());
      for (size_t i = 0; i < order.size(); ++i) order[i] = i;
      std::partial_sort(order.begin(), order.begin() + kMostTexts, order.end(),
                        [&](size_t a, size_t b) {
                          return scores[a] != scores[b] ? scores[a] > scores[b]
                                                        : source_.view.Precedes(rows[a], rows[b]);
                        });
      std::vector<size_t> best;
      for (size_t i = 0; i < kMostTexts; ++i) best.push_back(rows[order[i]]);
      rows = std::move(best);
    }
    std::vector<size_t> holding;
    std::vector<size_t> whole;
    for (const size_t row : rows) {
      FOOTNOTE_RETURN_IF_ERROR(retrieval_.call.Check());
      const auto place = source_.view.Locate(row);
      const GenerationView::Part& part = source_.view.parts[place.part];
      FOOTNOTE_ASSIGN_OR_RETURN(const auto value,
                                retrieval_.snapshot.store->Get(
                                    Table::kChunks, RowKey(part.segment->record.id(), place.row)));
      if (!value) return AbortedError("the generation was dropped while it was searched");
      FOOTNOTE_ASSIGN_OR_RETURN(const auto chunk,
                                ParseRecord<records::ChunkRecord>(*value, "chunk"));
      std::string text = chunk.text();
      if (wanted.word) {
        for (const std::string& heading : chunk.heading_path()) text += "\n" + heading;
        text += "\n" + part.segment->documents[part.segment->DocumentOfRow(place.row)].title;
      }
      text = analyzer_.Fold(text);
      if (!Holds(text, wanted.text)) continue;
      holding.push_back(row);
      if (!wanted.word) continue;
      const std::vector<std::string_view> words = WrittenWords(text);
      if (std::find(words.begin(), words.end(), wanted.text) != words.end()) whole.push_back(row);
    }
    // The name itself, before longer ones that it is a part of.
    for (const size_t row : whole.empty() ? holding : whole) ++retrieval_.exact_rows[row];
    return OkStatus();
  }

  // Those that the lexical list was too short for.
  Status AddRows() {
    std::unordered_set<size_t> listed;
    for (const Candidate& candidate : retrieval_.lexical) listed.insert(candidate.row);
    std::vector<size_t> missing;
    for (const auto& [row, texts] : retrieval_.exact_rows) {
      if (!listed.contains(row)) missing.push_back(row);
    }
    std::sort(missing.begin(), missing.end());
    FOOTNOTE_ASSIGN_OR_RETURN(const std::vector<float> scores, retrieval_.bm25->ScoresOf(missing));
    for (size_t i = 0; i < missing.size(); ++i) {
      Candidate candidate;
      candidate.row = missing[i];
      candidate.lexical = scores[i];
      retrieval_.lexical.push_back(candidate);
    }
    std::sort(retrieval_.lexical.begin(), retrieval_.lexical.end(),
              [&](const Candidate& a, const Candidate& b) {
                return a.lexical != b.lexical ? a.lexical > b.lexical
                                              : source_.view.Precedes(a.row, b.row);
              });
    return OkStatus();
  }

  Retrieval& retrieval_;
  const Analyzer& analyzer_;
  const LexicalSource source_;
  PostingsCache::Reader reader_;
};

}  // namespace

Status RunExactStage(Retrieval& retrieval) {
  retrieval.lexical_lead = 0;
  retrieval.exact_texts = 0;
  retrieval.exact_rows.clear();
  if (!retrieval.bm25 || retrieval.visible->count == 0) return OkStatus();
  return ExactSearch(retrieval).Run();
}

}  // namespace footnote::retriever
