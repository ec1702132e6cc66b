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
  // `passages` outlive the builder; supports index into them.
  explicit AnswerBuilder(std::span<const Passage> passages) : passages_(passages) {}

  // Appends a sentence with the citations that `supports` name (best first; each becomes or reuses
  // a footnote). Returns the footnotes that are new. Supports must not be empty, but in the modes
  // that do not check.
  std::vector<Citation> Add(std::string text, SentenceOrigin origin,
                            std::span<const generator::Support> supports);

  // Whether a sentence cites this passage's document within the passage, or, given a span, bytes
  // that overlap it.
  bool Cites(int passage) const;
  bool Cites(int passage, const ByteSpan& span) const;

  const std::string& text() const { return text_; }
  const std::vector<AnswerSentence>& sentences() const { return sentences_; }
  double mean_support() const;

  // Moves what was built into `answer`: text, sentences, citations, grounding_score.
  void Finish(Answer& answer);

 private:
  std::span<const Passage> passages_;
  std::string text_;
  std::vector<AnswerSentence> sentences_;
  std::vector<Citation> citations_;
};

// `text` without citation marks such as "[1]" or "[2, 3]": they are assigned by support, never
// taken from the model.
std::string StripCitationMarks(std::string_view text);

}  // namespace footnote::server
