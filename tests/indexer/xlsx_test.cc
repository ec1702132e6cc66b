// Workbooks: what cells show, where tables begin and end, large and hostile sheets.
#include <gtest/gtest.h>

#include "indexer/parsers/xlsx_format.h"
#include "indexer/parsers/xml_slices.h"
#include "tests/indexer/make_zip.h"
#include "tests/indexer/parse_text.h"
#include "tests/testing/status_matchers.h"

namespace footnote::indexer {
namespace {

using Strings = std::vector<std::string>;

std::string MakeXlsx(const std::string& rows, const std::string& strings = "",
                     const std::string& styles = "") {
  return MakeZip(
      {{"[Content_Types].xml", "<Types/>"},
       {"xl/workbook.xml",
        "<workbook><sheets><sheet name='One' sheetId='1' r:id='s'/></sheets></workbook>"},
       {"xl/_rels/workbook.xml.rels",
        "<Relationships><Relationship Id='s' Type='x/worksheet' Target='sheet.xml'/>"
        "<Relationship Id='t' Type='x/sharedStrings' Target='strings.xml'/>"
        "<Relationship Id='u' Type='x/styles' Target='styles.xml'/></Relationships>"},
       {"xl/strings.xml", "<sst>" + strings + "</sst>"},
       {"xl/styles.xml", "<styleSheet>" + styles + "</styleSheet>"},
       {"xl/sheet.xml", "<worksheet><sheetData>" + rows + "</sheetData></worksheet>"}});
}

std::string Text(const std::string& rows, const std::string& strings = "") {
  const ParsedDocument document = ParseOne("a.xlsx", MakeXlsx(rows, strings));
  ExpectBlocksCoverText(document.text, document.blocks);
  return document.text;
}

// A row of numbers: "A1" -> "<c r='A1'><v>…".
std::string Row(int number, const std::vector<std::pair<std::string, std::string>>& cells) {
  std::string row = "<row r='" + std::to_string(number) + "'>";
  for (const auto& [column, value] : cells) {
    row += "<c r='" + column + std::to_string(number) + "'><v>" + value + "</v></c>";
  }
  return row + "</row>";
}

TEST(XlsxParser, ReadsWhatOpenpyxlWrites) {
  const ParsedDocument document = ParseOne("prices.xlsx", DocumentFixture("prices.xlsx"));
  EXPECT_EQ(document.title, "Price list");
  EXPECT_EQ(Headings(document), (Strings{"1 Prices", "1 Notes"}));
  EXPECT_EQ(document.text,
            "Prices\n\n"
            "Item | Price | Share | Valid from | In stock\n"
            "Valve | 12.5 | 25.0% | 2024-03-01 | TRUE\n"
            "Pump | 1200 | 7.5% | 2024-03-01 13:30 | FALSE\n\n"
            "Total\n\n"
            "Time | 07:45\n\n"
            "Notes\n\nPrices without tax");
  ExpectBlocksCoverText(document.text, document.blocks);
}

TEST(XlsxParser, StringsAreSharedRichOrInline) {
  EXPECT_EQ(Text("<row r='1'><c r='A1' t='s'><v>1</v></c><c r='B1' t='s'><v>0</v></c>"
                 "<c r='C1' t='str'><f>A1</f><v>x</v></c><c r='D1' t='s'><v>99</v></c></row>",
                 "<si><t>two_x000D_\nlines</t></si>"
                 "<si><r><t>ri</t></r><r><t>ch</t></r><rPh><t>no</t></rPh></si>"),
            "One\n\nrich | two lines | x");
}

TEST(XlsxParser, CaptionsTablesAndGaps) {
  EXPECT_EQ(Text(Row(1, {{"B", "1"}}) + Row(2, {{"B", "10"}, {"C", "11"}}) + Row(3, {{"C", "12"}}) +
                 Row(5, {{"A", "2"}}) + Row(7, {{"A", "3"}, {"B", "4"}}) +
                 "<row r='8'><c r='A8' s='3'/></row>" + Row(9, {{"A", "5"}, {"D", "6"}})),
            "One\n\n1\n\n10 | 11\n| 12\n\n2\n\n3 | 4\n\n5 |  |  | 6");
}

TEST(XlsxParser, ATableBeginsAtItsFirstColumnNotItsCaptions) {
  EXPECT_EQ(Text(Row(1, {{"A", "1"}}) + Row(2, {{"C", "2"}, {"D", "3"}}) + Row(3, {{"D", "4"}})),
            "One\n\n1\n\n2 | 3\n| 4");
}

TEST(XlsxParser, ManyRowsComeInSlices) {
  std::string rows;
  for (int i = 1; i <= 100000; ++i) {
    rows += Row(i, {{"A", std::to_string(i)}, {"B", "0.5"}});
  }
  const ParsedDocument document = ParseOne("a.xlsx", MakeXlsx(rows));
  EXPECT_EQ(document.blocks.size(), 100001u);
  EXPECT_TRUE(document.text.ends_with("\n99999 | 0.5\n100000 | 0.5"));
}

TEST(XlsxParser, HostileCellsEnd) {
  // A long string in every cell, columns far away and in no order, numbers that are none.
  const std::string shared = "<si><t>" + std::string(1 << 20, 'x') + "</t></si>";
  std::string row = "<row>";
  for (int i = 0; i < 300; ++i) row += "<c t='s'><v>0</v></c>";
  EXPECT_STATUS(ParseText("a.xlsx", MakeXlsx(row + "</row>", shared)).status, kResourceExhausted,
                "more than 256 MB");
  std::string gap;  // no wider, however far away the cell
  for (int i = 0; i < 32; ++i) gap += " | ";
  EXPECT_EQ(Text("<row r='99999999999'><c r='ZZZZZZ1'><v>1e999</v></c><c r='A1' s='-7'><v>2</v>"
                 "</c><c r='XFD1'><v>nan</v></c></row>"),
            "One\n\n1e999 | 2" + gap + " | nan");
  EXPECT_STATUS(ParseText("a.xlsx", MakeXlsx("<row><c></row>")).status, kInvalidArgument,
                "sheet One: it is not well-formed");
  const std::string whole = DocumentFixture("prices.xlsx");
  for (size_t size = 5; size < whole.size(); size += 101) {
    (void)ParseText("a.xlsx", whole.substr(0, size));
  }
}

TEST(XlsxParser, SaysWhatIsWrong) {
  EXPECT_STATUS(ParseText("locked.xlsx", DocumentFixture("locked.xlsx")).status, kInvalidArgument,
                "protected by a password: save it without one");
}

std::string Format(const std::string& value, const std::string& code, bool from_1904 = false) {
  return FormatXlsxNumber(value, ParseXlsxFormat(code), from_1904);
}

TEST(XlsxFormat, NumbersAreShownAsExcelDoes) {
  EXPECT_EQ(Format("0.30000000000000004", "General"), "0.3");
  EXPECT_EQ(Format("1200", "General"), "1200");
  EXPECT_EQ(Format("12.5", "0.00"), "12.50");
  EXPECT_EQ(Format("-1234567.5", "#,##0.00"), "-1,234,567.50");
  EXPECT_EQ(Format("1234", "[$\xE2\x82\xAC-407] #,##0"), "\xE2\x82\xAC 1,234");
  EXPECT_EQ(Format("1234.5", "_-* #,##0.00\\ \"kg\"_-;-* 0"), "1,234.50 kg");
  EXPECT_EQ(Format("0.075", "0.0%"), "7.5%");
  EXPECT_EQ(Format("42", "00000"), "00042");
  EXPECT_EQ(Format("123456", "0.00E+00"), "123456");
  EXPECT_EQ(Format("text", "0.00"), "text");
  EXPECT_EQ(FormatXlsxNumber("1234", BuiltInXlsxFormat(3), false), "1,234");
}

TEST(XlsxFormat, DatesAreIso) {
  EXPECT_EQ(Format("45352", "dd/mm/yyyy"), "2024-03-01");
  EXPECT_EQ(Format("45352.5625", "m/d/yy h:mm"), "2024-03-01 13:30");
  EXPECT_EQ(Format("0.3229166666666667", "h:mm"), "07:45");
  EXPECT_EQ(Format("1.5", "[h]:mm:ss"), "36:00");
  EXPECT_EQ(Format("1", "yyyy-mm-dd"), "1900-01-01");
  EXPECT_EQ(Format("61", "yyyy-mm-dd"), "1900-03-01");
  EXPECT_EQ(Format("0", "yyyy-mm-dd", true), "1904-01-01");
  EXPECT_EQ(Format("-5", "yyyy-mm-dd"), "-5");
  EXPECT_EQ(Format("1e300", "yyyy-mm-dd"), "1e+300");
}

TEST(XmlSlices, FindElementsByLocalName) {
  std::string found;
  const auto take = [&](const XmlNode& node) {
    found += std::string(node.attribute("n")) + TextOf(node) + ";";
    return OkStatus();
  };
  ASSERT_OK(ForEachXmlElement("<a><rows><x:row n='1'>a</x:row> <row n='2'/><rowx/></rows></a>",
                              "row", take));
  EXPECT_EQ(found, "1a;2;");
  EXPECT_STATUS(ForEachXmlElement("<a><row n='1'>", "row", take), kInvalidArgument,
                "in the middle of an element");
  ASSERT_OK(ForEachXmlElement("no xml <", "row", take));
}

}  // namespace
}  // namespace footnote::indexer
