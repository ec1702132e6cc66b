// CSV and its relatives: read as Python reads them, and told from prose.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/indexer/fixture.h"
#include "tests/indexer/parse_text.h"
#include "tests/testing/status_matchers.h"

namespace footnote::indexer {
namespace {

using Strings = std::vector<std::string>;

std::string Format(const ParsedDocument& document) {
  return std::get<std::string>(document.metadata.at("format").at(0));
}

TEST(DelimitedParser, ReadsWhatPythonReads) {
  const auto cases = nlohmann::json::parse(ReadFixture("tables.json"));
  ASSERT_EQ(cases.size(), 4u);
  for (const auto& expected : cases) {
    const std::string name = expected["file"];
    const ParsedDocument document = ParseOne(name, ReadFixture(name));
    ASSERT_EQ(document.blocks.size(), expected["rows"].size()) << name << ": " << document.text;
    for (size_t i = 0; i < document.blocks.size(); ++i) {
      Strings cells = expected["rows"][i].get<Strings>();
      while (cells.back().empty()) cells.pop_back();
      std::string row;
      for (const std::string& cell : cells) row += (row.empty() ? "" : " | ") + cell;
      EXPECT_EQ(TextOf(document, document.blocks[i]), row) << name;
      EXPECT_EQ(document.blocks[i].kind, BlockKind::kTableRow);
      EXPECT_EQ(document.blocks[i].first_row, i == 0);
    }
    ExpectBlocksCoverText(document.text, document.blocks);
    EXPECT_EQ(document.title, name.substr(0, name.size() - 4));
  }
}

TEST(DelimitedParser, TakesTheDelimiterThatExcelNames) {
  EXPECT_EQ(ParseOne("a.csv", "sep=;\na;b,c,d\n1;2,3,4\n").text, "a | b,c,d\n1 | 2,3,4");
  EXPECT_EQ(ParseOne("a.tsv", "a,b\tc\nd\te,f\n").text, "a,b | c\nd | e,f");
}

TEST(DelimitedParser, ReadsRaggedRowsAndOneColumn) {
  const ParsedDocument document =
      ParseOne("a.csv", "Report of 2024\n\na,b,c\n1,2,3\n4,5\n,,\n6,7,8,,,\n9,10,");
  EXPECT_EQ(document.text, "Report of 2024\na | b | c\n1 | 2 | 3\n4 | 5\n6 | 7 | 8\n9 | 10");
  EXPECT_EQ(ParseOne("b.csv", "name\nAnn\nBob\n").text, "name\nAnn\nBob");
  EXPECT_EQ(ParseOne("c.csv", "").text, "");
}

TEST(DelimitedParser, KnowsTablesByTheirContent) {
  std::string table = "id\tname\tweight\n";
  for (int i = 0; i < 9; ++i) table += std::to_string(i) + "\tlid\t2\n";
  EXPECT_EQ(Format(ParseOne("parts.txt", table)), "tsv");
  std::string prose;
  for (int i = 0; i < 9; ++i) prose += "First, we open it, then we wait.\n";
  EXPECT_EQ(Format(ParseOne("prose.txt", prose)), "text");
  EXPECT_EQ(Format(ParseOne("few.txt", "a,b,c\n1,2,3\n")), "text");
}

TEST(DelimitedParser, QuotationMarksThatStayOpenAreText) {
  EXPECT_EQ(ParseOne("a.csv", "a,b\n\"5\" pipe,\"x\n1,\"2\"\n").text, "a | b\n5 pipe | x 1,2\"");
  EXPECT_EQ(ParseOne("b.csv", "a,b\n\"c,d\ne,f\n").text, "a | b\n\"c | d\ne | f");
  std::string hostile;
  for (int i = 0; i < 300000; ++i) hostile += "\"a\"\"b,\n";
  EXPECT_OK(ParseText("hostile.csv", hostile).status);
}

}  // namespace
}  // namespace footnote::indexer
