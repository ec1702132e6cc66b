#include "generator/tokenizers/unicode.h"

#include <gtest/gtest.h>

namespace footnote::generator {
namespace {

std::u32string Lower(std::u32string_view text) {
  std::u32string out;
  for (const char32_t c : text) AppendLower(c, out);
  return out;
}

TEST(Unicode, ClassesTellLettersNumbersSpacesAndMarks) {
  for (const char32_t c : {U'a', U'Z', U'\u00E9', U'\u4E2D', U'\U0001D400', U'\u02B0'}) {
    EXPECT_EQ(ClassOf(c) & (kLetterClass | kNumberClass | kSpaceClass), kLetterClass);
  }
  for (const char32_t c : {U'7', U'\u00BD', U'\u0663', U'\u2167', U'\u00B2'}) {
    EXPECT_TRUE((ClassOf(c) & kNumberClass) != 0 && (ClassOf(c) & kDigitClass) != 0);
  }
  for (const char32_t c : {U' ', U'\t', U'\u0085', U'\u00A0', U'\u3000', U'\u2028'}) {
    EXPECT_NE(ClassOf(c) & kSpaceClass, 0);
  }
  EXPECT_EQ(ClassOf(U'\u200B') & kSpaceClass, 0) << "a zero-width space is none";
  EXPECT_NE(ClassOf(U'\u0301') & kMarkClass, 0);
  EXPECT_EQ(ClassOf(U'\u093E') & kMarkClass, 0) << "a vowel sign takes space: Mc, not Mn";
  EXPECT_NE(ClassOf(U'$') & kPunctuationClass, 0) << "BERT takes ASCII symbols for punctuation";
  EXPECT_EQ(ClassOf(U'\u20AC') & kPunctuationClass, 0);
  EXPECT_NE(ClassOf(U'\n') & kNewlineClass, 0);
  EXPECT_EQ(ClassOf(0x110000), 0);
}

TEST(Unicode, LowerCaseIsOfSingleCharacters) {
  EXPECT_EQ(Lower(U"\u00C9\u0100\u0394\u03A3"), U"\u00E9\u0101\u03B4\u03C3");
  EXPECT_EQ(Lower(U"\u0130"), U"i\u0307");
  EXPECT_EQ(Lower(U"\u00DF\u4E2D"), U"\u00DF\u4E2D");
}

TEST(Unicode, DecomposesAndComposesAsTheStandardSays) {
  EXPECT_EQ(Nfd(U"\u00E9\u1E69"), U"e\u0301s\u0323\u0307");
  EXPECT_EQ(Nfd(U"s\u0307\u0323"), U"s\u0323\u0307") << "marks are put in order";
  EXPECT_EQ(Nfc(U"s\u0307\u0323"), U"\u1E69");
  EXPECT_EQ(Nfd(U"\uD55C"), U"\u1112\u1161\u11AB");
  EXPECT_EQ(Nfc(U"\u1112\u1161\u11AB"), U"\uD55C");
  EXPECT_EQ(Nfc(U"\u212B"), U"\u00C5") << "a singleton";
  EXPECT_EQ(Nfc(U"\u0958"), U"\u0915\u093C") << "an exclusion";
  EXPECT_EQ(Nfc(U"a\u0315\u0300"), U"\u00E0\u0315") << "not blocked by a lower class";
  EXPECT_EQ(Nfc(U"a\u0301\u0300"), U"\u00E1\u0300");
  EXPECT_EQ(Nfc(U"\u0301"), U"\u0301");
}

}  // namespace
}  // namespace footnote::generator
