// Upper, lower and title case of single characters, as Python's str has them. Private to templates.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace footnote::generator::jinja {

// In UTF-8; a character may become several.
std::string LowerOf(char32_t character);
std::string UpperOf(char32_t character);
std::string TitleOf(char32_t character);
// Whether a character has another case, or is one of another's.
bool IsCased(char32_t character);

inline constexpr char32_t kCapitalSigma = 0x3A3;
inline constexpr std::string_view kFinalSigma = "\u03C2";
// Whether the capital sigma at bytes [begin, end) ends a word, so that its lower case is the final
// one.
bool IsFinalSigma(std::string_view text, size_t begin, size_t end);

// What letter_case_tables.cc holds: characters whose upper case is not their lower case's table
// read backwards, and those whose title case is not their upper case.
struct CaseRow {
  char32_t character;
  std::u32string_view mapped;
};
extern const std::span<const CaseRow> kUpperTable;
extern const std::span<const CaseRow> kTitleTable;

}  // namespace footnote::generator::jinja
