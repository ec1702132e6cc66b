// OpenDocument texts, spreadsheets and presentations.
#include <gtest/gtest.h>

#include "tests/indexer/make_zip.h"
#include "tests/indexer/parse_text.h"
#include "tests/testing/status_matchers.h"

namespace footnote::indexer {
namespace {

using Strings = std::vector<std::string>;

std::string MakeOdf(const std::string& kind, const std::string& body,
                    const std::string& styles = "", const std::string& shared_styles = "") {
  return MakeZip({{"mimetype", "application/vnd.oasis.opendocument." + kind},
                  {"styles.xml", "<d><office:styles>" + shared_styles + "</office:styles></d>"},
                  {"content.xml", "<d><office:automatic-styles>" + styles +
                                      "</office:automatic-styles><office:body><office:" + kind +
                                      ">" + body + "</office:" + kind + "></office:body></d>"}});
}

ParsedDocument Parse(const std::string& kind, const std::string& body,
                     const std::string& styles = "", const std::string& shared_styles = "") {
  ParsedDocument document = ParseOne("file", MakeOdf(kind, body, styles, shared_styles));
  ExpectBlocksCoverText(document.text, document.blocks);
  return document;
}

TEST(OpenDocument, ReadsTextsThatOdfpyWrites) {
  const ParsedDocument document = ParseOne("manual.odt", DocumentFixture("manual.odt"));
  EXPECT_EQ(document.title, "Pump manual");
  EXPECT_EQ(std::get<std::string>(document.metadata.at("format").at(0)), "odt");
  EXPECT_EQ(std::get<std::string>(document.metadata.at("author").at(0)), "Ada Example");
  EXPECT_EQ(Headings(document), (Strings{"1 Pumps", "2 Kinds"}));
  EXPECT_EQ(document.text,
            "Pumps\n\nA pump moves water[1].\n\nKinds\n\n- rotary\n  - gear\n\n"
            "Part | Weight\nLid | 2 kg\n\n[1] Or another liquid.");
  ExpectBlocksCoverText(document.text, document.blocks);
}

TEST(OpenDocument, ReadsSpreadsheetsThatOdfpyWrites) {
  EXPECT_EQ(ParseOne("prices.ods", DocumentFixture("prices.ods")).text,
            "Prices\n\nItem | Price\nValve | 12.50\nPump | 1200\nPump | 1200");
}

TEST(OpenDocument, ReadsPresentationsThatOdfpyWrites) {
  const ParsedDocument document = ParseOne("pumps.odp", DocumentFixture("pumps.odp"));
  EXPECT_EQ(document.text, "Pumps\n\nThey move water\n\nSlide 2\n\nValves stop it");
  ASSERT_EQ(document.page_starts.size(), 2u);
  EXPECT_EQ(document.text.substr(document.page_starts[1], 7), "Slide 2");
}

TEST(OpenDocument, NumbersOfHeadingsAndListsAreCounted) {
  const std::string outline =
      "<text:outline-style><text:outline-level-style text:level='1' style:num-format='1' "
      "style:num-suffix='.'/><text:outline-level-style text:level='2' style:num-format='1' "
      "text:display-levels='2'/></text:outline-style>";
  const std::string list =
      "<text:list-style style:name='L'><text:list-level-style-number text:level='1' "
      "style:num-format='a' style:num-prefix='(' style:num-suffix=')'/>"
      "<text:list-level-style-bullet text:level='2'/></text:list-style>";
  const auto item = [](const std::string& text) {
    return "<text:list-item><text:p>" + text + "</text:p></text:list-item>";
  };
  const auto heading = [](int level, const std::string& text) {
    return "<text:h text:outline-level='" + std::to_string(level) + "'>" + text + "</text:h>";
  };
  const ParsedDocument document =
      Parse("text",
            heading(1, "Scope") + heading(2, "Area") + "<text:list text:style-name='L'>" +
                item("x") + "<text:list-item><text:p>y</text:p><text:list>" + item("deep") +
                "</text:list></text:list-item></text:list><text:p>between</text:p>"
                "<text:list text:style-name='L' text:continue-numbering='true'>" +
                item("z") + "</text:list><text:list text:style-name='L'>" + item("new") +
                "</text:list>" + heading(1, "Fees") + heading(2, "Late"),
            list, outline);
  EXPECT_EQ(document.text,
            "1. Scope\n\n1.1 Area\n\n(a) x\n\n(b) y\n\n  - deep\n\nbetween\n\n(c) z\n\n(a) new\n\n"
            "2. Fees\n\n2.1 Late");
}

TEST(OpenDocument, WhatIsNotShownIsNotRead) {
  EXPECT_EQ(Parse("text",
                  "<text:tracked-changes><text:changed-region><text:deletion><text:p>deleted"
                  "</text:p></text:deletion></text:changed-region></text:tracked-changes>"
                  "<text:p>a<office:annotation><text:p>comment</text:p></office:annotation>"
                  "<text:span text:style-name='H'>hidden</text:span>\n   b<text:line-break/>"
                  "c<text:tab/>d</text:p><text:section text:display='none'><text:p>no</text:p>"
                  "</text:section><text:p text:style-name='H'>no</text:p>",
                  "<style:style style:name='H'><style:text-properties text:display='none'/>"
                  "</style:style>")
                .text,
            "a b\nc d");
}

TEST(OpenDocument, FramesTitlesAndContents) {
  const ParsedDocument document =
      Parse("text",
            "<text:p text:style-name='P1'>The title</text:p>"
            "<text:table-of-content><text:table-of-content-source><text:p>no</text:p>"
            "</text:table-of-content-source><text:index-body><text:p>1. Scope<text:tab/>3</text:p>"
            "</text:index-body></text:table-of-content>"
            "<text:p>in<draw:frame><svg:title>no</svg:title><draw:text-box><text:p>box</text:p>"
            "</draw:text-box></draw:frame>line</text:p>",
            "<style:style style:name='P1' style:parent-style-name='Title'/>");
  EXPECT_EQ(document.text, "The title\n\n1. Scope 3\n\ninline\n\nbox");
  EXPECT_EQ(Headings(document), Strings{"1 The title"});
}

TEST(OpenDocument, SheetsHideRepeatAndKnowDates) {
  const auto cell = [](const std::string& text, const std::string& attributes = "") {
    return "<table:table-cell " + attributes + "><text:p>" + text + "</text:p></table:table-cell>";
  };
  const std::string row = "<table:table-row>";
  EXPECT_EQ(Parse("spreadsheet",
                  "<table:table table:name='No' table:style-name='H'>" + row + cell("x") +
                      "</table:table-row></table:table><table:table table:name='Yes'>"
                      "<table:table-header-rows>" +
                      row + cell("a", "table:number-columns-repeated='2'") +
                      "</table:table-row></table:table-header-rows>" + row +
                      cell("1. M\xC3\xA4rz",
                           "office:value-type='date' office:date-value='2024-03-01T10:00:00'") +
                      cell("2") + "</table:table-row></table:table>",
                  "<style:style style:name='H'><style:table-properties table:display='false'/>"
                  "</style:style>")
                .text,
            "Yes\n\na | a\n2024-03-01 10:00:00 | 2");
}

TEST(OpenDocument, RepeatCountsAreCapped) {
  const std::string body =
      "<table:table table:name='T'><table:table-row table:number-rows-repeated='2000000000'>"
      "<table:table-cell table:number-columns-repeated='2000000000'><text:p>x</text:p>"
      "</table:table-cell></table:table-row></table:table>";
  EXPECT_LT(Parse("spreadsheet", body).text.size(), 200000u);
  EXPECT_LT(Parse("text", body + "<text:p>a<text:s text:c='2000000000'/>b</text:p>").text.size(),
            200000u);
}

TEST(OpenDocument, SaysWhatIsWrongAndSurvivesTheRest) {
  EXPECT_STATUS(
      ParseText("a.odt",
                MakeZip({{"mimetype", "application/vnd.oasis.opendocument.text"},
                         {"META-INF/manifest.xml", "<m><f><manifest:encryption-data/></f></m>"},
                         {"content.xml", "\x01\x02"}}))
          .status,
      kInvalidArgument, "protected by a password");
  EXPECT_STATUS(ParseText("a.odt", MakeZip({{"x", "y"}})).status, kInvalidArgument,
                "no part content.xml");
  EXPECT_STATUS(ParseText("a.odt", MakeZip({{"content.xml", "<a/>"}})).status, kInvalidArgument,
                "not an OpenDocument");
  std::string deep;
  for (int i = 0; i < 240; ++i) deep += "<text:list><text:list-item>";
  deep += "<text:p>x</text:p>";
  for (int i = 0; i < 240; ++i) deep += "</text:list-item></text:list>";
  EXPECT_TRUE(Parse("text", deep).text.ends_with("- x"));
  for (const char* name : {"manual.odt", "prices.ods", "pumps.odp"}) {
    const std::string whole = DocumentFixture(name);
    for (size_t size = 5; size < whole.size(); size += 53) {
      (void)ParseText(name, whole.substr(0, size));
    }
  }
}

}  // namespace
}  // namespace footnote::indexer
