// Normalises the text of files before it is parsed. Never used for JSON lines, whose text is stored
// byte for byte as given.
#pragma once

#include <string>
#include <string_view>

namespace footnote::indexer {

// Line ends become "\n"; control characters are dropped, but line feed, tab and form feed (a page's
// end) stay; soft hyphens, zero-width spaces and byte order marks are dropped; more than two blank
// lines become two. `text` is valid UTF-8.
std::string CleanText(std::string_view text);

// Runs of white space become one space; none at the ends.
std::string CollapseSpace(std::string_view text);

// For text out of XML: ill-formed UTF-8 is replaced, then CleanText; in each line runs of white
// space become one space, and lines without text go.
std::string CleanLines(std::string_view text);

std::string_view TrimSpace(std::string_view text);

}  // namespace footnote::indexer
