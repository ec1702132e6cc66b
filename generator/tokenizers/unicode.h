// What tokenizers ask about characters: classes, lower case, normal forms, graphemes.
//
// The answers are those of Hugging Face `tokenizers` (tools/unicode_tables.py). No ICU: the engine
// builds without it. Threads: any; the first call of a process builds the lookup table.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace footnote::generator {

// Bits of ClassOf.
enum CharacterClass : uint16_t {
  kLetterClass = 1 << 0,
  kNumberClass = 1 << 1,
  kDigitClass = 1 << 2,  // what a Digits pre-tokenizer isolates
  kSpaceClass = 1 << 3,
  kPunctuationClass = 1 << 4,  // BERT's: \p{P} and all of ASCII's symbols
  kMarkClass = 1 << 5,         // BERT's accents
  kUncleanClass = 1 << 6,
  kNewlineClass = 1 << 7,     // \r and \n
  kUpperClass = 1 << 8,       // \p{Lu} and \p{Lt}
  kLowerClass = 1 << 9,       // \p{Ll}
  kRegexMarkClass = 1 << 10,  // \p{M}
  kRegexPunctuationClass = 1 << 11,
  kRegexSymbolClass = 1 << 12,
  kWordClass = 1 << 13,    // \w
  kAccentClass = 1 << 14,  // what StripAccents removes
};

uint16_t ClassOf(char32_t character);

// Lower case of one character, without regard to its neighbours. U+0130 gives two.
void AppendLower(char32_t character, std::u32string& out);

// Normal forms (UAX #15).
std::u32string Nfd(std::u32string_view text);
std::u32string Nfc(std::u32string_view text);
std::u32string Nfkd(std::u32string_view text);
std::u32string Nfkc(std::u32string_view text);

// End of the extended grapheme cluster (UAX #29) that begins at `begin`. Exact for clusters of less
// than six bytes of UTF-8, the only ones that anyone asks about as a whole: conjoining jamo, flags
// and joined emoji are longer and come out one by one.
size_t GraphemeEnd(std::u32string_view text, size_t begin);

// Characters of `text`; ill-formed parts are U+FFFD.
std::u32string FromUtf8(std::string_view text);
std::string ToUtf8(std::u32string_view text);

}  // namespace footnote::generator
