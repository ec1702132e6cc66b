// Sentence boundaries in prose, legal text and manuals.
#pragma once

#include <string_view>
#include <vector>

#include "common/types.h"

namespace footnote {

// Sentences of `text` in order, without the white space around them. They do not overlap and hold
// every character that is not white space. A boundary is terminal punctuation (with closing quotes
// and brackets) followed by white space and something that can begin a sentence, CJK terminal
// punctuation, or a blank line. Abbreviations ("e.g.", "No.", "Art.", "Dr."), initials, decimal and
// clause numbers ("7.3.2", "§ 4."), file names and ellipses do not end one. A list item begins a
// sentence.
std::vector<ByteSpan> SplitSentences(std::string_view text);

}  // namespace footnote
