// UTF-8: validation, decoding, encoding. Never reads past the view it is given.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace footnote {

inline constexpr char32_t kReplacementCharacter = 0xFFFD;

// Offset of the first byte that is not valid UTF-8 (overlong forms, surrogates and values above
// U+10FFFF are not), or std::string_view::npos.
size_t FindInvalidUtf8(std::string_view text);
inline bool IsValidUtf8(std::string_view text) {
  return FindInvalidUtf8(text) == std::string_view::npos;
}

// Decodes the character at `offset` and moves `offset` behind it. An invalid byte gives U+FFFD and
// moves by one maximal ill-formed part (Unicode 15, chapter 3.9). Needs offset < text.size().
char32_t DecodeUtf8(std::string_view text, size_t& offset);

// Appends the UTF-8 form of `character`; a surrogate or a value above U+10FFFF becomes U+FFFD.
void AppendUtf8(char32_t character, std::string& out);

// `text` with each ill-formed part replaced by U+FFFD.
std::string ReplaceInvalidUtf8(std::string_view text);

// Largest offset <= `offset` that does not lie inside a character.
size_t Utf8Floor(std::string_view text, size_t offset);

}  // namespace footnote
