#include <gtest/gtest.h>

#include <fstream>

#include "common/text/utf8.h"
#include "indexer/text/charset.h"
#include "indexer/text/cleaner.h"
#include "indexer/text/line_reader.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace footnote::indexer {
namespace {

TEST(CleanText, NormalisesLineEndsAndDropsControls) {
  EXPECT_EQ(CleanText("a\r\nb\rc\x01\x7F\td\xC2\xAD\xE2\x80\x8B\xEF\xBB\xBF\xC2\x85"
                      "e"),
            "a\nb\nc\tde");
}

TEST(CleanText, KeepsAtMostTwoBlankLines) {
  EXPECT_EQ(CleanText("a\n\n\n\n  \n\nb\n\nc"), "a\n\n\nb\n\nc");
}

TEST(CleanText, KeepsPagesIndentationAndOtherScripts) {
  EXPECT_EQ(CleanText("one\n\f\ntwo\n  three é 語"), "one\n\f\ntwo\n  three é 語");
}

TEST(DecodeToUtf8, LeavesUtf8AndDropsItsMark) {
  EXPECT_EQ(DecodeToUtf8("\xEF\xBB\xBFGrüße"), "Grüße");
}

TEST(DecodeToUtf8, ReadsUtf16ByItsMark) {
  EXPECT_EQ(DecodeToUtf8(std::string("\xFF\xFEh\0\xE9\0", 6)), "hé");
  EXPECT_EQ(DecodeToUtf8(std::string("\xFE\xFF\0h\0\xE9", 6)), "hé");
}

TEST(DecodeToUtf8, ReadsWindows1252) {
  EXPECT_EQ(DecodeToUtf8("The \x93price\x94 of a caf\xE9 is 5 \x80 as it was in the past."),
            "The “price” of a café is 5 € as it was in the past.");
}

TEST(DecodeToUtf8, GivesValidUtf8ForAnyBytes) {
  std::string bytes;
  for (int i = 1; i < 2000; ++i) bytes.push_back(static_cast<char>((i * 7919) >> 3));
  EXPECT_TRUE(IsValidUtf8(DecodeToUtf8(bytes)));
}

TEST(LooksLikeText, RefusesZerosAndControls) {
  EXPECT_TRUE(LooksLikeText("plain text\n"));
  EXPECT_TRUE(LooksLikeText(""));
  EXPECT_FALSE(LooksLikeText(std::string_view("a\0b", 3)));
  EXPECT_FALSE(LooksLikeText("\x01\x02\x03\x04text"));
}

TEST(LineReader, ReadsLinesAcrossPiecesAndSkipsThoseTooLong) {
  const testing::TempDir folder;
  const std::string long_line(3 << 20, 'x');
  std::ofstream(folder / "lines", std::ios::binary) << "one\r\n\n"
                                                    << long_line << "\n"
                                                    << long_line << long_line << "\nlast";
  ASSERT_OK_AND_ASSIGN(LineReader reader, LineReader::Open(folder / "lines", 4 << 20));
  std::string line;
  EXPECT_EQ(reader.Next(line), LineReader::Result::kLine);
  EXPECT_EQ(line, "one");
  EXPECT_EQ(reader.Next(line), LineReader::Result::kLine);
  EXPECT_EQ(line, "");
  EXPECT_EQ(reader.Next(line), LineReader::Result::kLine);
  EXPECT_EQ(line, long_line);
  EXPECT_EQ(reader.Next(line), LineReader::Result::kTooLong);
  EXPECT_EQ(reader.Next(line), LineReader::Result::kLine);
  EXPECT_EQ(line, "last");
  EXPECT_EQ(reader.line_number(), 5);
  EXPECT_EQ(reader.bytes_read(), std::filesystem::file_size(folder / "lines"));
  EXPECT_EQ(reader.Next(line), LineReader::Result::kEnd);
}

TEST(LineReader, NamesAFileThatIsNotThere) {
  EXPECT_STATUS(LineReader::Open("/nonexistent/x.jsonl", 100), kNotFound, "x.jsonl");
}

}  // namespace
}  // namespace footnote::indexer
