// The lexical level of roff, as man pages use it: arguments of a request, escapes, strings.
//
// Source: groff's manual, chapters "Escapes" and "Strings"; groff_char(7) for the names of
// characters.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace footnote::indexer {

// Strings that the page defined with ".ds NAME value".
using RoffStrings = std::map<std::string, std::string, std::less<>>;

// Splits at white space; "a b" is one argument, and "" inside quotation marks is one mark. Escapes
// are kept.
std::vector<std::string> SplitRoffArguments(std::string_view line);

// `text` without escapes: fonts and sizes go, named characters become UTF-8, strings are replaced.
std::string RenderRoffText(std::string_view text, const RoffStrings& strings);

}  // namespace footnote::indexer
