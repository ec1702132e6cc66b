// Characters that a bracket expression of a regular expression stands for.
#pragma once

#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "generator/tokenizers/characters.h"

namespace footnote::generator {

class CharacterSet {
 public:
  // Reads `[...]`, `\p{L}`, `\s` or a plain character at `at` and moves behind it. Nothing when it
  // is something else, or a range runs backwards.
  static std::optional<CharacterSet> Parse(std::string_view expression, size_t& at);

  bool Holds(const Characters& characters, size_t i) const {
    return i < characters.count() &&
           HoldsInside(characters.code(i), characters.classes(i)) != negated_;
  }

 private:
  bool HoldsInside(char32_t code, uint16_t classes) const {
    if ((classes & classes_) != 0) return true;
    for (const auto& [first, last] : ranges_) {
      if (code >= first && code <= last) return true;
    }
    return false;
  }
  bool ParseItem(std::string_view expression, size_t& at);

  std::vector<std::pair<char32_t, char32_t>> ranges_;
  uint16_t classes_ = 0;
  bool negated_ = false;
};

}  // namespace footnote::generator
