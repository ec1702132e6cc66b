// The tokens of RTF: groups, control words, characters.
//
// Source: Rich Text Format Specification 1.9.1, "RTF Syntax".
#pragma once

#include <cstdint>
#include <string_view>

namespace footnote::indexer {

struct RtfToken {
  enum class Kind {
    kGroupStart,
    kGroupEnd,
    kWord,    // a control word: \par, \b0
    kSymbol,  // a control symbol: \~ \*
    kByte,    // \'hh
    kText,    // characters that stand for themselves, in the file's code page
    kEnd,
  };
  Kind kind = Kind::kEnd;
  std::string_view text;  // a word without number; a symbol's character; text
  bool has_number = false;
  int32_t number = 0;  // of a word; the value of a byte
};

class RtfReader {
 public:
  // `bytes` outlives this.
  explicit RtfReader(std::string_view bytes) : bytes_(bytes) {}

  // Line ends and the bytes of \bin are skipped.
  RtfToken Next();

 private:
  RtfToken ReadControl();
  RtfToken ReadWord();

  std::string_view bytes_;
  size_t at_ = 0;
};

}  // namespace footnote::indexer
