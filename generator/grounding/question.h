// What a question asks for, read from its surface: its content words, whether it wants a
// definition, a number, a date or a person.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "generator/grounding/claims.h"
#include "generator/grounding/evidence.h"

namespace footnote::generator::grounding {

enum class Wanted { kAnything, kDefinition, kNumber, kDate, kPerson };

struct Question {
  Claims claims;
  Wanted wanted = Wanted::kAnything;
  std::vector<std::string> defined;  // stems of what is to be defined: "What is X?"
};

Question ReadQuestion(std::string_view question);

// What speaks for quoting `span` beside words and meaning, as an addend of the logistic: it defines
// what is asked, or holds the kind of thing asked for; headings, questions and rows of signs lose.
double AnswerBonus(const Question& question, const EvidenceSpan& span,
                   const std::vector<Claims>& units, std::string_view title, bool first_in_passage);

}  // namespace footnote::generator::grounding
