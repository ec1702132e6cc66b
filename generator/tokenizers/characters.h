// A text as its characters and their classes, for pre-tokenizers that look around.
#pragma once

#include <string_view>
#include <vector>

#include "common/text/utf8.h"
#include "generator/tokenizers/unicode.h"

namespace footnote::generator {

class Characters {
 public:
  Characters() = default;
  explicit Characters(std::string_view text) { Read(text); }

  // Takes another text, in the memory of the last. `text` is valid UTF-8 and outlives its use.
  void Read(std::string_view text) {
    text_ = text;
    codes_.clear();
    classes_.clear();
    offsets_.clear();
    codes_.reserve(text.size() + 1);
    classes_.reserve(text.size() + 1);
    offsets_.reserve(text.size() + 1);
    for (size_t offset = 0; offset < text.size();) {
      offsets_.push_back(offset);
      codes_.push_back(DecodeUtf8(text, offset));
      classes_.push_back(ClassOf(codes_.back()));
    }
    // A sentinel behind the last, in no class.
    offsets_.push_back(text.size());
    codes_.push_back(0);
    classes_.push_back(0);
  }

  size_t count() const { return classes_.size() - 1; }
  size_t offset(size_t i) const { return offsets_[i]; }
  char32_t code(size_t i) const { return codes_[i]; }  // 0 behind the end
  uint16_t classes(size_t i) const { return classes_[i]; }
  bool Is(size_t i, unsigned mask) const { return (classes_[i] & mask) != 0; }
  std::string_view text(size_t begin, size_t end) const {
    return text_.substr(offsets_[begin], offsets_[end] - offsets_[begin]);
  }

  // End of the run, from i, of characters in one of the classes (or in none of them). The sentinel
  // ends a run of the first kind.
  size_t RunOf(size_t i, unsigned mask) const {
    while (Is(i, mask)) ++i;
    return i;
  }
  size_t RunOfOther(size_t i, unsigned mask) const {
    while (i < count() && !Is(i, mask)) ++i;
    return i;
  }

 private:
  std::string_view text_;
  std::vector<char32_t> codes_;
  std::vector<uint16_t> classes_;
  std::vector<size_t> offsets_;
};

}  // namespace footnote::generator
