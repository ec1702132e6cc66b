// XML documents: legislation, vocabularies for texts, records, hostile input.
#include <gtest/gtest.h>

#include "tests/indexer/parse_text.h"
#include "tests/testing/status_matchers.h"

namespace footnote::indexer {
namespace {

using Strings = std::vector<std::string>;

std::string Metadata(const ParsedDocument& document, const std::string& name) {
  const auto found = document.metadata.find(name);
  return found == document.metadata.end() ? "" : std::get<std::string>(found->second.at(0));
}

ParsedDocument Parse(const std::string& xml) {
  ParsedDocument document = ParseOne("a.xml", xml);
  ExpectBlocksCoverText(document.text, document.blocks);
  return document;
}

TEST(LegalXml, ReadsAkomaNtoso) {
  const ParsedDocument document = Parse(R"(<?xml version="1.0" encoding="UTF-8"?>
<akomaNtoso xmlns="http://docs.oasis-open.org/legaldocml/ns/akn/3.0"><act name="act">
<meta><identification source="#x"><FRBRWork><FRBRthis value="/akn/x"/><FRBRdate date="2024-03-05"
 name="enacted"/><FRBRalias value="Tenancy Act"/></FRBRWork></identification></meta>
<preface><longTitle><p>An Act on <docTitle>tenancies</docTitle>.</p></longTitle></preface>
<body><part eId="part_1"><num>Part 1</num><heading>General</heading>
 <article eId="art_1"><num>Article 1</num><heading>Rent<authorialNote marker="*"><p>As amended.</p>
 </authorialNote></heading>
  <paragraph><num>1.</num><content><p>The tenant <ins>pays</ins> <del>owes</del> rent.</p></content>
  </paragraph>
  <paragraph><num>2.</num><list><intro><p>Rent is due</p></intro>
   <point><num>(a)</num><content><p>monthly, or</p></content></point>
   <point><num>(b)</num><content><p>as agreed.</p></content></point></list></paragraph>
 </article></part>
 <article><num>Article 2</num><content><table><tr><th>Year</th><th>Rate</th></tr>
 <tr><td>2024</td><td><p>3 %</p></td></tr></table></content></article>
</body></act></akomaNtoso>)");
  EXPECT_EQ(document.text,
            "An Act on tenancies.\n\nPart 1 General\n\nArticle 1 Rent[*]\n\n[*] As amended.\n\n"
            "1. The tenant pays rent.\n\n2. Rent is due\n\n(a) monthly, or\n\n(b) as agreed.\n\n"
            "Article 2\n\nYear | Rate\n2024 | 3 %");
  EXPECT_EQ(Headings(document),
            (Strings{"1 Part 1 General", "2 Article 1 Rent[*]", "1 Article 2"}));
  EXPECT_EQ(document.title, "tenancies");
  EXPECT_EQ(Metadata(document, "date"), "2024-03-05");
  EXPECT_EQ(Metadata(document, "kind"), "act");
  EXPECT_EQ(Metadata(document, "format"), "legal-xml");
  int clauses = 0;
  for (const Block& block : document.blocks) clauses += block.kind == BlockKind::kClause ? 1 : 0;
  EXPECT_EQ(clauses, 4);
}

TEST(LegalXml, ReadsUslm) {
  const ParsedDocument document = Parse(R"(<uscDoc xmlns="http://xml.house.gov/schemas/uslm/1.0"
 xmlns:dc="http://purl.org/dc/elements/1.1/"><meta><dc:title>Title 1</dc:title></meta><main>
<title><num value="1">Title 1—</num><heading>GENERAL PROVISIONS</heading>
<chapter><num value="1">CHAPTER 1—</num><heading>RULES</heading>
<toc><referenceItem>1. Words</referenceItem></toc>
<section><num value="1">§ 1.</num><heading> Words</heading>
<subsection><num value="a">(a)</num><heading>In general.—</heading><chapeau>A word means—</chapeau>
<paragraph><num value="1">(1)</num><content>one thing; or</content></paragraph>
<paragraph><num value="2">(2)</num><subparagraph><num>(A)</num><content>another.</content>
</subparagraph></paragraph><continuation>and no more.</continuation></subsection>
<subsection><num>(b)</num><content>It is amended to read: <quotedContent>“<section><num>§ 9.</num>
<heading>Old</heading><content>Gone.</content></section>”.</quotedContent></content></subsection>
</section></chapter></title></main></uscDoc>)");
  EXPECT_EQ(document.text,
            "Title 1—GENERAL PROVISIONS\n\nCHAPTER 1—RULES\n\n§ 1. Words\n\n"
            "(a) In general.— A word means—\n\n(1) one thing; or\n\n(2) (A) another.\n\n"
            "and no more.\n\n(b) It is amended to read:\n\n“\n\n§ 9. Old. Gone.\n\n”.");
  EXPECT_EQ(Headings(document),
            (Strings{"1 Title 1—GENERAL PROVISIONS", "2 CHAPTER 1—RULES", "3 § 1. Words"}));
  EXPECT_EQ(document.title, "Title 1");
}

TEST(XmlParser, ReadsDocBook) {
  const ParsedDocument document =
      Parse(R"(<book><info><title>Pumps</title><author>Ann</author></info>
<chapter><title>Care</title><para>Oil <emphasis>it</emphasis>:<itemizedlist><listitem><para>daily
</para><para>or so</para></listitem><listitem><para>weekly</para></listitem></itemizedlist>then
wait<footnote><para>An hour.</para></footnote>.</para>
<note><para>Wear gloves.</para></note><screen>$ oil
  --now</screen><section><title>Parts</title><table><title>Weights</title><tgroup><thead><row><entry>
Part</entry><entry>kg</entry></row></thead><tbody><row><entry>Lid</entry><entry>2</entry></row>
</tbody></tgroup></table><variablelist><varlistentry><term>DN</term><listitem><para>nominal width
</para></listitem></varlistentry></variablelist></section></chapter></book>)");
  EXPECT_EQ(document.text,
            "Pumps\n\nauthor: Ann\n\nCare\n\nOil it:\n- daily\n  or so\n- weekly\n\n"
            "then wait[1].\n\n[1] An hour.\n\nNote: Wear gloves.\n\n$ oil\n  --now\n\nParts\n\n"
            "Weights\n\nPart | kg\nLid | 2\n\nDN: nominal width");
  EXPECT_EQ(Headings(document), (Strings{"1 Pumps", "2 Care", "3 Parts"}));
}

TEST(XmlParser, ReadsJatsAndTei) {
  const ParsedDocument jats = Parse(R"(<article><front><article-meta><title-group><article-title>On
 valves</article-title></title-group></article-meta></front><body><sec><label>1</label><title>Intro
</title><p>We <italic>saw</italic> it<xref>1</xref>.</p><list list-type="order"><list-item><p>one</p>
</list-item></list><table-wrap><label>Table 1</label><caption><p>Sizes</p></caption></table-wrap>
</sec></body></article>)");
  EXPECT_EQ(jats.text, "On valves\n\n1 Intro\n\nWe saw it1.\n\n1. one\n\nTable 1 Sizes");
  EXPECT_EQ(jats.title, "On valves");
  const ParsedDocument tei = Parse(R"(<TEI><text><body><div><head>Letter</head><p>Dear<lb/>Ann<note
 place="foot">Her sister.</note>, <del>no</del>yes.</p></div></body></text></TEI>)");
  EXPECT_EQ(tei.text, "Letter\n\nDear Ann[1], yes.\n\n[1] Her sister.");
}

TEST(XmlParser, ReadsRecords) {
  EXPECT_EQ(Parse("<parts><part id='1'><name>Lid</name><kg>2</kg></part><part><name>Rod</name>"
                  "<use><![CDATA[turns & holds]]></use></part></parts>")
                .text,
            "name: Lid\nkg: 2\n\nname: Rod\nuse: turns & holds");
  EXPECT_EQ(Parse("<parts><part id='1' name='Lid'/><part name='Rod'/></parts>").text,
            "part id: 1\npart name: Lid\n\npart name: Rod");
}

TEST(XmlParser, DecodesWhatTheDeclarationNames) {
  EXPECT_EQ(ParseOne("a",
                     "<?xml version='1.0' encoding='ISO-8859-2'?><p>\xB3\xF3"
                     "d\xBC</p>")
                .text,
            "łódź");
  EXPECT_EQ(ParseOne("a", "\xEF\xBB\xBF<?xml version=\"1.0\"?>\n<p>ä</p>").text, "ä");
  const ParsedDocument html =
      ParseOne("a", "<?xml version=\"1.0\"?><html><body><h1>A</h1><p>b<br>c</body></html>");
  EXPECT_EQ(html.text, "A\n\nb c");
  EXPECT_EQ(Metadata(html, "format"), "html");
}

TEST(XmlParser, RefusesDamagedAndHostileFiles) {
  EXPECT_STATUS(ParseText("a.xml", "<a><b>").status, kInvalidArgument, "not well-formed");
  EXPECT_EQ(ParseOne("a.xml", "<!DOCTYPE a [<!ENTITY b 'xx'>]><a><p>&b;</p></a>").text, "&b;");
  std::string deep;
  for (int i = 0; i < 500; ++i) deep += "<quotedContent>";
  deep = "<uslm><level><heading>x</heading>" + deep + "y";
  for (int i = 0; i < 500; ++i) deep += "</quotedContent>";
  EXPECT_EQ(ParseOne("a.xml", deep + "</level></uslm>").text, "x\n\ny");
}

}  // namespace
}  // namespace footnote::indexer
