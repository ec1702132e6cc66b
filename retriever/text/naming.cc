#include "retriever/text/naming.h"

#include <algorithm>
#include <set>
#include <vector>

namespace footnote::retriever {
namespace {

// Fewer say too little to be asked alone.
constexpr size_t kFewestTerms = 3;
// Words that a front which ends in a comma may have beside the title: "according to the".
constexpr size_t kMostOtherTerms = 6;

bool IsSpace(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

size_t SkipSpaces(std::string_view text, size_t at) {
  while (at < text.size() && IsSpace(text[at])) ++at;
  return at;
}

// Whether a sentence may begin there: not "Inc. and" or "No. 5".
bool BeginsSentence(std::string_view text, size_t at) {
  while (at < text.size() && (text[at] == '"' || text[at] == '\'' || text[at] == '(')) ++at;
  return at < text.size() &&
         ((text[at] >= 'A' && text[at] <= 'Z') || static_cast<unsigned char>(text[at]) >= 0x80);
}

// Where the question itself may begin, behind one of `marks`; before the first question mark.
std::vector<size_t> Beginnings(std::string_view question, std::string_view marks) {
  std::vector<size_t> beginnings;
  const size_t end = std::min(question.find('?'), question.size());
  for (size_t at = question.find_first_of(marks); at < end;
       at = question.find_first_of(marks, at + 1)) {
    const size_t next = SkipSpaces(question, at + 1);
    if (next == at + 1 || next >= end) continue;
    const bool ends_sentence = question[at] == '.' || question[at] == '!';
    if (!ends_sentence || BeginsSentence(question, next)) beginnings.push_back(next);
  }
  return beginnings;
}

}  // namespace

std::string_view WithoutNaming(std::string_view question, std::string_view title,
                               const Analyzer& analyzer) {
  const std::vector<std::string> title_terms = analyzer.Terms(title);
  const std::set<std::string> wanted(title_terms.begin(), title_terms.end());
  if (wanted.empty()) return question;
  for (const std::string_view marks : {".!:", ","}) {
    const std::vector<size_t> beginnings = Beginnings(question, marks);
    for (auto begin = beginnings.rbegin(); begin != beginnings.rend(); ++begin) {
      const std::vector<std::string> front = analyzer.Terms(question.substr(0, *begin));
      const std::set<std::string> named(front.begin(), front.end());
      const bool names_it = std::includes(named.begin(), named.end(), wanted.begin(), wanted.end());
      if (!names_it) break;  // nor does what is shorter
      if (marks == "," && named.size() > wanted.size() + kMostOtherTerms) continue;
      const std::string_view rest = question.substr(*begin);
      if (analyzer.Terms(rest).size() >= kFewestTerms) return rest;
    }
  }
  return question;
}

}  // namespace footnote::retriever
