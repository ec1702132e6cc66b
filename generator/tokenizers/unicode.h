// What tokenizers ask about characters: classes, lower case, canonical composition.
//
// The answers are those of Hugging Face `tokenizers` (tools/unicode_tables.py). No ICU: the engine
// builds without it. Threads: any; the first call of a process builds the lookup table.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace footnote::generator {

// Bits of ClassOf.
enum CharacterClass : uint8_t {
  kLetterClass = 1,
  kNumberClass = 2,
  kDigitClass = 4,
  kSpaceClass = 8,
  kPunctuationClass = 16,
  kMarkClass = 32,
  kUncleanClass = 64,
  kNewlineClass = 128,  // \r and \n
};

uint8_t ClassOf(char32_t character);

// Lower case of one character, without regard to its neighbours. U+0130 gives two.
void AppendLower(char32_t character, std::u32string& out);

// Canonical decomposition and composition (UAX #15).
std::u32string Nfd(std::u32string_view text);
std::u32string Nfc(std::u32string_view text);

// Characters of `text`; ill-formed parts are U+FFFD.
std::u32string FromUtf8(std::string_view text);
std::string ToUtf8(std::u32string_view text);

}  // namespace footnote::generator
