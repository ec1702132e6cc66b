#include "server/languages.h"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/testing/temp_dir.h"

namespace footnote::server {
namespace {

using Strings = std::vector<std::string>;
using Counts = std::map<std::string, int64_t>;

TEST(LanguagesOfReadme, ReadsTheFrontMatter) {
  EXPECT_EQ(LanguagesOfReadme("---\nlanguage: en\nlicense: mit\n---\n# X\n"), Strings{"en"});
  EXPECT_EQ(LanguagesOfReadme("---\nlicense: x\nlanguage:\n- en\n  - 'zh-CN'\ntags:\n- de\n---\n"),
            (Strings{"en", "zh"}));
  EXPECT_EQ(LanguagesOfReadme("---\r\nlanguage: [en, \"DE\"]\r\n---\r\n"), (Strings{"en", "de"}));
  EXPECT_EQ(LanguagesOfReadme("---\nlanguage:\n- multilingual\n- en\n---\n"), Strings{});
  EXPECT_EQ(LanguagesOfReadme("---\ntags: x\n---\nlanguage: en\n"), Strings{});
  EXPECT_EQ(LanguagesOfReadme("# X\nlanguage: en\n"), Strings{});
  EXPECT_EQ(LanguagesOfReadme("---\nlanguage:"), Strings{});
  EXPECT_EQ(LanguagesOfReadme(""), Strings{});
}

TEST(LanguagesOfModel, LooksIntoItsFolder) {
  const testing::TempDir folder;
  EXPECT_EQ(LanguagesOfModel(folder.path()), Strings{});
  std::ofstream(folder / "README.md") << "---\nlanguage: en\n---\n";
  EXPECT_EQ(LanguagesOfModel(folder.path()), Strings{"en"});
}

TEST(LanguageWarnings, ComeWithMoreThanAFifthOfForeignDocuments) {
  const LanguageSupport english = {"MiniLM", {"en"}, "english"};
  EXPECT_EQ(LanguageWarnings({}, english), Strings{});
  EXPECT_EQ(LanguageWarnings({{"", 100}}, english), Strings{});
  EXPECT_EQ(LanguageWarnings({{"en", 8}, {"de", 2}}, english), Strings{});
  const Strings warnings = LanguageWarnings({{"", 1}, {"en", 6}, {"de", 1}, {"fr", 2}}, english);
  ASSERT_EQ(warnings.size(), 2u);
  EXPECT_TRUE(
      warnings[0].starts_with("3 of 10 documents (2 fr, 1 de) are in a language that the "
                              "embedder MiniLM does not know (it knows en)"))
      << warnings[0];
  EXPECT_TRUE(warnings[1].starts_with("3 of 10 documents (2 fr, 1 de) are in another language"))
      << warnings[1];
  EXPECT_NE(warnings[1].find("(english)"), std::string::npos) << warnings[1];
}

TEST(LanguageWarnings, AreOfWhatIsKnownOnly) {
  const Counts german = {{"de", 10}};
  EXPECT_EQ(LanguageWarnings(german, {"X", {}, ""}), Strings{});
  EXPECT_EQ(LanguageWarnings(german, {"X", {"de", "en"}, "german"}), Strings{});
  EXPECT_EQ(LanguageWarnings(german, {"X", {"en"}, "german"}).size(), 1u);
  EXPECT_EQ(LanguageWarnings(german, {"X", {"de"}, "english"}).size(), 1u);
}

}  // namespace
}  // namespace footnote::server
