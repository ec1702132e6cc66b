// From the bytes of a text file to UTF-8. The only file that knows ICU's detector is charset.cc.
#pragma once

#include <string>
#include <string_view>

namespace footnote::indexer {

// False for bytes that hold zeros (other than UTF-16 with its mark) or over 5 % control characters.
// Looks at the first 64 KiB.
bool LooksLikeText(std::string_view bytes);

// UTF-8 as it is; UTF-16 by its byte order mark; else what ICU's detector is sure of, else
// Windows-1252. Never fails: what has no meaning becomes U+FFFD. The mark itself is dropped.
std::string DecodeToUtf8(std::string bytes);

// From the charset that a format names ("iso-8859-2", "windows-1251"), in any spelling. An unknown
// name, or UTF-8 or ASCII that it is not, is taken as if there were none: labels lie.
std::string DecodeToUtf8(std::string bytes, std::string_view charset);

}  // namespace footnote::indexer
