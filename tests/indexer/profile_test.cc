#include "indexer/profile.h"

#include <gtest/gtest.h>

#include <fstream>
#include <set>

#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace footnote::indexer {
namespace {

using Strings = std::vector<std::string>;

TEST(Profile, ReadsWhatTheFileSetsAndKeepsTheRest) {
  ASSERT_OK_AND_ASSIGN(const Profile profile, ParseProfile(R"(
[chunking]
budget_tokens = 100
keep_code_whole = true
[chunking.costs]
sentence = 2
[sentences]
abbreviations = ["Abs.", "b.i.d."]
[abbreviations]
from_text = true
MI = "myocardial infarction"
[citations]
words = ["Artikel", "§"]
)",
                                                           "a/mine.toml"));
  EXPECT_EQ(profile.name, "mine");
  EXPECT_EQ(profile.budget_tokens, 100);
  EXPECT_TRUE(profile.keep_code_whole);
  EXPECT_FALSE(profile.keep_lists_whole);
  EXPECT_EQ(profile.costs.sentence, 2);
  EXPECT_EQ(profile.costs.paragraph, Profile().costs.paragraph);
  EXPECT_EQ(profile.sentence_abbreviations, (Strings{"abs", "b.i.d"}));
  EXPECT_EQ(profile.abbreviations.at("MI"), "myocardial infarction");
  EXPECT_TRUE(profile.abbreviations_from_text);
  EXPECT_EQ(profile.clause_words, (Strings{"artikel", "§"}));
}

TEST(Profile, SaysWhereAMistakeIs) {
  const auto expect = [](const std::string& text, const std::string& part) {
    EXPECT_STATUS(ParseProfile(text, "a.toml"), kInvalidArgument, part);
  };
  expect("[chunking]\nbudget_tokens = -1", "a.toml, line 2: chunking.budget_tokens: expected");
  expect("[chunking]\nkeep_clauses = true", "line 2: the key \"chunking.keep_clauses\"");
  expect("[chunking.costs]\nsentence = 6", "line 2: chunking.costs.sentence: expected a number");
  expect("[chunking.costs]\nclauses = 1", "keys of chunking.costs are clause, code_line");
  expect("[sentences]\nabbreviations = ['Abs']", "line 2: sentences.abbreviations: \"Abs\" is not");
  expect("[abbreviations]\nMI = 3", "line 2: abbreviations.MI: expected a text");
  expect("[abbreviations]\nMI = ' '", "line 2: abbreviations.MI: has no long form");
  expect("[abbreviations]\n'M I' = 'x'", "is not one word");
  expect("[citations]\nwords = ['']", "line 2: citations.words: \"\" is empty");
  expect("[chunks]\n", "the key \"chunks\" is not known; keys are abbreviations, chunking");
}

TEST(Profile, OfEveryShippedNameIsReadAndMakesItsOwnChunks) {
  EXPECT_EQ(ProfileNames(), (Strings{"general", "legal", "medical", "technical"}));
  std::set<std::string> digests;
  for (const std::string& name : ProfileNames()) {
    ASSERT_OK_AND_ASSIGN(const Profile profile, LoadProfile(name, {}));
    EXPECT_EQ(profile.name, name);
    digests.insert(profile.Digest());
  }
  EXPECT_EQ(digests.size(), 4u);
  ASSERT_OK_AND_ASSIGN(const Profile legal, LoadProfile("legal", {}));
  EXPECT_TRUE(legal.keep_clauses_whole && legal.keep_definitions_whole);
}

// What was indexed before there were profiles must not be embedded again.
TEST(Profile, GeneralSaysInItsFileWhatIsDoneWithoutOne) {
  ASSERT_OK_AND_ASSIGN(const Profile general, LoadProfile("general", {}));
  EXPECT_EQ(general.Digest(), "");
  EXPECT_EQ(general.budget_tokens, 0);
  EXPECT_EQ(Profile().Digest(), "");
}

TEST(Profile, HasADigestOfWhatItSaysNotOfHowItIsWritten) {
  const auto digest = [](const std::string& text) {
    const auto profile = ParseProfile(text, "a.toml");
    return profile.ok() ? profile->Digest() : profile.status().message();
  };
  EXPECT_EQ(digest("# nothing\n"), "");
  EXPECT_EQ(digest("[citations]\nwords = ['Section','Article','Clause','Chapter','Part','Schedule',"
                   "'Exhibit','Annex','Appendix','Rule','§','Art.','Sec.']"),
            "");
  std::set<std::string> digests = {""};
  const Strings changes = {"[chunking]\nkeep_clauses_whole = true",
                           "[chunking]\nkeep_definitions_whole = true",
                           "[chunking]\nkeep_code_whole = true",
                           "[chunking]\nkeep_lists_whole = true",
                           "[chunking.costs]\nclause = 0.06",
                           "[chunking.costs]\nparagraph = 0.06",
                           "[chunking.costs]\nlist_item = 0.06",
                           "[chunking.costs]\ntable_row = 0.06",
                           "[chunking.costs]\nintroduced = 0.06",
                           "[chunking.costs]\ncode_line = 0.06",
                           "[chunking.costs]\nsentence = 0.06",
                           "[sentences]\nabbreviations = ['a.', 'b.']",
                           "[sentences]\nabbreviations = ['b.']",
                           "[abbreviations]\nfrom_text = true",
                           "[abbreviations]\nMI = 'a'",
                           "[abbreviations]\nMI = 'b'",
                           "[citations]\nwords = []"};
  for (const std::string& change : changes) digests.insert(digest(change));
  EXPECT_EQ(digests.size(), changes.size() + 1);
  EXPECT_EQ(digest("[sentences]\nabbreviations = ['b.', 'a.', 'A.']"),
            digest("[sentences]\nabbreviations = ['a.', 'b.']"));
}

TEST(Profile, IsFoundByNameInAFolderOrByPath) {
  const testing::TempDir folder;
  std::ofstream(folder / "legal.toml") << "[chunking]\nbudget_tokens = 77\n";
  ASSERT_OK_AND_ASSIGN(const Profile installed, LoadProfile("legal", {"/absent", folder.path()}));
  EXPECT_EQ(installed.budget_tokens, 77);
  ASSERT_OK_AND_ASSIGN(const Profile by_path, LoadProfile((folder / "legal.toml").string(), {}));
  EXPECT_EQ(by_path.budget_tokens, 77);
  EXPECT_STATUS(LoadProfile("law", {}), kNotFound, "there are general, legal, medical, technical");
  EXPECT_STATUS(LoadProfile("./law.toml", {}), kNotFound, "law.toml");
  std::ofstream(folder / "legal.toml") << "oops";
  EXPECT_STATUS(LoadProfile("legal", {folder.path()}), kInvalidArgument,
                (folder / "legal.toml").string() + ", line 1");
}

}  // namespace
}  // namespace footnote::indexer
