// Passages as evidence: spans that may be cited, with what each says, and the comparison of a
// sentence's claims with a span.
//
// The passages outlive it. Threads: const after construction.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/types.h"
#include "generator/grounding.h"
#include "generator/grounding/claims.h"

namespace footnote::generator::grounding {

inline constexpr size_t kMaxQuoteBytes = 400;

// One sentence (or a piece of a longer one), or two neighbours.
struct EvidenceSpan {
  int passage = 0;
  ByteSpan bytes;         // in the passage's text
  std::string_view text;  // of the passage
  int first = 0;          // units it covers: [first, first + count)
  int count = 1;
};

// Sentences of a text; one of more than kMaxQuoteBytes in pieces, cut behind a mark or a space.
std::vector<ByteSpan> UnitsOf(std::string_view text);

// How a sentence's claims fare against a span.
struct Comparison {
  double alignment = 0;  // share of the content words, by weight, found; 0 when there are none
  std::vector<SupportProblem> problems;  // what the span contradicts or does not say

  bool Has(SupportProblem::Kind kind) const;
  // A number or name that no passage has.
  bool SaidNowhere(SupportProblem::Kind kind) const;
  // The span says otherwise, or no passage says it.
  bool Contradicts() const;
  // Alignment of what is not at fault: how near the span is to what was meant.
  double context_alignment = 0;
};

class Evidence {
 public:
  explicit Evidence(std::span<const Passage> passages);

  // Single units of all passages in order, then the pairs.
  const std::vector<EvidenceSpan>& spans() const { return spans_; }
  const std::vector<Claims>& units() const { return units_; }
  // Of each passage: title, headings, clause.
  const std::vector<Claims>& titles() const { return titles_; }

  Comparison Compare(const Claims& claims, const EvidenceSpan& span) const;

  // Weighted share of `claims`' content words that the span (and, for less, its passage's title,
  // headings and other sentences) holds. With `for_question`, weak question words weigh little.
  double Align(const Claims& claims, const EvidenceSpan& span, bool for_question) const;

  // Share of a question's content words that the span itself holds: by weight, and all weighing the
  // same.
  double OwnAlignment(const Claims& question, const EvidenceSpan& span) const;
  double OwnShare(const Claims& question, const EvidenceSpan& span) const;

  // Share of a question's content words, by weight, that the title and headings of a passage hold.
  double HeadingShare(const Claims& question, int passage) const;

  // Whether a passage or its title has the word or a form of it.
  bool AnyHasFormOf(const ContentWord& word) const;

 private:
  // How often a stem stands plainly and in a negation's scope.
  struct Occurrence {
    int plain = 0;
    int negated = 0;
  };
  using StemTable = std::unordered_map<std::string, Occurrence>;

  double Weight(const ContentWord& word, bool for_question) const;
  // Credit 0…1 for the word of `claims` in the span; the matching entry goes to `occurrence` if not
  // null.
  double Credit(const Claims& claims, const ContentWord& word, const EvidenceSpan& span,
                Occurrence* occurrence) const;
  // The same of the span's own words alone.
  double OwnCredit(const Claims& claims, const ContentWord& word, const EvidenceSpan& span,
                   Occurrence* occurrence) const;
  bool SaysNumber(const Number& claim, const EvidenceSpan& span) const;
  bool AnySays(const Number& claim) const;
  bool AnyHas(const ContentWord& name) const;
  // No place that says the number has a word of those that stand beside it in `claims`.
  bool CountsOtherThings(const Claims& claims, const Number& number) const;
  bool SaysName(const ContentWord& name, const EvidenceSpan& span) const;
  bool DenialIsUnheard(const Claims& claims, const EvidenceSpan& span) const;
  // The bytes at fault, if any.
  std::optional<ByteSpan> NegationProblem(const Claims& claims, const EvidenceSpan& span) const;
  std::optional<ByteSpan> ModalityProblem(const Claims& claims, const EvidenceSpan& span,
                                          double alignment) const;

  std::vector<EvidenceSpan> spans_;
  std::vector<Claims> units_;           // of the single spans
  std::vector<StemTable> unit_stems_;   // [units]
  std::vector<StemTable> title_stems_;  // [passages]: title, headings, clause, all words
  std::vector<Claims> titles_;          // [passages]
  std::vector<StemTable> all_stems_;    // [passages]: every word of text and title, stop words too
  std::vector<std::string> squashed_;   // [passages]: letters and digits of text and title alone
  std::unordered_map<std::string, int> units_with_;  // how many units hold a stem
};

}  // namespace footnote::generator::grounding
