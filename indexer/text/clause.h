// Clause numbers of legal text: "7.3.2", "§ 4", "Article IV", "(b)", "(iii)".
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace footnote::indexer {

struct ClauseMark {
  // "7.3.2", "§ 4", "IV" for a clause of its own; "(b)" and "(iii)" for parts of one.
  std::string number;
  bool part = false;
  int depth = 1;      // of a number: "7" 1, "7.3" 2; of a part: 1
  size_t length = 0;  // bytes of the mark in the text, without white space behind it
};

// Words that make a number behind them a clause's, in lower case (ASCII): "section", "art.", "§".
using ClauseWords = std::vector<std::string>;
const ClauseWords& DefaultClauseWords();

// The mark at the start of `text` (no white space before it); nothing when there is none. A lone
// number needs a full stop, or one of `words` before it: "2019 was" is no clause. Words begin with
// a capital in the text.
std::optional<ClauseMark> ReadClauseMark(std::string_view text,
                                         const ClauseWords& words = DefaultClauseWords());

// Follows the marks of a document in order, and names the clause one is in: "7.3(b)(iii)".
class ClauseTracker {
 public:
  // Returns the full name after the mark.
  const std::string& Enter(const ClauseMark& mark);
  // A heading without a number, or another document's start: in no clause.
  void Leave();
  const std::string& current() const { return current_; }

 private:
  std::string number_;
  std::vector<std::string> parts_;  // outermost first
  std::string styles_;              // of the parts: how each is numbered
  std::string current_;
};

}  // namespace footnote::indexer
