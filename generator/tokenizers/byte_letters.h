// The alphabet of byte-level BPE: every byte as a printable character, as GPT-2 introduced it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace footnote::generator {

// Bytes that `letters` stands for; nothing when it holds a character that stands for no byte.
std::optional<std::string> BytesOfLetters(std::string_view letters);

// Characters (UTF-8) that stand for the bytes.
std::string LettersOf(std::string_view bytes);

}  // namespace footnote::generator
