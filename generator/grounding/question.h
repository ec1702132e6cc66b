// What a question asks for, read from its surface: its content words, whether it wants a
// definition, a number, a date or a person.
#pragma once

#include <optional>
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

// A question about the document of this title, without the words that name it: nothing when the
// title, up to a colon, names something else. "open(2): open a file" is the subject of "What does
// open() return?", "GNU General Public License 3.0" that of "Does the GNU General Public License
// version 3 …?", but "GNU Lesser General Public License 3.0" is not. The rest is what is asked:
// every span of that document is about its subject.
std::optional<Claims> WithoutSubject(const Claims& question, std::string_view title);

// Headings, questions, rows of signs, and what ends with a colon: nothing to quote.
bool IsFragment(std::string_view text);

// What of an answer a span shows on its surface.
struct AnswerSigns {
  bool fragment = false;  // a heading, a question, a row of signs: nothing to quote
  bool number = false;
  bool date = false;
  bool name = false;
  bool entry = false;    // the first sentence, alone, of a glossary's or ontology's entry
  bool defines = false;  // it says what the word is, elsewhere
};
AnswerSigns ReadSigns(const Question& question, const EvidenceSpan& span,
                      const std::vector<Claims>& units, std::string_view title,
                      bool first_in_passage);

}  // namespace footnote::generator::grounding
