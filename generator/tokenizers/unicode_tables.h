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
extern const std::span<const CharacterRange> kUnclean;  // what BERT removes as control characters
extern const std::span<const LowerRange> kLower;
extern const std::span<const Decomposition> kDecompositions;
extern const std::span<const char32_t> kNeverComposed;  // of kDecompositions, sorted
extern const std::span<const CombiningRange> kCombining;

}  // namespace footnote::generator::unicode
