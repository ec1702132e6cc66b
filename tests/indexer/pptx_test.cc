// Presentations: order, titles, lists, tables, notes, pages.
#include <gtest/gtest.h>

#include "tests/indexer/make_zip.h"
#include "tests/indexer/parse_text.h"
#include "tests/testing/status_matchers.h"

namespace footnote::indexer {
namespace {

using Strings = std::vector<std::string>;

std::string Shape(const std::string& paragraphs, const std::string& placeholder = "",
                  const std::string& name_more = "") {
  return "<p:sp><p:nvSpPr><p:cNvPr id='1' " + name_more + "/><p:nvPr>" + placeholder +
         "</p:nvPr></p:nvSpPr><p:txBody>" + paragraphs + "</p:txBody></p:sp>";
}

std::string Paragraph(const std::string& text, const std::string& properties = "") {
  return "<a:p>" + properties + "<a:r><a:rPr/><a:t>" + text + "</a:t></a:r></a:p>";
}

// Slides with these shapes, in this order.
std::string MakePptx(const Strings& slides, const std::string& slide_relationships = "",
                     const std::vector<std::pair<std::string, std::string>>& more = {}) {
  std::string ids;
  std::string relationships;
  std::vector<std::pair<std::string, std::string>> parts = {{"[Content_Types].xml", "<Types/>"}};
  for (size_t i = 0; i < slides.size(); ++i) {
    const std::string number = std::to_string(i + 1);
    ids += "<p:sldId id='25" + number + "' r:id='r" + number + "'/>";
    relationships += "<Relationship Id='r" + number + "' Type='x/slide' Target='slides/slide" +
                     number + ".xml'/>";
    parts.emplace_back("ppt/slides/slide" + number + ".xml",
                       "<p:sld><p:cSld><p:spTree>" + slides[i] + "</p:spTree></p:cSld></p:sld>");
    parts.emplace_back("ppt/slides/_rels/slide" + number + ".xml.rels",
                       "<Relationships>" + slide_relationships + "</Relationships>");
  }
  parts.emplace_back("ppt/presentation.xml",
                     "<p:presentation><p:sldIdLst>" + ids + "</p:sldIdLst></p:presentation>");
  parts.emplace_back("ppt/_rels/presentation.xml.rels",
                     "<Relationships>" + relationships + "</Relationships>");
  parts.insert(parts.end(), more.begin(), more.end());
  return MakeZip(parts);
}

TEST(PptxParser, ReadsWhatPythonPptxWrites) {
  const ParsedDocument document = ParseOne("training.pptx", DocumentFixture("training.pptx"));
  EXPECT_EQ(document.title, "Pump training");
  EXPECT_EQ(document.text,
            "Pump training\n\nFor new staff\n\n"
            "Slide 2\n\nPart | Weight\nLid | 2 kg\n\n"
            "Start-up\n\n- Open the valve\n  - slowly\n\nNotes: Show the valve first.");
  EXPECT_EQ(Headings(document), (Strings{"1 Pump training", "1 Slide 2", "1 Start-up"}));
  ASSERT_EQ(document.page_starts.size(), 3u);
  EXPECT_EQ(document.page_starts[0], 0u);
  EXPECT_EQ(document.text.substr(document.page_starts[1], 7), "Slide 2");
  EXPECT_EQ(document.text.substr(document.page_starts[2], 8), "Start-up");
  ExpectBlocksCoverText(document.text, document.blocks);
}

TEST(PptxParser, ListsGroupsAndDiagrams) {
  const ParsedDocument document = ParseOne(
      "a.pptx",
      MakePptx({"<p:grpSp>" + Shape(Paragraph("Title"), "<p:ph type='ctrTitle'/>") + "</p:grpSp>" +
                Shape(Paragraph("1 of 9"), "<p:ph type='sldNum'/>") +
                Shape(Paragraph("unseen"), "", "hidden='1'") +
                Shape(Paragraph("one", "<a:pPr><a:buAutoNum type='alphaLcParenR'/></a:pPr>") +
                      Paragraph("two", "<a:pPr><a:buAutoNum type='alphaLcParenR'/></a:pPr>") +
                      Paragraph("plain", "<a:pPr><a:buNone/></a:pPr>")) +
                "<p:graphicFrame><a:graphic><a:graphicData><dgm:relIds r:dm='d'/></a:graphicData>"
                "</a:graphic></p:graphicFrame>"},
               "<Relationship Id='d' Type='x/diagramData' Target='../diagrams/data1.xml'/>",
               {{"ppt/diagrams/data1.xml",
                 "<dgm:dataModel><dgm:ptLst><dgm:pt type='doc'/><dgm:pt><dgm:t>" +
                     Paragraph("Step") + "</dgm:t></dgm:pt></dgm:ptLst></dgm:dataModel>"}}));
  EXPECT_EQ(document.text, "Title\n\na) one\nb) two\n\nplain\n\n- Step");
}

TEST(PptxParser, SaysWhatIsWrongAndSurvivesTheRest) {
  EXPECT_STATUS(ParseText("locked.pptx", DocumentFixture("locked.xlsx")).status, kInvalidArgument,
                "protected by a password");
  EXPECT_STATUS(ParseText("a.pptx", MakeZip({{"x.xml", "<x/>"}})).status, kInvalidArgument,
                "no part ppt/presentation.xml");
  EXPECT_STATUS(ParseText("a.pptx", MakePptx({"<p:sp>"})).status, kInvalidArgument,
                "part ppt/slides/slide1.xml: it is not well-formed");
  std::string deep;
  for (int i = 0; i < 480; ++i) deep += "<p:grpSp>";
  for (int i = 0; i < 480; ++i) deep += "</p:grpSp>";
  EXPECT_EQ(ParseOne("a.pptx", MakePptx({deep})).text, "Slide 1");
  const std::string whole = DocumentFixture("training.pptx");
  for (size_t size = 5; size < whole.size(); size += whole.size() / 30) {
    (void)ParseText("a.pptx", whole.substr(0, size));
  }
}

}  // namespace
}  // namespace footnote::indexer
