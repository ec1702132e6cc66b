// RTF as Word, LibreOffice and WordPad write it, and hostile RTF.
#include <gtest/gtest.h>

#include "indexer/parsers/rtf_reader.h"
#include "tests/indexer/parse_text.h"
#include "tests/testing/status_matchers.h"

namespace footnote::indexer {
namespace {

using Strings = std::vector<std::string>;

// The text of a document with this body.
std::string Text(const std::string& body) {
  const ParsedDocument document =
      ParseOne("a.rtf", "{\\rtf1\\ansi\\ansicpg1252\\deff0 " + body + "}");
  ExpectBlocksCoverText(document.text, document.blocks);
  return document.text;
}

TEST(RtfParser, ReadsParagraphsAndCharacters) {
  EXPECT_EQ(
      Text("{\\fonttbl{\\f0\\fswiss Arial;}}{\\colortbl;\\red0;}\\pard\\plain\\f0 A {\\b bold\n}"
           "word\\'97\\ldblquote x\\rdblquote\\~y\\par\nIt\\rquote s\\tab here\\line below\\{"
           "\\}\\\\\\par last"),
      "A boldword—“x”\xC2\xA0y\n\nIt’s here\nbelow{}\\\n\nlast");
}

TEST(RtfParser, DecodesByCodePageFontAndUnicode) {
  EXPECT_EQ(
      Text("{\\fonttbl{\\f0\\fcharset0 Arial;}{\\f1\\fcharset204{\\*\\panose 02}Arial Cyr;}"
           "{\\f2\\fcharset128 MS;}{\\f3\\fcharset2 Symbol;}}\\'e9 {\\f1\\'e4\\'ee} \\'e4"
           "{\\f2 \\'8c_\\'96\\'f1} {\\f3 m}g \\u8364?\\u-10179?\\u-8704? {\\uc2\\u228\\'61\\'65"
           "x}\\u228 ay\\uc0\\u228z"),
      "é до ä契約 μg €😀 äxäyäz");
  EXPECT_EQ(ParseOne("a", "{\\rtf1\\mac caf\\'8e}").text, "café");
  EXPECT_EQ(ParseOne("a", "{\\rtf1\\ansicpg1250 \\'b3\\'f3d\\'9f}").text, "łódź");
}

TEST(RtfParser, HeadingsComeFromOutlineLevelsAndStyles) {
  const ParsedDocument document = ParseOne(
      "a.rtf",
      "{\\rtf1{\\stylesheet{\\ql Normal;}{\\s1\\sbasedon0 heading 1;}{\\s2\\outlinelevel1 "
      "\\'dcberschrift 2;}{\\*\\cs10 Default;}}{\\info{\\title The lease}{\\author Ann}"
      "{\\creatim\\yr2024}}\\pard\\s1 {\\listtext 1.\\tab}General\\par\\pard body\\par"
      "\\pard\\s2 Notice\\par\\pard\\outlinelevel2 Form\\par\\pard\\s1\\outlinelevel9 text\\par}");
  EXPECT_EQ(Headings(document), (Strings{"1 1. General", "2 Notice", "3 Form"}));
  EXPECT_EQ(document.text, "1. General\n\nbody\n\nNotice\n\nForm\n\ntext");
  EXPECT_EQ(document.title, "The lease");
  EXPECT_EQ(std::get<std::string>(document.metadata.at("author").at(0)), "Ann");
}

TEST(RtfParser, ListsKeepTheirMarks) {
  EXPECT_EQ(Text("\\pard{\\pntext\\f1\\'B7\\tab}{\\*\\pn\\pnlvlblt{\\pntxtb\\'B7}}one\\par"
                 "{\\listtext o\\tab}\\ilvl1 two\\par\\pard plain"),
            "- one\n  - two\n\nplain");
  const ParsedDocument document = ParseOne(
      "a.rtf",
      "{\\rtf1{\\listtext\\pard 7.3\\tab}The tenant pays.\\par{\\listtext (a)\\tab}rent\\par}");
  EXPECT_EQ(document.text, "7.3 The tenant pays.\n\n(a) rent");
  EXPECT_EQ(document.blocks.at(0).kind, BlockKind::kClause);
  EXPECT_EQ(document.blocks.at(1).kind, BlockKind::kClause);
}

TEST(RtfParser, ReadsTables) {
  const ParsedDocument document = ParseOne(
      "a.rtf",
      "{\\rtf1 Before\\par\\trowd\\cellx1\\cellx2\\pard\\intbl Part\\cell Weight\\cell\\row"
      "\\trowd\\pard\\intbl Lid\\par of steel\\cell 2 kg{\\footnote\\pard about}\\cell\\row"
      "\\pard\\par\\trowd\\intbl x\\cell y\\cell\\row\\pard After}");
  EXPECT_EQ(document.text,
            "Before\n\nPart | Weight\nLid of steel | 2 kg[1]\n\n[1] about\n\nx | y\n\nAfter");
  EXPECT_TRUE(document.blocks.at(1).first_row);
  EXPECT_FALSE(document.blocks.at(2).first_row);
  EXPECT_TRUE(document.blocks.at(4).first_row);
}

TEST(RtfParser, LeavesOutWhatIsNotShown) {
  EXPECT_EQ(Text("a{\\v hidden}{\\deleted gone}b\\v1 no\\v0 c\\deleted no\\plain d"
                 "{\\header top}{\\footer bottom}{\\*\\unknown x{y}z}{\\pict 0102}"
                 "{\\*\\bkmkstart m}{\\xe index}"),
            "abcd");
  EXPECT_EQ(Text("{\\field{\\*\\fldinst HYPERLINK \"http://x\"}{\\fldrslt a link}}"), "a link");
  EXPECT_EQ(Text("{\\object{\\*\\objdata 00}{\\result shown}}"), "shown");
}

TEST(RtfParser, NotesAndTextBoxesComeBelowTheParagraph) {
  EXPECT_EQ(Text("One{\\super\\chftn}{\\footnote\\pard{\\super\\chftn} First.\\par Still.} goes on."
                 "{\\shp{\\*\\shpinst{\\sp{\\sn x}{\\sv 1}}{\\shptxt A box\\par}}{\\shprslt "
                 "again}}\\par Two{\\footnote Second.}"),
            "One[1] goes on.\n\n[1] First.\nStill.\n\nA box\n\nTwo[2]\n\n[2] Second.");
}

TEST(RtfParser, BinaryDataIsSkippedWhatItSays) {
  EXPECT_EQ(Text(std::string("a{\\pict\\bin5 }\0{\\x}b", 20)), "ab");
  EXPECT_EQ(ParseOne("a.rtf", "{\\rtf1 a\\bin99999999 bcd").text, "a");
  EXPECT_EQ(ParseOne("a.rtf", "{\\rtf1 a\\bin-5 b").text, "ab");
}

TEST(RtfParser, DamagedFilesGiveWhatIsThere) {
  const std::string whole =
      "{\\rtf1{\\fonttbl{\\f0 A;}}{\\info{\\title T}}\\pard x\\u8364\\'80{\\footnote n}\\par"
      "\\trowd\\intbl c\\cell\\row{\\listtext 1.\\tab}y\\par}}}}z";
  for (size_t length = 5; length <= whole.size(); ++length) {
    const ParsedDocument document = ParseOne("a.rtf", whole.substr(0, length));
    ExpectBlocksCoverText(document.text, document.blocks);
  }
  std::string deep = "{\\rtf1";
  for (int i = 0; i < 200000; ++i) deep += "{\\footnote ";
  EXPECT_STATUS(ParseText("deep.rtf", deep).status, kInvalidArgument, "nested too deep");
}

TEST(RtfReader, NumbersOutOfRangeCountAsNone) {
  RtfReader reader("\\b99999999999 x\\u-5?\\par-");
  EXPECT_FALSE(reader.Next().has_number);
  EXPECT_EQ(reader.Next().text, "x");
  EXPECT_EQ(reader.Next().number, -5);
  EXPECT_EQ(reader.Next().text, "?");
  EXPECT_EQ(reader.Next().text, "par");
  EXPECT_EQ(reader.Next().text, "-");
  EXPECT_EQ(reader.Next().kind, RtfToken::Kind::kEnd);
}

}  // namespace
}  // namespace footnote::indexer
