// Files that are one JSON value.
#include <gtest/gtest.h>

#include "tests/indexer/parse_text.h"
#include "tests/testing/status_matchers.h"

namespace footnote::indexer {
namespace {

using Strings = std::vector<std::string>;

TEST(JsonParser, WritesValuesToRead) {
  const ParsedDocument document = ParseOne("conf/pump.json", R"({
  "name": "Pump 7", "note": "opens\nslowly", "on": true, "none": null,
  "tags": ["wet", 2], "empty": [],
  "motor": {"power": 1.50, "parts": [{"part": "lid", "kg": 2}, {"kg": 3, "part": "shaft"}]},
  "log": [{"at": "x", "by": {"who": "Ann"}}, "plain", ["a", "b"]]
})");
  EXPECT_EQ(document.title, "Pump 7");
  EXPECT_EQ(document.text,
            "name: Pump 7\nnote: opens\nslowly\non: true\ntags: wet, 2\n\n"
            "motor\n\npower: 1.5\n\nmotor > parts\n\npart | kg\nlid | 2\nshaft | 3\n\n"
            "log > 1\n\nat: x\n\nlog > 1 > by\n\nwho: Ann\n\nplain\n\nlog > 3\n\n- a\n- b");
  EXPECT_EQ(Headings(document),
            (Strings{"1 motor", "2 motor > parts", "1 log > 1", "2 log > 1 > by", "1 log > 3"}));
  ExpectBlocksCoverText(document.text, document.blocks);
}

TEST(JsonParser, AnArrayOfRecordsIsADocumentEach) {
  const ParseResult result = ParseText(
      "set.json",
      R"([{"_id":"a","title":"A","text":"one","year":2020}, {"text":"two"}, {"title":"no text"}])");
  ASSERT_OK(result.status);
  ASSERT_EQ(result.documents.size(), 2u);
  EXPECT_EQ(result.documents[0].id, "a");
  EXPECT_EQ(result.documents[0].title, "A");
  EXPECT_TRUE(result.documents[0].metadata.contains("year"));
  EXPECT_EQ(result.documents[1].id, "set.json#2");
  ASSERT_EQ(result.failures.size(), 1u);
  EXPECT_EQ(result.failures[0].id, "set.json#3");
  EXPECT_STATUS(result.failures[0].error, kInvalidArgument, "no field \"text\"");
}

TEST(JsonParser, ReadsJsonLinesUnderItsName) {
  const ParseResult result =
      ParseText("set.json", "{\"_id\":\"a\",\"text\":\"one\"}\n{\"_id\":\"b\",\"text\":\"two\"}\n");
  ASSERT_OK(result.status);
  EXPECT_EQ(result.documents.size(), 2u);
}

TEST(JsonParser, RefusesWhatItCannotRead) {
  EXPECT_STATUS(ParseText("a.json", "{\"a\": 1,}").status, kInvalidArgument, "not valid JSON");
  EXPECT_STATUS(ParseText("a.json", "").status, kInvalidArgument, "not valid JSON");
  EXPECT_STATUS(ParseText("a.json", std::string(100000, '[')).status, kInvalidArgument,
                "nested deeper");
  std::string many = "[0";
  for (int i = 0; i < 5000001; ++i) many += ",0";
  EXPECT_STATUS(ParseText("a.json", many + "]").status, kResourceExhausted, "split it");
  EXPECT_EQ(ParseOne("a.json", "\"just, [[text\"").text, "just, [[text");
  EXPECT_EQ(ParseOne("a.json", "[1, \"\\ud83d\\ude00\"]").text, "- 1\n- \xF0\x9F\x98\x80");
}

}  // namespace
}  // namespace footnote::indexer
