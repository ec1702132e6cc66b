// Tables of characters, sorted; unicode.h looks things up in them.
#pragma once

#include <cstdint>
#include <span>

namespace footnote::generator::unicode {

struct CharacterRange {
  char32_t first;
  char32_t last;  // inclusive
};

// Every step-th character of first…last has the lower-case form character + difference.
struct LowerRange {
  char32_t first;
  char32_t last;
  uint32_t step;
  int32_t difference;
};

// A canonical decomposition, one level deep; second is 0 when there is one character only.
struct Decomposition {
  char32_t character;
  char32_t first;
  char32_t second;
};

// What NFKD makes of a character where NFD makes something else: part of kCompatibilityPool.
struct Compatibility {
  char32_t character;
  uint32_t begin;
  uint32_t count;
};

struct CombiningRange {
  char32_t first;
  char32_t last;
  uint8_t combining_class;
};

extern const std::span<const CharacterRange> kLetters;      // \p{L}
extern const std::span<const CharacterRange> kNumbers;      // \p{N}
extern const std::span<const CharacterRange> kDigits;       // what a Digits pre-tokenizer isolates
extern const std::span<const CharacterRange> kSpaces;       // \s
extern const std::span<const CharacterRange> kPunctuation;  // what BERT isolates
extern const std::span<const CharacterRange> kMarks;        // what BERT strips as accents
extern const std::span<const CharacterRange> kUnclean;    // what BERT removes as control characters
extern const std::span<const CharacterRange> kUpper;      // \p{Lu}\p{Lt}
extern const std::span<const CharacterRange> kLowercase;  // \p{Ll}
extern const std::span<const CharacterRange> kRegexMarks;        // \p{M}
extern const std::span<const CharacterRange> kRegexPunctuation;  // \p{P}
extern const std::span<const CharacterRange> kRegexSymbols;      // \p{S}
extern const std::span<const CharacterRange> kWordCharacters;    // \w
extern const std::span<const CharacterRange> kAccents;           // what StripAccents removes
// How graphemes hold together (UAX #29): with the character before, with the one after, not at all.
extern const std::span<const CharacterRange> kGraphemeExtending;
extern const std::span<const CharacterRange> kGraphemePrepended;
extern const std::span<const CharacterRange> kGraphemeControls;
extern const std::span<const LowerRange> kLower;
extern const std::span<const Decomposition> kDecompositions;
extern const std::span<const Compatibility> kCompatibility;
extern const std::span<const char32_t> kCompatibilityPool;
extern const std::span<const char32_t> kNeverComposed;  // of kDecompositions, sorted
extern const std::span<const CombiningRange> kCombining;

}  // namespace footnote::generator::unicode
