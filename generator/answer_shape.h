// What form of answer a question asks for, read from its surface, and what of it a text settles.
//
// English; closed word lists; no model. What is not recognised is an ordinary question. Errors:
// none. Threads: any.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/types.h"

namespace footnote::generator {

enum class AnswerShape {
  kPlain,
  kYesNo,       // "May the tenant keep dogs?"
  kList,        // "What are the duties of …?", "Which conditions …?", "List …"
  kComparison,  // "What is the difference between A and B?"
};

struct ShapedQuestion {
  AnswerShape shape = AnswerShape::kPlain;
  std::vector<std::string> subjects;  // of a comparison: the two things, as they are written
};
ShapedQuestion ReadShape(std::string_view question);

// What `text` (a sentence, or two) makes of a yes/no question. Settled only where one sentence has
// every content word of the question in the question's order, says all of it or denies all of it,
// fits its "may" or "must", and holds no condition or exception that the question does not name.
// kNone for everything else, and for other questions.
Verdict VerdictOf(std::string_view question, std::string_view text);

// `sentence` without a leading "Yes," or "No." of its own; empty when nothing else is said. Only a
// verdict may begin an answer so.
std::string_view WithoutVerdict(std::string_view sentence);

// Whether text holds `subject`: nine tenths of its content words.
bool Mentions(std::string_view text, std::string_view subject);
// Whether it says something of it: a heading or a list of names only names it.
bool SaysMoreThan(std::string_view text, std::string_view subject);

}  // namespace footnote::generator
