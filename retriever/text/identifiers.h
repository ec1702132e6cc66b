// Names that are more than one word to Unicode's rules: "6(1)(f)", "CVE-2024-1234", "libfoo.so.6",
// "--no-preserve-root", "10.1000/xyz".
#pragma once

#include <string_view>
#include <vector>

#include "common/types.h"

namespace footnote::retriever {

// Runs of ASCII letters and digits that are joined by one of - _ . / : @ + # ( ), without the
// punctuation around them; a leading - or -- of an option belongs to it. In order; words that are
// joined by nothing are not among them. At most 100 bytes each.
std::vector<ByteSpan> FindIdentifiers(std::string_view text);

// What stands between white space, without the punctuation around it; an option's hyphens stay.
std::vector<std::string_view> WrittenWords(std::string_view text);

// Whether a word is written as names are and prose is not: with a digit, a joint other than single
// hyphens between letters, or a capital behind a small letter; or all in capitals.
bool LooksLikeIdentifier(std::string_view word);

}  // namespace footnote::retriever
