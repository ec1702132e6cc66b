// How good an answer is, judged from outside: by the set's answers and evidence and by words, never
// by the service's own scores.
//
// The rule for hallucination is crude on purpose, and the same for every mode: a sentence is
// supported when three neighbouring sentences of one text hold kSupportedShare of its content words
// and that text holds all of its numbers. The texts are the evidence and the passages retrieved.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/types.h"

namespace footnote::server {

inline constexpr double kSupportedShare = 0.7;
// Least token F1 of an answer that counts as useful, as published evaluations of long answers have
// it.
inline constexpr double kUsefulF1 = 0.2;

// Lower-case words and numbers, in order; "a", "an" and "the" left out.
std::vector<std::string> AnswerTokens(std::string_view text);

// The harmonic mean of precision and recall of the words of two texts, as counted by SQuAD.
double TokenF1(std::string_view answer, std::string_view gold);

// Texts that a sentence may rest on, read once.
class SupportTexts {
 public:
  explicit SupportTexts(const std::vector<std::string_view>& texts);

  // False for a sentence that the texts do not hold; true as well for one without a content word.
  bool Support(std::string_view sentence) const;
  // Whether it says something that could be unsupported.
  static bool Claims(std::string_view sentence);

 private:
  struct Text {
    std::vector<std::map<std::string, int>> sentences;
    std::map<std::string, int> numbers;
  };
  std::vector<Text> texts_;
};

// What a question's set knows of it, in texts and bytes.
struct GoldAnswer {
  bool answerable = true;
  std::vector<std::string> answers;
  std::vector<std::string> evidence_texts;
  std::vector<std::string> documents;                     // texts of which all may be evidence
  std::map<std::string, std::vector<ByteSpan>> evidence;  // document -> bytes of its text
};

// Whether a quotation lies on the evidence.
struct OnEvidence {
  bool right = false;           // half of its bytes lie in evidence, or half of a piece in it
  std::vector<size_t> touched;  // pieces of its document that it has bytes of
};
OnEvidence JudgeQuotation(const std::string& document_id, const ByteSpan& span,
                          const GoldAnswer& gold);

struct AnswerScore {
  bool answerable = true;
  bool abstained = false;
  int sentences = 0;            // released, that claim something
  int unsupported = 0;          // of them
  int written = 0;              // of them, by the model: not quoted
  int written_unsupported = 0;  // of those
  double f1 = 0;                // best over answers and evidence texts; 0 when it abstained
  bool cites_evidence = false;  // a citation is right
  int citations = 0;
  int right_citations = 0;  // half of the quote lies in evidence, or half of a span in the quote
  int evidence_spans = 0;
  int cited_spans = 0;              // spans that a right citation touches
  bool evidence_retrieved = false;  // a passage holds a part of the evidence

  bool useful() const { return !abstained && (f1 >= kUsefulF1 || cites_evidence); }
  bool wrong() const { return !abstained && f1 < kUsefulF1 && !cites_evidence; }
};

AnswerScore ScoreAnswer(const Answer& answer, const GoldAnswer& gold);

}  // namespace footnote::server
