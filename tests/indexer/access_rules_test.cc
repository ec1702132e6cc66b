#include "indexer/pipeline/access_rules.h"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace footnote::indexer {
namespace {

StatusOr<AccessRules> Rules(const std::string& content) {
  const testing::TempDir folder;
  std::ofstream(folder / "access.jsonl") << content;
  return AccessRules::Read(folder / "access.jsonl");
}

TEST(AccessRules, PrefersTheDocumentThenTheLongestPrefix) {
  ASSERT_OK_AND_ASSIGN(const AccessRules rules, Rules(R"({"prefix":"","allow":["everyone"]}
{"prefix":"hr/","allow":["group:hr"]}
{"prefix":"hr/pay/","allow":["group:pay"],"deny":["user:temp"]}

{"document_id":"hr/open.md","allow":["everyone"]}
{"prefix":"hr/pay/zz","allow":["group:zz"]}
)"));
  const auto allowed = [&](const std::string& id) {
    const retriever::AccessList* list = rules.Find(id);
    return list == nullptr ? "none" : list->allow.at(0);
  };
  EXPECT_EQ(allowed("hr/pay/june.md"), "group:pay");
  EXPECT_EQ(allowed("hr/pay/zz1"), "group:zz");
  EXPECT_EQ(allowed("hr/rules.md"), "group:hr");
  EXPECT_EQ(allowed("hr/open.md"), "everyone");
  EXPECT_EQ(allowed("hr"), "everyone");
  EXPECT_EQ(allowed("zzz"), "everyone");
  EXPECT_EQ(rules.Find("hr/pay/june.md")->deny, std::vector<std::string>{"user:temp"});
  EXPECT_EQ(AccessRules().Find("x"), nullptr);
}

TEST(AccessRules, RefusesAFileWithAMistakeAndNamesTheLine) {
  EXPECT_STATUS(Rules("{\"prefix\":\"\",\"allow\":[\"everyone\"]}\nnot json\n"), kInvalidArgument,
                "access.jsonl:2");
  EXPECT_STATUS(Rules("{\"allow\":[\"everyone\"]}"), kInvalidArgument, "document_id");
  EXPECT_STATUS(Rules("{\"prefix\":\"a\",\"document_id\":\"b\"}"), kInvalidArgument, "either");
  EXPECT_STATUS(Rules("{\"prefix\":\"a\",\"allow\":[\"ann\"]}"), kInvalidArgument, "ann");
  EXPECT_STATUS(Rules("{\"prefix\":\"a\",\"alow\":[]}"), kInvalidArgument, "alow");
  EXPECT_STATUS(Rules("{\"prefix\":\"a\",\"deny\":\"everyone\"}"), kInvalidArgument, "deny");
  EXPECT_STATUS(Rules("{\"prefix\":\"a\"}\n{\"prefix\":\"a\"}"), kInvalidArgument, "second rule");
}

}  // namespace
}  // namespace footnote::indexer
