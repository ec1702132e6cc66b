// SentencePiece's `precompiled_charsmap`: replacements of short texts, in a double array.
//
// Layout, little-endian: bytes of the array (uint32), the array of uint32 units, then the
// replacements, each ended by a zero byte. Source: SentencePiece's normaliser and Darts-clone.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/status.h"

namespace footnote::generator {

class CharacterMap {
 public:
  // Errors: DATA_LOSS when the lengths do not fit.
  static StatusOr<CharacterMap> Parse(std::string_view bytes);

  // `text` normalised as Hugging Face `tokenizers` does it: by graphemes of less than six bytes as
  // a whole, of which the shortest entry that begins them replaces all; otherwise character by
  // character.
  std::string Normalize(std::string_view text) const;

 private:
  // Replacement for `part`, or nothing.
  std::optional<std::string_view> Find(std::string_view part) const;

  std::vector<uint32_t> units_;
  std::string replacements_;
};

}  // namespace footnote::generator
