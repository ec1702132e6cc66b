// Sentence boundaries in prose, legal text and manuals.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/types.h"

namespace footnote {

// What a field of knowledge adds to the general rules. Words in lower case (ASCII).
struct SentenceRules {
  // Without their last full stop ("abs", "b.i.d"): they end a sentence only when the next word is
  // one that usually begins one ("The").
  std::set<std::string, std::less<>> abbreviations;
  // Words before a number that name a place ("artikel"): with it they do not make a sentence alone.
  std::set<std::string, std::less<>> place_words;
};

// Sentences of `text` in order, without the white space around them. They do not overlap and hold
// every character that is not white space. A boundary is terminal punctuation (with closing quotes
// and brackets) followed by white space and something that can begin a sentence, CJK terminal
// punctuation, or a blank line. Abbreviations ("e.g.", "No.", "Art.", "Dr."), initials, decimal and
// clause numbers ("7.3.2", "§ 4."), file names and ellipses do not end one. A list item begins a
// sentence.
std::vector<ByteSpan> SplitSentences(std::string_view text, const SentenceRules& rules = {});

}  // namespace footnote
