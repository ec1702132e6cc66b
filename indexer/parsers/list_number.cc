#include "indexer/parsers/list_number.h"

#include <array>

namespace footnote::indexer {
namespace {

std::string Roman(int number) {
  struct Digit {
    int value;
    std::string_view letters;
  };
  static constexpr auto kDigits = std::to_array<Digit>({{1000, "m"},
                                                        {900, "cm"},
                                                        {500, "d"},
                                                        {400, "cd"},
                                                        {100, "c"},
                                                        {90, "xc"},
                                                        {50, "l"},
                                                        {40, "xl"},
                                                        {10, "x"},
                                                        {9, "ix"},
                                                        {5, "v"},
                                                        {4, "iv"},
                                                        {1, "i"}});
  std::string roman;
  for (const Digit& digit : kDigits) {
    for (; number >= digit.value; number -= digit.value) roman += digit.letters;
  }
  return roman;
}

// 27 is "aa", 28 "bb": Word repeats the letter.
std::string Letters(int number) {
  constexpr int kAlphabet = 26;
  const auto copies = static_cast<size_t>((number - 1) / kAlphabet + 1);
  return std::string(copies, static_cast<char>('a' + (number - 1) % kAlphabet));
}

std::string Ordinal(int number) {
  const int tens = number / 10 % 10;
  const int ones = number % 10;
  const bool teen = tens == 1;
  return std::to_string(number) + (!teen && ones == 1   ? "st"
                                   : !teen && ones == 2 ? "nd"
                                   : !teen && ones == 3 ? "rd"
                                                        : "th");
}

constexpr auto kCardinals = std::to_array<std::string_view>(
    {"One",     "Two",     "Three",     "Four",     "Five",     "Six",      "Seven",
     "Eight",   "Nine",    "Ten",       "Eleven",   "Twelve",   "Thirteen", "Fourteen",
     "Fifteen", "Sixteen", "Seventeen", "Eighteen", "Nineteen", "Twenty"});
constexpr auto kOrdinals = std::to_array<std::string_view>(
    {"First",     "Second",      "Third",      "Fourth",     "Fifth",
     "Sixth",     "Seventh",     "Eighth",     "Ninth",      "Tenth",
     "Eleventh",  "Twelfth",     "Thirteenth", "Fourteenth", "Fifteenth",
     "Sixteenth", "Seventeenth", "Eighteenth", "Nineteenth", "Twentieth"});

std::string UpperCase(std::string text) {
  for (char& c : text) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return text;
}

}  // namespace

std::string FormatListNumber(int number, std::string_view format) {
  constexpr int kMostRoman = 3999;
  constexpr int kMostLetters = 780;  // "z" thirty times, as far as Word goes
  if (format == "none") return "";
  if (number < 1) return std::to_string(number);
  const bool letters = number <= kMostLetters;
  const bool roman = number <= kMostRoman;
  const bool words = number <= static_cast<int>(kCardinals.size());
  const auto word = static_cast<size_t>(number - 1);
  if (format == "lowerLetter" && letters) return Letters(number);
  if (format == "upperLetter" && letters) return UpperCase(Letters(number));
  if (format == "lowerRoman" && roman) return Roman(number);
  if (format == "upperRoman" && roman) return UpperCase(Roman(number));
  if (format == "ordinal") return Ordinal(number);
  if (format == "cardinalText" && words) return std::string(kCardinals[word]);
  if (format == "ordinalText" && words) return std::string(kOrdinals[word]);
  if (format == "decimalZero" && number < 10) return "0" + std::to_string(number);
  return std::to_string(number);
}

}  // namespace footnote::indexer
