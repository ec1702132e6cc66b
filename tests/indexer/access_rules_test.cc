#include "indexer/pipeline/access_rules.h"

#include <gtest/gtest.h>

#include <fstream>
#include <set>

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

StatusOr<AccessRules> TomlRules(const std::string& content) {
  const testing::TempDir folder;
  std::ofstream(folder / "access.toml") << content;
  return AccessRules::Read(folder / "access.toml");
}

// Who is allowed first, or "none".
std::string FirstAllowed(const AccessRules& rules, const std::string& id) {
  const retriever::AccessList* list = rules.Find(id);
  return list == nullptr || list->allow.empty() ? "none" : list->allow.at(0);
}

constexpr char kRules[] = R"(# Rules may stand in any order.
[[rule]]
folder = "hr/pay/"
allow = ["group:pay"]
deny = ["user:temp"]
[[rule]]
prefix = "hr/pay/zz"
allow = ["group:zz"]
[[rule]]
folder = "hr"
allow = ["group:hr"]
[[rule]]
document = "hr/open.md"
allow = ["everyone"]
)";

TEST(TomlAccessRules, PrefersTheDocumentThenTheLongestFolderOrPrefixThenTheDefault) {
  ASSERT_OK_AND_ASSIGN(
      const AccessRules rules,
      TomlRules(kRules + std::string("[default]\nallow = [\"user:boss\"]\ndeny = []\n")));
  EXPECT_EQ(FirstAllowed(rules, "hr/pay/june.md"), "group:pay");
  EXPECT_EQ(FirstAllowed(rules, "hr/pay/zz1"), "group:zz");
  EXPECT_EQ(FirstAllowed(rules, "hr/pay.md"), "group:hr");
  EXPECT_EQ(FirstAllowed(rules, "hr/open.md"), "everyone");
  EXPECT_EQ(FirstAllowed(rules, "hrx/a"), "user:boss");
  EXPECT_EQ(FirstAllowed(rules, "hr"), "user:boss");
  EXPECT_EQ(rules.Find("hr/pay/june.md")->deny, std::vector<std::string>{"user:temp"});
  EXPECT_EQ(rules.FindRule("hrx/a"), nullptr);
  EXPECT_NE(rules.FindRule("hr/open.md"), nullptr);
  ASSERT_OK_AND_ASSIGN(const AccessRules without_default, TomlRules(kRules));
  EXPECT_EQ(without_default.Find("hrx/a"), nullptr);
}

TEST(TomlAccessRules, HaveADigestOfRulesAndDefault) {
  ASSERT_OK_AND_ASSIGN(const AccessRules rules, TomlRules(kRules));
  ASSERT_OK_AND_ASSIGN(const AccessRules empty_default, TomlRules("[default]\nallow = []\n"));
  ASSERT_OK_AND_ASSIGN(const AccessRules allowed, TomlRules("[default]\nallow = [\"everyone\"]\n"));
  ASSERT_OK_AND_ASSIGN(const AccessRules denied, TomlRules("[default]\ndeny = [\"everyone\"]\n"));
  const std::set<std::string> digests = {AccessRules().Digest(), rules.Digest(),
                                         empty_default.Digest(), allowed.Digest(), denied.Digest()};
  EXPECT_EQ(digests.size(), 5u);
  // The same rules say the same in either form, so that files need not be looked at again.
  ASSERT_OK_AND_ASSIGN(const AccessRules lines,
                       Rules("\n {\"prefix\":\"a/\",\"allow\":[\"everyone\"]}\n"));
  ASSERT_OK_AND_ASSIGN(const AccessRules tables,
                       TomlRules("[[rule]]\nfolder = 'a'\nallow = ['everyone']\n"));
  EXPECT_EQ(lines.Digest(), tables.Digest());
}

TEST(TomlAccessRules, RefuseAFileWithAMistakeAndNameTheLine) {
  const auto expect = [](const std::string& text, const std::string& part) {
    EXPECT_STATUS(TomlRules(text), kInvalidArgument, part);
  };
  const std::string rule = "[[rule]]\nfolder = 'a'\nallow = ['everyone']\n";
  expect(rule + "[[rule]]\nfolder = 'b'\n", "access.toml, line 4: rule: needs allow, deny");
  expect(rule + "[[rule]]\nallow = []\n", "line 4: rule: needs exactly one of document, folder");
  expect("[[rule]]\nfolder = 'a'\nprefix = 'b'\nallow = []", "exactly one");
  expect("[[rule]]\nfolder = 'a'\nallow = ['ann']", "line 3: rule.allow: ");
  expect("[[rule]]\nfolder = 'a'\nalow = []\ndeny = []", "line 3: the key \"rule.alow\"");
  expect("[[rule]]\nfolder = 'a'\ndeny = 'everyone'", "line 3: rule.deny: expected a list");
  expect("[[rule]]\nfolder = '/'\nallow = []", "line 2: rule.folder: names no folder");
  expect("[[rule]]\nfolder = 3\nallow = []", "line 2: rule.folder: expected a text");
  expect(rule + "[[rule]]\nprefix = 'a/'\nallow = []\n", "line 5: rule.prefix: a second rule");
  expect("[default]\n", "line 1: default: needs allow, deny");
  expect("[default]\nfolder = 'a'\nallow = []", "line 2: the key \"default.folder\"");
  expect("[[rules]]\nfolder = 'a'\nallow = []", "line 1: the key \"rules\"");
  expect("folder: a\n", "access.toml, line 1");
}

TEST(TomlAccessRules, ReadTheExampleOfTheDocumentation) {
  ASSERT_OK_AND_ASSIGN(const AccessRules rules,
                       AccessRules::Read(testing::DataDir() / "../../docs/examples/access.toml"));
  EXPECT_EQ(FirstAllowed(rules, "contracts/acme/msa.pdf"), "group:acme-team");
  EXPECT_EQ(FirstAllowed(rules, "contracts/acme/2024-draft-2.docx"), "user:ann@example.org");
  EXPECT_EQ(rules.Find("contracts/acme/side-letter.pdf")->deny.at(0), "everyone");
  EXPECT_EQ(FirstAllowed(rules, "contracts/other.pdf"), "group:legal");
}

TEST(AccessRules, SayWhichFileIsMissing) {
  EXPECT_STATUS(AccessRules::Read("/absent/access.toml"), kNotFound, "/absent/access.toml");
}

}  // namespace
}  // namespace footnote::indexer
