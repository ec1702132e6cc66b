#include "common/config.h"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace footnote {
namespace {

using Strings = std::vector<std::string>;

struct Settings {
  std::string name = "none";
  int count = 1;
  double share = 0.5;
  bool on = false;
  Strings words;
  int level = 0;
  std::map<std::string, std::string> others;
  Strings rules;
};

StatusOr<Settings> Read(std::string_view text) {
  FOOTNOTE_ASSIGN_OR_RETURN(ConfigFile file, ConfigFile::Parse(text, "a.toml"));
  Settings settings;
  ConfigTable& root = file.root();
  root.Text("name", settings.name);
  root.Number("count", settings.count, -5, 10);
  root.Real("share", settings.share, 0, 2.5);
  root.Flag("on", settings.on);
  root.Texts("words", settings.words);
  root.Table("log").Number("level", settings.level, 0, 3);
  ConfigTable& others = root.Table("others");
  bool flag = false;
  others.Flag("flag", flag);
  others.OtherTexts(settings.others);
  for (ConfigTable* rule : root.Tables("rule")) {
    std::string word;
    rule->Text("word", word);
    if (word == "bad") rule->AddMistake("word", "is bad");
    if (!rule->Has("word")) rule->AddMistake("", "needs a word");
    settings.rules.push_back(word);
  }
  FOOTNOTE_RETURN_IF_ERROR(file.Finish());
  return settings;
}

TEST(Config, SetsWhatTheFileSetsAndLeavesTheRest) {
  ASSERT_OK_AND_ASSIGN(const Settings settings, Read(R"(# a comment
name = 'x'
share = 2
words = ["one", "two"]

[log]
level = 3

[others]
flag = true
"Abs." = "Absatz"
MI = "myocardial infarction"

[[rule]]
word = "a"
[[rule]]
word = "b"
)"));
  EXPECT_EQ(settings.name, "x");
  EXPECT_EQ(settings.count, 1);
  EXPECT_EQ(settings.share, 2.0);
  EXPECT_EQ(settings.words, (Strings{"one", "two"}));
  EXPECT_EQ(settings.level, 3);
  EXPECT_EQ(settings.others, (std::map<std::string, std::string>{{"Abs.", "Absatz"},
                                                                 {"MI", "myocardial infarction"}}));
  EXPECT_EQ(settings.rules, (Strings{"a", "b"}));
  ASSERT_OK_AND_ASSIGN(const Settings untouched, Read(""));
  EXPECT_EQ(untouched.name, "none");
}

TEST(Config, SaysWhichKeysThereAreForOneThatIsNotKnown) {
  EXPECT_STATUS(Read("\nnane = 'x'\n"), kInvalidArgument,
                "a.toml, line 2: the key \"nane\" is not known; keys are count, log, name, on");
  EXPECT_STATUS(Read("[log]\nlevels = 1\n"), kInvalidArgument,
                "a.toml, line 2: the key \"log.levels\" is not known; keys of log are level");
  EXPECT_STATUS(Read("[[rule]]\nword = 'a'\n[[rule]]\nwrod = 'b'\n"), kInvalidArgument,
                "line 3: rule: needs a word");
}

TEST(Config, SaysWhatIsExpectedInsteadOfAnotherTypeOrRange) {
  const auto expect = [](std::string_view text, std::string_view part) {
    EXPECT_STATUS(Read(text), kInvalidArgument, std::string(part));
  };
  expect("name = 3", "line 1: name: expected a text in quotation marks");
  expect("count = 11", "count: expected a whole number from -5 to 10");
  expect("count = 1.0", "count: expected a whole number");
  expect("share = 'x'", "share: expected a number from 0 to 2.5");
  expect("share = nan", "share: expected a number");
  expect("on = 1", "on: expected true or false");
  expect("words = 'one'", "words: expected a list of texts");
  expect("words = ['one', 2]", "words: expected a list of texts");
  expect("log = 3", "log: expected a table: [log]");
  expect("[log]\nlevel = 4", "line 2: log.level: expected a whole number from 0 to 3");
  expect("[others]\nMI = 3", "line 2: others.MI: expected a text");
  expect("[rule]\nword = 'a'", "rule: expected tables: [[rule]]");
  expect("[[rule]]\nword = 'bad'", "line 2: rule.word: is bad");
}

TEST(Config, TellsTheFirstMistakeOfTheFile) {
  EXPECT_STATUS(Read("words = 1\nwhat = 2\ncount = 'x'\n"), kInvalidArgument, "line 1: words");
  EXPECT_STATUS(Read("what = 2\nwords = 1\n"), kInvalidArgument, "line 1: the key \"what\"");
}

TEST(Config, RefusesWhatIsNoTomlAndKeysThatAreSetTwice) {
  EXPECT_STATUS(Read("name = 'a'\nname = 'b'\n"), kInvalidArgument, "a.toml, line 2");
  EXPECT_STATUS(Read("[log]\n[log]\n"), kInvalidArgument, "a.toml, line 2");
  EXPECT_STATUS(Read("name = \n"), kInvalidArgument, "a.toml, line 1");
  EXPECT_STATUS(Read("name = '\xFF'\n"), kInvalidArgument, "a.toml, line 1");
}

TEST(Config, SaysWhatTheFileIsThatCannotBeRead) {
  const testing::TempDir folder;
  std::ofstream(folder / "a.toml") << "x = 1\n";
  EXPECT_STATUS(ConfigFile::Read(folder / "b.toml", "the profile"), kNotFound, "the profile: ");
  ASSERT_OK_AND_ASSIGN(ConfigFile file, ConfigFile::Read(folder / "a.toml", "the profile"));
  EXPECT_STATUS(file.Finish(), kInvalidArgument, (folder / "a.toml").string() + ", line 1");
}

}  // namespace
}  // namespace footnote
