#include "indexer/text/clause.h"

#include <gtest/gtest.h>

namespace footnote::indexer {
namespace {

std::string NumberOf(std::string_view text) {
  const auto mark = ReadClauseMark(text);
  return mark ? mark->number : "none";
}

TEST(ClauseMark, KnowsTheWaysClausesAreNumbered) {
  EXPECT_EQ(NumberOf("7.3.2 Payment is due."), "7.3.2");
  EXPECT_EQ(NumberOf("4. Termination"), "4");
  EXPECT_EQ(NumberOf("12) Notices"), "12");
  EXPECT_EQ(NumberOf("§ 4 Notice"), "§ 4");
  EXPECT_EQ(NumberOf("§§ 12a Liability"), "§ 12a");
  EXPECT_EQ(NumberOf("Section 2.1. Term"), "2.1");
  EXPECT_EQ(NumberOf("ARTICLE IV"), "IV");
  EXPECT_EQ(NumberOf("Exhibit B"), "B");
  EXPECT_EQ(NumberOf("(b) the lessee"), "(b)");
  EXPECT_EQ(NumberOf("(iii) the lessor"), "(iii)");
  EXPECT_EQ(NumberOf("a) the lessor"), "(a)");
  EXPECT_EQ(NumberOf("IV. Duties"), "IV");
}

TEST(ClauseMark, DoesNotTakeNumbersAndWordsInProseForClauses) {
  for (const char* text :
       {"2019 was a good year.", "2.5 mg daily", "12 months later", "1,000 units", "3.14",
        "Section 4 applies to it.", "Articles of association", "(see below)", "Ivory", "e.g. this",
        "", "§", "(", "192.168.0.1 is local"}) {
    EXPECT_EQ(NumberOf(text), "none") << text;
  }
}

TEST(ClauseMark, TakesWordsInsteadOfTheUsual) {
  const ClauseWords words = {"artikel", "título"};
  const auto number = [&](std::string_view text) {
    const auto mark = ReadClauseMark(text, words);
    return mark ? mark->number : "none";
  };
  EXPECT_EQ(number("Artikel 5. Haftung"), "5");
  EXPECT_EQ(number("ARTIKEL IV"), "IV");
  EXPECT_EQ(number("Título 2"), "2");
  EXPECT_EQ(number("artikel 5. Haftung"), "none");
  EXPECT_EQ(number("Article 5. Liability"), "none");
  EXPECT_EQ(number("§ 4 Haftung"), "none");
  EXPECT_EQ(number("7.3 Payment"), "7.3");
}

TEST(ClauseTracker, NamesTheClauseItIsIn) {
  ClauseTracker tracker;
  const auto enter = [&](std::string_view text) {
    const auto mark = ReadClauseMark(text);
    EXPECT_TRUE(mark) << text;
    return mark ? tracker.Enter(*mark) : "";
  };
  EXPECT_EQ(enter("7.3 Payment"), "7.3");
  EXPECT_EQ(enter("(a) x"), "7.3(a)");
  EXPECT_EQ(enter("(i) x"), "7.3(a)(i)");
  EXPECT_EQ(enter("(ii) x"), "7.3(a)(ii)");
  EXPECT_EQ(enter("(b) x"), "7.3(b)");
  EXPECT_EQ(enter("§ 8 Next"), "§ 8");
  tracker.Leave();
  EXPECT_EQ(tracker.current(), "");
}

TEST(ClauseTracker, TellsTheLetterIFromTheNumeral) {
  ClauseTracker tracker;
  std::string last;
  for (const char* part : {"(g) x", "(h) x", "(i) x", "(j) x", "(k) x"}) {
    last = tracker.Enter(*ReadClauseMark(part));
  }
  EXPECT_EQ(last, "(k)");
}

}  // namespace
}  // namespace footnote::indexer
