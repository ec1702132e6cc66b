// Formats that hold records: JSON lines, licences, OBO, ICD-10-CM.
#include <gtest/gtest.h>

#include "tests/indexer/parse_text.h"
#include "tests/testing/status_matchers.h"

namespace footnote::indexer {
namespace {

using Strings = std::vector<std::string>;

Strings Values(const ParsedDocument& document, const std::string& name) {
  Strings values;
  const auto found = document.metadata.find(name);
  if (found == document.metadata.end()) return values;
  for (const auto& value : found->second) {
    if (const auto* text = std::get_if<std::string>(&value)) values.push_back(*text);
    if (const auto* number = std::get_if<double>(&value)) values.push_back(std::to_string(*number));
    if (const auto* flag = std::get_if<bool>(&value)) values.push_back(*flag ? "true" : "false");
  }
  return values;
}

TEST(JsonLinesParser, KeepsTheTextByteForByte) {
  const ParseResult result = ParseText(
      "set.jsonl",
      "{\"_id\":\"a\",\"title\":\"A\",\"text\":\" x\\r\\n\\n\\n\\n\\u0007y \\u00e9 \"}\r\n\n"
      "{\"_id\":7,\"text\":\"seven\",\"year\":2020,\"open\":true,\"tags\":[\"p\",\"q\"],"
      "\"nested\":{\"a\":1},\"none\":null,\"acl\":{\"allow\":[\"group:x\"],\"deny\":[\"user:y\"]}"
      "}");
  ASSERT_OK(result.status);
  ASSERT_EQ(result.documents.size(), 2u);
  EXPECT_EQ(result.documents[0].text, " x\r\n\n\n\n\ay \xC3\xA9 ");
  EXPECT_EQ(result.documents[0].title, "A");
  EXPECT_FALSE(result.documents[0].access);
  const ParsedDocument& seven = result.documents[1];
  EXPECT_EQ(seven.id, "7");
  EXPECT_EQ(Values(seven, "year"), Strings{"2020.000000"});
  EXPECT_EQ(Values(seven, "open"), Strings{"true"});
  EXPECT_EQ(Values(seven, "tags"), (Strings{"p", "q"}));
  EXPECT_EQ(seven.metadata.size(), 3u);
  ASSERT_TRUE(seven.access);
  EXPECT_EQ(seven.access->allow, Strings{"group:x"});
  EXPECT_EQ(seven.access->deny, Strings{"user:y"});
}

TEST(JsonLinesParser, ReportsEachBadLineAndGoesOn) {
  const ParseResult result =
      ParseText("set.jsonl",
                "{\"_id\":\"a\"}\n"
                "not json\n"
                "{\"_id\":\"b\",\"text\":\"\xFF\"}\n"
                "{\"text\":\"no id\"}\n"
                "{\"_id\":\"c\",\"text\":\"x\",\"acl\":{\"allow\":\"all\"}}\n"
                "{\"_id\":\"d\",\"text\":\"good\"}\n");
  ASSERT_OK(result.status);
  ASSERT_EQ(result.documents.size(), 1u);
  EXPECT_EQ(result.documents[0].id, "d");
  ASSERT_EQ(result.failures.size(), 5u);
  EXPECT_TRUE(result.failures[0].source.ends_with("set.jsonl:1"));
  EXPECT_EQ(result.failures[0].id, "a");
  EXPECT_STATUS(result.failures[0].error, kInvalidArgument, "no field \"text\"");
  EXPECT_STATUS(result.failures[1].error, kInvalidArgument, "not valid JSON");
  EXPECT_STATUS(result.failures[2].error, kInvalidArgument, "UTF-8");
  EXPECT_STATUS(result.failures[3].error, kInvalidArgument, "_id");
  EXPECT_STATUS(result.failures[4].error, kInvalidArgument, "acl.allow");
}

TEST(LicenseParser, TakesTitleAndMetadataFromTheHeader) {
  const ParsedDocument document = ParseOne("licenses/works.LICENSE", R"(---
key: works
short_name: Works 1.0
name: "Works Licence, Version 1.0"
category: Permissive
spdx_license_key: LicenseRef-works
other_urls:
  - http://example.org
---

You may use it.

1. GRANT

Use it well.
)");
  EXPECT_EQ(document.id, "licenses/works.LICENSE");
  EXPECT_EQ(document.title, "Works Licence, Version 1.0");
  EXPECT_EQ(document.text, "You may use it.\n\n1. GRANT\n\nUse it well.");
  EXPECT_EQ(Values(document, "key"), Strings{"works"});
  EXPECT_EQ(Values(document, "spdx_license_key"), Strings{"LicenseRef-works"});
  EXPECT_EQ(Values(document, "category"), Strings{"Permissive"});
  EXPECT_TRUE(Values(document, "other_urls").empty());
  EXPECT_EQ(Headings(document), Strings{"1 1. GRANT"});
}

TEST(OboParser, MakesADocumentOfEachLiveTerm) {
  const ParseResult result = ParseText("terms.obo", R"(format-version: 1.2

[Term]
id: XX:1
name: Wet floor
def: "A floor that \"is\" wet.\nOften slippery." [ref:1]
comment: Mind it.
synonym: "Slippery floor" EXACT []
synonym: "Puddle" RELATED layperson []
xref: Y:9
is_a: XX:2 ! Floor
is_a: XX:3 {source="z"} ! State

[Term]
id: XX:4
name: Gone
is_obsolete: true

[Term]
id: XX:5

[Typedef]
id: part_of
name: part of

[Term]
id: XX:6
name: Bare
)");
  ASSERT_OK(result.status);
  ASSERT_EQ(result.documents.size(), 2u);
  const ParsedDocument& wet = result.documents[0];
  EXPECT_EQ(wet.id, "XX:1");
  EXPECT_EQ(wet.title, "Wet floor");
  EXPECT_EQ(wet.text,
            "Wet floor (XX:1): A floor that \"is\" wet. Often slippery.\n\n"
            "Also called: Slippery floor; Puddle.\n\n"
            "Is a kind of: Floor (XX:2); State (XX:3).\n\n"
            "Mind it.");
  EXPECT_EQ(Values(wet, "xref"), Strings{"Y:9"});
  ExpectBlocksCoverText(wet.text, wet.blocks);
  EXPECT_EQ(result.documents[1].text, "Bare (XX:6).");
}

TEST(Icd10CmParser, MakesADocumentOfEachCategory) {
  const ParseResult result = ParseText("tabular.xml", R"(<?xml version="1.0" encoding="utf-8"?>
<ICD10CM.tabular><version>1</version><chapter><name>1</name><desc>Wet things (A00-A09)</desc>
<section id="A00-A01"><desc>Puddles (A00-A01)</desc>
<diag><name>A00</name><desc>Puddle</desc>
 <includes><note>pond</note></includes>
 <excludes1><note>lake (B01)</note><note>sea (B02)</note></excludes1>
 <diag><name>A00.1</name><desc>Deep puddle</desc>
  <inclusionTerm><note>Hole with water</note></inclusionTerm>
  <sevenChrDef><extension char="A">first step</extension></sevenChrDef>
 </diag>
</diag>
<diag><name>A01</name><desc>Drip</desc></diag>
</section></chapter></ICD10CM.tabular>)");
  ASSERT_OK(result.status);
  ASSERT_EQ(result.documents.size(), 2u);
  const ParsedDocument& puddle = result.documents[0];
  EXPECT_EQ(puddle.id, "ICD10CM:A00");
  EXPECT_EQ(puddle.title, "A00 Puddle");
  EXPECT_EQ(puddle.text,
            "A00 Puddle is a category of ICD-10-CM in \"Puddles (A00-A01)\".\n\n"
            "A00, Includes: pond\n\n"
            "A00, Excludes1, never coded together with it:\n- lake (B01)\n- sea (B02)\n\n"
            "A00.1 Deep puddle\n\n"
            "A00.1, Includes: Hole with water\n\n"
            "A00.1, seventh characters:\nA first step");
  EXPECT_EQ(Headings(puddle), Strings{"1 A00.1 Deep puddle"});
  EXPECT_EQ(Values(puddle, "chapter"), Strings{"Wet things (A00-A09)"});
  EXPECT_EQ(result.documents[1].id, "ICD10CM:A01");
}

TEST(Icd10CmParser, NamesTheByteOfBrokenXml) {
  EXPECT_STATUS(ParseText("t.xml", "<ICD10CM.tabular><chapter></oops>").status, kInvalidArgument,
                "byte");
}

}  // namespace
}  // namespace footnote::indexer
