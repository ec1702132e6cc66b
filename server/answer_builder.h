// Puts an answer together: text, sentences, footnotes in order of first use.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "common/types.h"
#include "generator/grounding.h"

namespace footnote::server {

class AnswerBuilder {
 public:
  // `passages` outlive the builder; supports index into them. `earlier`: what the conversation has
  // cited so far: the same place, or one that shares half its bytes, keeps its number, and new
  // numbers begin above.
  explicit AnswerBuilder(std::span<const Passage> passages, std::vector<Citation> earlier = {});

  // A word before the first sentence, which is none itself: "Yes.". Only before the first Add.
  void Open(std::string_view word);

  // Appends a sentence with the citations that `supports` name (best first; each becomes or reuses
  // a footnote). Returns the footnotes that are new. Supports must not be empty, but in the modes
  // that do not check.
  std::vector<Citation> Add(std::string text, SentenceOrigin origin,
                            std::span<const generator::Support> supports);
  // As Add, on a line of its own: an item of a list.
  std::vector<Citation> AddLine(std::string text, SentenceOrigin origin,
                                std::span<const generator::Support> supports);

  // Whether a sentence cites this passage's document within the passage, or, given a span, bytes
  // that overlap it.
  bool Cites(int passage) const;
  bool Cites(int passage, const ByteSpan& span) const;

  // Whether a sentence cites this passage's document anywhere.
  bool CitesDocument(int passage) const;

  // The footnote that quotes bytes of this passage's document overlapping `span`; 0: none.
  int NumberOf(int passage, const ByteSpan& span) const;

  const std::string& text() const { return text_; }
  const std::vector<AnswerSentence>& sentences() const { return sentences_; }
  const std::vector<Citation>& citations() const { return citations_; }
  double mean_support() const;

  // Moves what was built into `answer`: text, sentences, citations, grounding_score.
  void Finish(Answer& answer);

 private:
  std::vector<Citation> Append(char separator, std::string text, SentenceOrigin origin,
                               std::span<const generator::Support> supports);
  int NumberFor(const Passage& passage, const ByteSpan& span) const;

  std::span<const Passage> passages_;
  std::vector<Citation> earlier_;
  int next_number_ = 1;
  std::string text_;
  std::vector<AnswerSentence> sentences_;
  std::vector<Citation> citations_;
};

// `text` without citation marks such as "[1]" or "[2, 3]": they are assigned by support, never
// taken from the model.
std::string StripCitationMarks(std::string_view text);

}  // namespace footnote::server
