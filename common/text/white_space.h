// White space as people read it.
#pragma once

#include <string>
#include <string_view>

namespace footnote {

// One space for each run of spaces, tabs and line breaks, none at the ends.
std::string OnOneLine(std::string_view text);

}  // namespace footnote
