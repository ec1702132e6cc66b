#include "retriever/text/analyzer.h"

#include <gmock/gmock.h>

#include <thread>

#include "retriever/text/identifiers.h"
#include "tests/testing/status_matchers.h"

namespace footnote::retriever {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsSupersetOf;

std::vector<std::string> Terms(std::string_view text, const std::string& language = "english") {
  auto analyzer = Analyzer::Make(language);
  EXPECT_OK(analyzer);
  return (*analyzer)->Terms(text);
}

TEST(Analyzer, WordsAreFoldedAndStemmed) {
  EXPECT_THAT(Terms("The Agreements were TERMINATED."),
              ElementsAre("the", "agreement", "were", "termin"));
  EXPECT_EQ(Terms("dog's"), Terms("dog"));
  EXPECT_EQ(Terms("dog\xE2\x80\x99s"), Terms("dog"));
}

TEST(Analyzer, CompatibilityFormsAndAccentsAreNormalised) {
  EXPECT_THAT(Terms("ﬁle"), ElementsAre("file"));    // ligature
  EXPECT_THAT(Terms("ＡＢＣ"), ElementsAre("abc"));  // full width
  EXPECT_EQ(Terms("cafe\xCC\x81"), Terms("CAFÉ"));   // combining accent
  EXPECT_EQ(Terms("STRASSE"), Terms("straße"));      // case folding
}

TEST(Analyzer, IdentifiersStayWholeAndTheirPartsAreTermsToo) {
  EXPECT_THAT(Terms("7.3.2"), ElementsAre("7.3.2", "7.3", "7"));
  EXPECT_THAT(Terms("O_CLOEXEC"), ElementsAre("o_cloexec", "cloexec"));
  EXPECT_THAT(Terms("HbA1c"), ElementsAre("hba1c"));
  EXPECT_THAT(Terms("fork(2)"), IsSupersetOf({"fork", "fork(2)"}));
  EXPECT_THAT(Terms("COVID-19"), IsSupersetOf({"covid", "19", "covid-19"}));
  EXPECT_THAT(Terms("GPL-3.0"), Contains("gpl-3.0"));
  EXPECT_THAT(Terms("3.14"), ElementsAre("3.14"));
  EXPECT_THAT(Terms("getElementById"), IsSupersetOf({"getelementbyid", "get", "element"}));
  EXPECT_THAT(Terms("pthread_mutex_lock"),
              IsSupersetOf({"pthread_mutex_lock", "pthread", "mutex", "lock"}));
}

TEST(Analyzer, NamesOfSeveralWordsAreTermsToo) {
  EXPECT_THAT(Terms("Art. 6(1)(f)"), IsSupersetOf({"6(1)(f)", "6(1)", "f", "6"}));
  EXPECT_THAT(Terms("§ 4(b)"), IsSupersetOf({"4(b)", "4", "b"}));
  EXPECT_THAT(Terms("§4(b)"), Contains("4(b)"));
  EXPECT_THAT(Terms("“CVE-2024-1234”."),
              IsSupersetOf({"cve-2024-1234", "cve-2024", "cve", "1234"}));
  EXPECT_THAT(Terms("(see libfoo.so.6)"), IsSupersetOf({"libfoo.so.6", "libfoo.so", "libfoo"}));
  EXPECT_THAT(Terms("`--no-preserve-root'"),
              IsSupersetOf({"--no-preserve-root", "no", "preserv", "root"}));
  EXPECT_THAT(Terms("rm -rf, then"), Contains("-rf"));
  EXPECT_THAT(Terms("doi:10.1000/xyz,"), Contains("doi:10.1000/xyz"));
  EXPECT_THAT(Terms("10.1000/xyz"), IsSupersetOf({"10.1000/xyz", "10.1000", "xyz"}));
  EXPECT_THAT(Terms("well-known"), ElementsAre("well", "known", "well-known"));
  EXPECT_THAT(Terms("close()"), ElementsAre("close"));
  EXPECT_THAT(Terms("fork(2)."), ElementsAre("fork", "2", "fork(2)"));
  // Leaders, dashes and rules are none.
  EXPECT_THAT(Terms("Scope......12"), ElementsAre("scope", "12"));
  EXPECT_THAT(Terms("this--that"), ElementsAre("this", "that"));
  EXPECT_THAT(Terms("--- + ---"), ::testing::IsEmpty());
  EXPECT_THAT(Terms("e.g. this"), ElementsAre("e.g", "this"));
}

TEST(Analyzer, RulesOfBeforeAreKept) {
  ASSERT_OK_AND_ASSIGN(const auto first, Analyzer::Make("english", 1));
  EXPECT_THAT(
      first->Terms("6(1)(f) well-known libfoo.so.6"),
      ElementsAre("6", "1", "6(1)", "f", "well", "known", "libfoo.so", "libfoo", "so", "6"));
  EXPECT_STATUS(Analyzer::Make("english", 0), kInvalidArgument, "1 to 2");
  EXPECT_STATUS(Analyzer::Make("english", 3), kInvalidArgument, "1 to 2");
}

TEST(Analyzer, NamesAreToldFromProse) {
  for (const char* name :
       {"7.3.2", "O_CLOEXEC", "HbA1c", "6(1)(f)", "--help", "libfoo.so", "EINTR"}) {
    EXPECT_TRUE(LooksLikeIdentifier(name)) << name;
  }
  for (const char* word : {"fork", "Agreement", "well-known", "I", "a", ""}) {
    EXPECT_FALSE(LooksLikeIdentifier(word)) << word;
  }
}

TEST(Analyzer, OtherScriptsAreCutIntoWords) {
  EXPECT_THAT(Terms("Вода и лёд"), ElementsAre("вода", "и", "лёд"));
  EXPECT_GE(Terms("東京都に住んでいます").size(), 3u);
}

TEST(Analyzer, HostileTextGivesTermsOrNothing) {
  EXPECT_THAT(Terms(""), ::testing::IsEmpty());
  EXPECT_THAT(Terms(" .,;(\n"), ::testing::IsEmpty());
  for (const std::string& term : Terms("\xFF\xFE broken \xC3")) EXPECT_FALSE(term.empty());
  for (const std::string& term : Terms(std::string(5000, 'x'))) EXPECT_LE(term.size(), 255u);
  for (const std::string& term : Terms(std::string("a\0b", 3))) {
    EXPECT_EQ(term.find('\0'), std::string::npos);
  }
}

TEST(Analyzer, LanguagesAreThoseOfSnowball) {
  EXPECT_THAT(Terms("Verträge", "german"), ElementsAre("vertrag"));
  EXPECT_THAT(Terms("agreements", ""), ElementsAre("agreements"));
  EXPECT_STATUS(Analyzer::Make("klingon"), kInvalidArgument, "klingon");
}

TEST(Analyzer, ThreadsShareOne) {
  auto made = Analyzer::Make("english");
  ASSERT_OK(made);
  const Analyzer& analyzer = **made;
  const std::vector<std::string> expected = analyzer.Terms("parties agreeing on agreements");
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 200; ++j) {
        ASSERT_EQ(analyzer.Terms("parties agreeing on agreements"), expected);
      }
    });
  }
  for (auto& thread : threads) thread.join();
}

}  // namespace
}  // namespace footnote::retriever
