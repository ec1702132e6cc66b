#include "indexer/parsers/rtf_text.h"

#include <algorithm>
#include <array>
#include <utility>

#include "common/text/utf8.h"
#include "indexer/text/charset.h"
#include "indexer/text/cleaner.h"

namespace footnote::indexer {
namespace {

// A byte of the font Symbol; 0 for what has no text.
char32_t SymbolCharacter(unsigned char byte) {
  static constexpr std::u32string_view kUpper = U"ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖ";
  static constexpr std::u32string_view kLower = U"αβχδεφγηιϕκλμνοπθρστυϖωξψζ";
  static constexpr auto kOthers = std::to_array<std::pair<unsigned char, char32_t>>({{0xA3, U'≤'},
                                                                                     {0xA5, U'∞'},
                                                                                     {0xA7, U'•'},
                                                                                     {0xAE, U'→'},
                                                                                     {0xB0, U'°'},
                                                                                     {0xB1, U'±'},
                                                                                     {0xB2, U'″'},
                                                                                     {0xB3, U'≥'},
                                                                                     {0xB4, U'×'},
                                                                                     {0xB7, U'•'},
                                                                                     {0xB8, U'÷'},
                                                                                     {0xB9, U'≠'},
                                                                                     {0xBA, U'≡'},
                                                                                     {0xBB, U'≈'},
                                                                                     {0xD6, U'√'},
                                                                                     {0xE5, U'∑'},
                                                                                     {0xF2, U'∫'}});
  if (byte >= 'A' && byte <= 'Z') return kUpper[static_cast<size_t>(byte - 'A')];
  if (byte >= 'a' && byte <= 'z') return kLower[static_cast<size_t>(byte - 'a')];
  if (byte < 0x80) return byte;  // digits and punctuation
  for (const auto& [code, character] : kOthers) {
    if (code == byte) return character;
  }
  return 0;
}

}  // namespace

std::string CharsetOfCodePage(int32_t code_page) {
  switch (code_page) {
    case 932:
      return "windows-31j";
    case 936:
      return "gbk";
    case 949:
      return "windows-949";
    case 950:
      return "big5";
    case 10000:
      return "macintosh";
    case 65001:
      return "utf-8";
    default:
      break;
  }
  if (code_page == 874 || (code_page >= 1250 && code_page <= 1258)) {
    return "windows-" + std::to_string(code_page);
  }
  return code_page >= 400 && code_page < 1000 ? "ibm-" + std::to_string(code_page) : "";
}

std::string CharsetOfFont(int32_t font_charset) {
  static constexpr auto kCodePages = std::to_array<std::pair<int32_t, int32_t>>({{0, 1252},
                                                                                 {77, 10000},
                                                                                 {128, 932},
                                                                                 {129, 949},
                                                                                 {134, 936},
                                                                                 {136, 950},
                                                                                 {161, 1253},
                                                                                 {162, 1254},
                                                                                 {163, 1258},
                                                                                 {177, 1255},
                                                                                 {178, 1256},
                                                                                 {186, 1257},
                                                                                 {204, 1251},
                                                                                 {222, 874},
                                                                                 {238, 1250},
                                                                                 {254, 437},
                                                                                 {255, 850}});
  if (font_charset == 2) return std::string(kDingbatsCharset);
  for (const auto& [charset, code_page] : kCodePages) {
    if (charset == font_charset) return CharsetOfCodePage(code_page);
  }
  return "";
}

void RtfText::AddBytes(std::string_view bytes, std::string_view charset) {
  if (charset == kSymbolCharset || charset == kDingbatsCharset) {
    Flush();
    for (const char byte : bytes) {
      const char32_t character = SymbolCharacter(static_cast<unsigned char>(byte));
      if (character == U' ' || character == U'•' || (character != 0 && charset == kSymbolCharset)) {
        AppendUtf8(character, text_);
      }
    }
    return;
  }
  if (charset != charset_) {
    Flush();
    charset_ = charset;
  }
  bytes_ += bytes;
}

void RtfText::AddUnit(int32_t unit, std::string_view charset) {
  Flush();
  const auto character = static_cast<char32_t>(unit < 0 ? unit + 0x10000 : unit);
  const char32_t high = std::exchange(high_, 0);
  if (character >= 0xF000 && character <= 0xF0FF) {
    // The private area where Word keeps the bytes of symbol fonts.
    const auto byte = static_cast<char>(character & 0xFF);
    AddBytes(std::string_view(&byte, 1),
             charset == kSymbolCharset ? kSymbolCharset : kDingbatsCharset);
  } else if (character >= 0xD800 && character <= 0xDBFF) {
    high_ = character;
  } else if (character >= 0xDC00 && character <= 0xDFFF) {
    if (high != 0) AppendUtf8(0x10000 + ((high - 0xD800) << 10) + (character - 0xDC00), text_);
  } else {
    AppendUtf8(character, text_);
  }
}

void RtfText::Add(std::string_view utf8) {
  Flush();
  text_ += utf8;
}

void RtfText::Flush() {
  // All code pages of RTF hold ASCII, and most runs are nothing else.
  const bool ascii = std::all_of(bytes_.begin(), bytes_.end(), [](char c) { return c >= 0; });
  text_ += ascii ? bytes_ : DecodeToUtf8(bytes_, charset_);
  bytes_.clear();
}

std::string RtfText::Take() {
  Flush();
  high_ = 0;
  return CleanText(std::exchange(text_, ""));
}

}  // namespace footnote::indexer
