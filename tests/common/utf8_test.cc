#include "common/text/utf8.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace footnote {
namespace {

std::vector<char32_t> Characters(std::string_view text) {
  std::vector<char32_t> characters;
  for (size_t offset = 0; offset < text.size();) characters.push_back(DecodeUtf8(text, offset));
  return characters;
}

TEST(Utf8, EveryCharacterSurvivesEncodingAndDecoding) {
  for (char32_t character = 0; character <= 0x10FFFF; ++character) {
    if (character >= 0xD800 && character <= 0xDFFF) continue;
    std::string text;
    AppendUtf8(character, text);
    size_t offset = 0;
    ASSERT_EQ(DecodeUtf8(text, offset), character);
    ASSERT_EQ(offset, text.size());
    ASSERT_TRUE(IsValidUtf8(text));
  }
}

TEST(Utf8, SurrogatesAndValuesBeyondUnicodeEncodeAsReplacement) {
  for (const char32_t character : {0xD800u, 0xDFFFu, 0x110000u, 0xFFFFFFFFu}) {
    std::string text;
    AppendUtf8(character, text);
    EXPECT_EQ(text, "\xEF\xBF\xBD");
  }
}

TEST(Utf8, IllFormedPartsAreReplacedAsUnicodeRecommends) {
  // Tables 3-8 to 3-11 of the Unicode Standard 15, chapter 3.9.
  const char32_t r = kReplacementCharacter;
  EXPECT_EQ(Characters("\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41"),
            (std::vector<char32_t>{r, r, r, r, r, r, r, r, 0x41}));
  EXPECT_EQ(Characters("\xED\xA0\x80\xED\xBF\xBF\xED\xAF\x41"),
            (std::vector<char32_t>{r, r, r, r, r, r, r, r, 0x41}));
  EXPECT_EQ(Characters("\xF4\x91\x92\x93\xFF\x41\x80\xBF\x42"),
            (std::vector<char32_t>{r, r, r, r, r, 0x41, r, r, 0x42}));
  EXPECT_EQ(Characters("\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41"),
            (std::vector<char32_t>{r, r, r, r, 0x41}));
}

TEST(Utf8, FindInvalidGivesTheOffsetOfTheFirstBadByte) {
  EXPECT_EQ(FindInvalidUtf8(""), std::string_view::npos);
  EXPECT_EQ(FindInvalidUtf8("plain ASCII that is longer than a word"), std::string_view::npos);
  EXPECT_EQ(FindInvalidUtf8("ascii and then \xFF"), 15u);
  EXPECT_EQ(FindInvalidUtf8("\xE2\x82"), 0u) << "cut inside a character";
  EXPECT_EQ(FindInvalidUtf8("é\xC3"), 2u);
  EXPECT_EQ(FindInvalidUtf8(std::string_view("a\0b", 3)), std::string_view::npos);
}

TEST(Utf8, ReadsNothingBehindTheView) {
  const std::string text = "\xF0\x9F\x98\x80";
  size_t offset = 0;
  EXPECT_EQ(DecodeUtf8(std::string_view(text).substr(0, 3), offset), kReplacementCharacter);
  EXPECT_EQ(offset, 3u);
}

TEST(Utf8, ReplaceInvalidKeepsValidTextAsItIs) {
  EXPECT_EQ(ReplaceInvalidUtf8("naïve 日本 😀"), "naïve 日本 😀");
  EXPECT_EQ(ReplaceInvalidUtf8("a\xE2\x82z\xFF"), "a\xEF\xBF\xBDz\xEF\xBF\xBD");
  EXPECT_EQ(ReplaceInvalidUtf8(""), "");
}

TEST(Utf8, FloorNeverLiesInsideACharacter) {
  const std::string text = "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80";  // 1, 2, 3 and 4 bytes
  const std::vector<size_t> expected = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10};
  for (size_t offset = 0; offset < expected.size(); ++offset) {
    EXPECT_EQ(Utf8Floor(text, offset), expected[offset]) << offset;
  }
  EXPECT_EQ(Utf8Floor(text, 99), text.size());
  EXPECT_EQ(Utf8Floor("\x80\x80\x80\x80\x80", 4), 4u) << "bytes of no character";
}

}  // namespace
}  // namespace footnote
