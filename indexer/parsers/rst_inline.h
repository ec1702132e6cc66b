// Inline markup of reStructuredText: "*a* ``b`` `c <url>`_" -> "a b c".
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace footnote::indexer {

// What "|name|" stands for.
using RstSubstitutions = std::map<std::string, std::string, std::less<>>;

// One line of text without marks; white space is collapsed.
std::string RenderRstInline(std::string_view text, const RstSubstitutions& substitutions);

}  // namespace footnote::indexer
