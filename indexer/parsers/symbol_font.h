// Characters of the fonts Symbol and Wingdings, which have no Unicode of their own: office files
// write them as codes 20 to FF (hex), or F020 to F0FF.
#pragma once

#include <string>
#include <string_view>

namespace footnote::indexer {

// Appends what the code looks like in that font ("Symbol" unless it says Wingdings); nothing when
// it is an ornament. Any other character is appended as it is.
void AppendSymbol(char32_t code, std::string_view font, std::string& out);

// `text` with the private-use characters of those fonts replaced.
std::string ReplaceSymbols(std::string_view text, std::string_view font);

}  // namespace footnote::indexer
