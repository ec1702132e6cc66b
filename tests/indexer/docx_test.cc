// Word documents: what a reader sees of them, and hostile ones.
#include <gtest/gtest.h>

#include "indexer/parsers/list_number.h"
#include "tests/indexer/make_zip.h"
#include "tests/indexer/parse_text.h"
#include "tests/testing/status_matchers.h"

namespace footnote::indexer {
namespace {

using Strings = std::vector<std::string>;

std::string Metadata(const ParsedDocument& document, const std::string& name) {
  const auto found = document.metadata.find(name);
  return found == document.metadata.end() ? "" : std::get<std::string>(found->second.at(0));
}

// A document of these parts of word/: the body's content, styles, numbering, footnotes, endnotes.
struct Parts {
  std::string body = {};
  std::string styles = {};
  std::string numbering = {};
  std::string footnotes = {};
  std::string endnotes = {};
};

std::string MakeDocx(const Parts& parts) {
  std::string relationships = "<Relationships>";
  std::vector<std::pair<std::string, std::string>> files = {
      {"[Content_Types].xml", "<Types/>"},
      {"word/document.xml",
       "<w:document xmlns:w='w'><w:body>" + parts.body + "</w:body></w:document>"}};
  const auto add = [&](const std::string& name, const std::string& content) {
    if (content.empty()) return;
    files.emplace_back("word/" + name + ".xml", "<w:" + name + ">" + content + "</w:" + name + ">");
    relationships +=
        "<Relationship Id='" + name + "' Type='http://x/" + name + "' Target='" + name + ".xml'/>";
  };
  add("styles", parts.styles);
  add("numbering", parts.numbering);
  add("footnotes", parts.footnotes);
  add("endnotes", parts.endnotes);
  files.emplace_back("word/_rels/document.xml.rels", relationships + "</Relationships>");
  return MakeZip(files);
}

std::string TextRun(const std::string& text) {
  return "<w:r><w:t xml:space='preserve'>" + text + "</w:t></w:r>";
}

std::string Paragraph(const std::string& text, const std::string& properties = "") {
  return "<w:p><w:pPr>" + properties + "</w:pPr>" + (text.empty() ? "" : TextRun(text)) + "</w:p>";
}

std::string Numbered(const std::string& text, int list, int level) {
  return Paragraph(text, "<w:numPr><w:ilvl w:val='" + std::to_string(level) +
                             "'/><w:numId w:val='" + std::to_string(list) + "'/></w:numPr>");
}

std::string Level(int level, const std::string& format, const std::string& text,
                  const std::string& more = "") {
  return "<w:lvl w:ilvl='" + std::to_string(level) + "'><w:start w:val='1'/><w:numFmt w:val='" +
         format + "'/><w:lvlText w:val='" + text + "'/>" + more + "</w:lvl>";
}

std::string AbstractList(int id, const std::string& levels) {
  return "<w:abstractNum w:abstractNumId='" + std::to_string(id) + "'>" + levels +
         "</w:abstractNum>";
}

std::string List(int id, int abstract_id, const std::string& overrides = "") {
  return "<w:num w:numId='" + std::to_string(id) + "'><w:abstractNumId w:val='" +
         std::to_string(abstract_id) + "'/>" + overrides + "</w:num>";
}

ParsedDocument ParseDocx(const Parts& parts) {
  ParsedDocument document = ParseOne("a.docx", MakeDocx(parts));
  ExpectBlocksCoverText(document.text, document.blocks);
  return document;
}

std::string TextOfBody(const std::string& body) { return ParseDocx({.body = body}).text; }

TEST(DocxParser, ReadsWhatPythonDocxWrites) {
  const ParsedDocument document =
      ParseOne("contracts/agreement.docx", DocumentFixture("agreement.docx"));
  EXPECT_EQ(document.id, "contracts/agreement.docx");
  EXPECT_EQ(document.title, "Service agreement");
  EXPECT_EQ(Metadata(document, "format"), "docx");
  EXPECT_EQ(Metadata(document, "author"), "Ada Example");
  EXPECT_EQ(Headings(document), (Strings{"1 Service agreement", "1 Payment", "2 Late payment"}));
  EXPECT_EQ(document.text,
            "Service agreement\n\n"
            "Payment\n\n"
            "The customer pays within 30 days of the invoice.\n\n"
            "Late payment\n\n"
            "1. Remind the customer\n2. Charge interest\n- by letter\n- by e-mail\n\n"
            "Service | Fee\nSupport | \u20AC 100\nHosting | \u20AC 40\n\n"
            "Aspirin | adult | 500 mg\nAspirin | child | 100 mg");
  ExpectBlocksCoverText(document.text, document.blocks);
}

TEST(DocxParser, KnowsTheFormatByItsContent) {
  EXPECT_EQ(ParseOne("download", MakeDocx({.body = Paragraph("Text")})).text, "Text");
}

TEST(DocxParser, ContractNumbersAreCountedAsWordShowsThem) {
  const std::string levels = Level(0, "decimal", "%1.") + Level(1, "decimal", "%1.%2") +
                             Level(2, "lowerLetter", "(%3)") + Level(3, "lowerRoman", "(%4)");
  const ParsedDocument document = ParseDocx(
      {.body = Numbered("Definitions", 1, 0) + Numbered("Words have meanings.", 1, 1) +
               Numbered("first;", 1, 2) + Numbered("deep;", 1, 3) + Numbered("second.", 1, 2) +
               Numbered("More.", 1, 1) + Numbered("Term", 1, 0) + Numbered("Two years.", 1, 1) +
               Numbered("again.", 1, 2),
       .numbering = AbstractList(5, levels) + List(1, 5)});
  EXPECT_EQ(document.text,
            "1. Definitions\n\n1.1 Words have meanings.\n\n(a) first;\n\n(i) deep;\n\n(b) second."
            "\n\n1.2 More.\n\n2. Term\n\n2.1 Two years.\n\n(a) again.");
  for (const Block& block : document.blocks) EXPECT_EQ(block.kind, BlockKind::kClause);
}

TEST(DocxParser, ASimpleListHasItemsNotClauses) {
  const std::string levels = Level(0, "decimal", "%1.") + Level(1, "lowerLetter", "%2)") +
                             Level(2, "bullet", "\xEF\x82\xB7");
  const ParsedDocument document =
      ParseDocx({.body = Numbered("Open", 1, 0) + Numbered("slowly", 1, 1) + Numbered("x", 1, 2) +
                         Numbered("Close", 1, 0) + Numbered("fast", 1, 1),
                 .numbering = AbstractList(0, levels) + List(1, 0)});
  EXPECT_EQ(document.text, "1. Open\n  a) slowly\n    - x\n2. Close\n  a) fast");
  for (const Block& block : document.blocks) EXPECT_EQ(block.kind, BlockKind::kListItem);
}

TEST(DocxParser, ListsShareACountUnlessTheyStartAnew) {
  const std::string start =
      "<w:lvlOverride w:ilvl='0'><w:startOverride w:val='1'/></w:lvlOverride>";
  EXPECT_EQ(ParseDocx({.body = Numbered("a", 1, 0) + Numbered("b", 2, 0) + Numbered("c", 3, 0) +
                               Numbered("d", 3, 0) + Numbered("e", 1, 0),
                       .numbering = AbstractList(0, Level(0, "decimal", "%1.")) + List(1, 0) +
                                    List(2, 0) + List(3, 0, start)})
                .text,
            "1. a\n2. b\n1. c\n2. d\n3. e");
}

TEST(DocxParser, NumbersComeThroughStyles) {
  const std::string styles =
      "<w:style w:type='paragraph' w:styleId='Kop1'><w:name w:val='heading 1'/><w:pPr><w:numPr>"
      "<w:numId w:val='7'/></w:numPr></w:pPr></w:style>"
      "<w:style w:type='paragraph' w:styleId='Kop2'><w:name w:val='heading 2'/>"
      "<w:basedOn w:val='Kop1'/><w:pPr><w:numPr><w:ilvl w:val='1'/></w:numPr></w:pPr></w:style>"
      "<w:style w:type='paragraph' w:styleId='Own'><w:name w:val='Own'/><w:basedOn w:val='Kop2'/>"
      "</w:style>";
  const std::string levels = Level(0, "upperRoman", "Article %1", "<w:pStyle w:val='Kop1'/>") +
                             Level(1, "decimal", "%1.%2", "<w:isLgl/><w:pStyle w:val='Kop2'/>");
  const auto styled = [](const std::string& text, const std::string& style,
                         const std::string& more = "") {
    return Paragraph(text, "<w:pStyle w:val='" + style + "'/>" + more);
  };
  const ParsedDocument document =
      ParseDocx({.body = styled("Scope", "Kop1") + styled("Area", "Kop2") + styled("", "Kop1") +
                         styled("Fees", "Kop1", "<w:numPr><w:numId w:val='0'/></w:numPr>") +
                         styled("Time", "Own"),
                 .styles = styles,
                 .numbering = AbstractList(1, levels) + List(7, 1)});
  // The empty heading counts, as in Word; numId 0 takes a paragraph out.
  EXPECT_EQ(Headings(document),
            (Strings{"1 Article I Scope", "2 1.1 Area", "1 Fees", "2 2.1 Time"}));
}

TEST(DocxParser, AHeadingStyleOnAWholeClauseIsAClause) {
  const std::string text = "The supplier " + std::string(200, 'x');
  const ParsedDocument document =
      ParseDocx({.body = Paragraph("7.1 " + text, "<w:outlineLvl w:val='1'/>")});
  EXPECT_EQ(document.blocks.at(0).kind, BlockKind::kClause);
  EXPECT_EQ(Headings(ParseDocx({.body = Paragraph("Short", "<w:outlineLvl w:val='1'/>")})),
            Strings{"2 Short"});
}

TEST(DocxParser, TrackedChangesAreShownAsAccepted) {
  EXPECT_EQ(TextOfBody("<w:p><w:pPr/>" + TextRun("Pay ") + "<w:ins>" + TextRun("30") +
                       "</w:ins><w:del><w:r>"
                       "<w:delText>60</w:delText><w:t>no</w:t></w:r></w:del>" +
                       TextRun(" days.") + "</w:p><w:p><w:moveFrom>" + TextRun("gone") +
                       "</w:moveFrom><w:moveTo>" + TextRun("here") + "</w:moveTo></w:p>"),
            "Pay 30 days.\n\nhere");
  EXPECT_EQ(TextOfBody(Paragraph("One ", "<w:rPr><w:del/></w:rPr>") + Paragraph("two")), "One two");
  EXPECT_EQ(TextOfBody(Paragraph("last", "<w:rPr><w:del/></w:rPr>")), "last");
  const std::string cell = "<w:tc>" + Paragraph("x") + "</w:tc>";
  EXPECT_EQ(TextOfBody("<w:tbl><w:tr>" + cell + cell + "</w:tr><w:tr><w:trPr><w:del/></w:trPr>" +
                       cell + cell + "</w:tr></w:tbl>"),
            "x | x");
}

TEST(DocxParser, HiddenTextIsNeverShown) {
  const std::string styles =
      "<w:style w:type='character' w:styleId='H'><w:rPr><w:vanish/></w:rPr></w:style>"
      "<w:style w:type='paragraph' w:styleId='P'><w:rPr><w:vanish/></w:rPr></w:style>";
  EXPECT_EQ(ParseDocx({.body = "<w:p><w:r><w:rPr><w:vanish/></w:rPr><w:t>a</w:t></w:r>"
                               "<w:r><w:rPr><w:vanish w:val='0'/></w:rPr><w:t>b</w:t></w:r>"
                               "<w:r><w:rPr><w:rStyle w:val='H'/></w:rPr><w:t>c</w:t></w:r></w:p>" +
                               Paragraph("d", "<w:pStyle w:val='P'/>"),
                       .styles = styles})
                .text,
            "b");
}

TEST(DocxParser, FieldsShowTheirResults) {
  const auto mark = [](const std::string& type) {
    return "<w:r><w:fldChar w:fldCharType='" + type + "'/></w:r>";
  };
  const std::string instruction = "<w:r><w:instrText> REF x </w:instrText></w:r>";
  EXPECT_EQ(
      TextOfBody("<w:p>" + TextRun("See ") + mark("begin") + instruction + TextRun("inner") +
                 mark("separate") + TextRun("clause 7") + mark("end") + TextRun(".") + "</w:p>"),
      "See clause 7.");
  EXPECT_EQ(
      TextOfBody("<w:p><w:fldSimple w:instr='DATE'>" + TextRun("1 May") + "</w:fldSimple></w:p>"),
      "1 May");
  // One that never ends does not swallow the document.
  EXPECT_EQ(TextOfBody("<w:p>" + mark("begin") + instruction + "</w:p>" + Paragraph("rest")),
            "rest");
  EXPECT_EQ(TextOfBody("<w:p><w:r><w:fldChar w:fldCharType='begin'><w:ffData><w:checkBox>"
                       "<w:checked/></w:checkBox></w:ffData></w:fldChar></w:r>" +
                       mark("end") + TextRun(" yes") + "</w:p>"),
            "\u2612 yes");
}

TEST(DocxParser, RunsKeepBreaksSymbolsAndControls) {
  EXPECT_EQ(TextOfBody("<w:p>" + TextRun("a") +
                       "<w:r><w:tab/><w:t>b</w:t><w:br/><w:t>c</w:t>"
                       "<w:noBreakHyphen/><w:t>d</w:t></w:r><w:r>"
                       "<w:sym w:font='Symbol' w:char='F0A3'/></w:r><w:sdt><w:sdtPr><w:alias/>"
                       "</w:sdtPr><w:sdtContent>" +
                       TextRun("5") + "</w:sdtContent></w:sdt></w:p>"),
            "a b\nc-d\u22645");
  EXPECT_EQ(
      TextOfBody("<w:sdt><w:sdtContent>" + Paragraph("in a control") + "</w:sdtContent></w:sdt>"),
      "in a control");
}

TEST(DocxParser, NotesStandAtTheEnd) {
  const auto reference = [](const std::string& kind, const std::string& id) {
    return "<w:r><w:" + kind + "Reference w:id='" + id + "'/></w:r>";
  };
  EXPECT_EQ(
      ParseDocx({.body = "<w:p>" + TextRun("Text") + reference("footnote", "3") + TextRun(" more") +
                         reference("footnote", "2") + reference("endnote", "2") + "</w:p>",
                 .footnotes = "<w:footnote w:id='2'>" + Paragraph("Second") + "</w:footnote>" +
                              "<w:footnote w:id='3'>" + Paragraph("First") + Paragraph("part") +
                              "</w:footnote><w:footnote w:id='4'>" + Paragraph("unused") +
                              "</w:footnote>",
                 .endnotes = "<w:endnote w:id='2'>" + Paragraph("End") + "</w:endnote>"})
          .text,
      "Text[1] more[2][i]\n\n[1] First part\n\n[2] Second\n\n[i] End");
}

TEST(DocxParser, TablesAreRowsOfCells) {
  const auto cell = [](const std::string& content, const std::string& properties = "") {
    return "<w:tc><w:tcPr>" + properties + "</w:tcPr>" + content + "</w:tc>";
  };
  const auto row = [](const std::string& cells) { return "<w:tr>" + cells + "</w:tr>"; };
  const auto table = [](const std::string& rows) { return "<w:tbl>" + rows + "</w:tbl>"; };
  const std::string inner =
      table(row(cell(Paragraph("x")) + cell(Paragraph("y"))) + row(cell(Paragraph("z"))));
  const ParsedDocument document = ParseDocx(
      {.body =
           table(row(cell(Paragraph("A")) + cell(Paragraph("B")) + cell(Paragraph("C"))) +
                 row(cell(Paragraph("wide"), "<w:gridSpan w:val='2'/>") + cell(Paragraph("c"))) +
                 row(cell(Paragraph("n") + inner) + cell(Paragraph(""))))});
  EXPECT_EQ(document.text, "A | B | C\nwide |  | c\nn x, y; z");
  ASSERT_EQ(document.blocks.size(), 3u);
  EXPECT_TRUE(document.blocks[0].first_row);
  EXPECT_FALSE(document.blocks[1].first_row);
  // A frame is no table.
  EXPECT_EQ(TextOfBody(table(row(cell(Paragraph("One.") + Paragraph("Two."))))), "One.\n\nTwo.");
}

TEST(DocxParser, ATextBoxIsReadOnce) {
  const std::string box = "<w:txbxContent>" + Paragraph("boxed") + "</w:txbxContent>";
  EXPECT_EQ(TextOfBody("<w:p>" + TextRun("before") +
                       "<w:r><mc:AlternateContent><mc:Choice><w:drawing><a>" + box +
                       "</a></w:drawing></mc:Choice><mc:Fallback><w:pict>" + box +
                       "</w:pict></mc:Fallback></mc:AlternateContent></w:r>" + TextRun(" after") +
                       "</w:p>"),
            "before after\n\nboxed");
}

TEST(DocxParser, SaysWhatIsWrongWithAFile) {
  EXPECT_STATUS(ParseText("locked.docx", DocumentFixture("locked.xlsx")).status, kInvalidArgument,
                "protected by a password: save it without one");
  EXPECT_STATUS(ParseText("old.docx", "\xD0\xCF\x11\xE0 and so on").status, kInvalidArgument,
                "before 2007: save it as DOCX");
  EXPECT_STATUS(ParseText("a.docx", MakeZip({{"x.xml", "<x/>"}})).status, kInvalidArgument,
                "has no part word/document.xml");
  EXPECT_STATUS(ParseText("a.docx", MakeZip({{"word/document.xml", "<a><b></a>"}})).status,
                kInvalidArgument, "part word/document.xml: it is not well-formed XML");
  EXPECT_STATUS(ParseText("a.docx", MakeZip({{"word/document.xml", "<a/>"}})).status,
                kInvalidArgument, "not a Word document");
}

TEST(DocxParser, SurvivesTruncatedAndDamagedFiles) {
  const std::string whole = DocumentFixture("agreement.docx");
  for (size_t size = 5; size < whole.size(); size += whole.size() / 40) {
    (void)ParseText("a.docx", whole.substr(0, size));
    std::string damaged = whole;
    damaged[size] = static_cast<char>(~damaged[size]);
    (void)ParseText("a.docx", damaged);
  }
}

TEST(DocxParser, HostileRulesEnd) {
  // Styles in a circle, endless numbers, levels out of range, a note that refers to itself.
  const std::string styles =
      "<w:style w:styleId='A'><w:basedOn w:val='B'/></w:style>"
      "<w:style w:styleId='B'><w:basedOn w:val='A'/></w:style>";
  const std::string level =
      "<w:lvl w:ilvl='0'><w:start w:val='999999999'/><w:numFmt w:val='upperLetter'/>"
      "<w:lvlText w:val='%1%9.'/></w:lvl>";
  const std::string reference = "<w:r><w:footnoteReference w:id='1'/></w:r>";
  EXPECT_EQ(ParseDocx({.body = Paragraph("a", "<w:pStyle w:val='A'/>") + Numbered("b", 1, 99) +
                               Numbered("c", 1, 0) + "<w:p>" + reference + "</w:p>",
                       .styles = styles,
                       .numbering = AbstractList(0, level) + List(1, 0),
                       .footnotes = "<w:footnote w:id='1'><w:p>" + TextRun("n") + reference +
                                    "</w:p></w:footnote>"})
                .text,
            "a\n\nb\n\n9999999991. c\n\n[1]\n\n[1] n[1]");
  std::string deep;
  for (int i = 0; i < 160; ++i) deep += "<w:tbl><w:tr><w:tc>";
  deep += Paragraph("deep");
  for (int i = 0; i < 160; ++i) deep += "</w:tc></w:tr></w:tbl>";
  EXPECT_EQ(TextOfBody(deep), "deep");
}

TEST(ListNumbers, FollowTheFormat) {
  EXPECT_EQ(FormatListNumber(28, "lowerLetter"), "bb");
  EXPECT_EQ(FormatListNumber(1994, "upperRoman"), "MCMXCIV");
  EXPECT_EQ(FormatListNumber(12, "ordinal"), "12th");
  EXPECT_EQ(FormatListNumber(22, "ordinal"), "22nd");
  EXPECT_EQ(FormatListNumber(3, "ordinalText"), "Third");
  EXPECT_EQ(FormatListNumber(4, "decimalZero"), "04");
  EXPECT_EQ(FormatListNumber(1000000, "upperLetter"), "1000000");
  EXPECT_EQ(FormatListNumber(5, "chicago"), "5");
}

}  // namespace
}  // namespace footnote::indexer
