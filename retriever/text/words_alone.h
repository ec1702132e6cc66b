// What a text says, by which two texts that differ in case, breaks and marks alone are the same.
#pragma once

#include <string>
#include <string_view>

namespace footnote::retriever {

// Letters and digits, capital ASCII letters made small; one space for what parts them. Empty when
// the text has none.
std::string WordsAlone(std::string_view text);

}  // namespace footnote::retriever
