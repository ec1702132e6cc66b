// Characters of RTF as UTF-8: bytes in the code page of their font, UTF-16 units, symbol fonts.
//
// Source: Rich Text Format Specification 1.9.1, "Character Set", "Font Table", "Unicode RTF".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace footnote::indexer {

// Names for RtfText::AddBytes. Fonts of symbols have no code page: "symbol" is Adobe's, whose
// letters are Greek; "dingbats" are pictures, which have no text.
inline constexpr std::string_view kSymbolCharset = "symbol";
inline constexpr std::string_view kDingbatsCharset = "dingbats";

// "windows-1251" for 1251; empty for a number that is no code page.
std::string CharsetOfCodePage(int32_t code_page);

// Of \fcharsetN; empty when it means the document's own.
std::string CharsetOfFont(int32_t font_charset);

class RtfText {
 public:
  // A character may be cut between calls.
  void AddBytes(std::string_view bytes, std::string_view charset);
  // `unit` of UTF-16, as \uN gives it: negative ones are 65536 more.
  void AddUnit(int32_t unit, std::string_view charset);
  void Add(std::string_view utf8);

  // The text so far, clean; none is left.
  std::string Take();

 private:
  void Flush();

  std::string text_;
  std::string bytes_;  // not decoded yet, of `charset_`
  std::string charset_;
  char32_t high_ = 0;  // the first half of a surrogate pair
};

}  // namespace footnote::indexer
