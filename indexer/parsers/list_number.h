// Numbers of lists and notes in the forms that word processors have for them.
#pragma once

#include <string>
#include <string_view>

namespace footnote::indexer {

// 3 in Word's format of that name: "3" (decimal), "c" (lowerLetter), "III" (upperRoman), "3rd"
// (ordinal), "Third" (ordinalText). "none" is empty. Formats that are not known, and numbers that a
// format has no form for, are written as decimals.
std::string FormatListNumber(int number, std::string_view format);

}  // namespace footnote::indexer
