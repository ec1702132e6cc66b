#include "common/text/sentences.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace footnote {
namespace {

using Strings = std::vector<std::string>;

Strings Split(std::string_view text) {
  Strings parts;
  for (const ByteSpan& span : SplitSentences(text)) {
    parts.emplace_back(text.substr(span.start, span.size()));
  }
  return parts;
}

TEST(SplitSentences, EndsAtTerminalPunctuationBeforeACapital) {
  EXPECT_EQ(Split("It works. Does it? Yes!  Good."),
            (Strings{"It works.", "Does it?", "Yes!", "Good."}));
  EXPECT_EQ(Split("The Yahoo! index grew. ok"), (Strings{"The Yahoo! index grew. ok"}));
  EXPECT_EQ(Split("Really?! Yes."), (Strings{"Really?!", "Yes."}));
}

TEST(SplitSentences, KeepsClosingQuotesBracketsAndReferenceMarksWithTheirSentence) {
  EXPECT_EQ(
      Split("He said \"Stop.\" Then he left. (It rained.) We stayed.[3] They [4, 5] did not."),
      (Strings{"He said \"Stop.\"", "Then he left.", "(It rained.)", "We stayed.[3]",
               "They [4, 5] did not."}));
  EXPECT_EQ(Split("“One.” “Two.”"), (Strings{"“One.”", "“Two.”"}));
}

TEST(SplitSentences, DoesNotEndAtAbbreviations) {
  const Strings whole = {
      "Some drugs, e.g. Aspirin, are sold freely.",
      "See No. 5 and Art. 12 and Fig. A for it.",
      "Dr. Jones met Mrs. Ng at St. Mary.",
      "Acme Inc. Holdings and Widget Co. Ltd. signed.",
      "The U.S. District Court in Washington, D.C. Circuit heard it.",
      "J. R. Smith et al. Reported that (cf. Table 2).",
      "It was signed on Jan. 5 vs. Feb. 6.",
  };
  for (const std::string& text : whole) EXPECT_EQ(Split(text), Strings{text});
}

TEST(SplitSentences, EndsAtAnAbbreviationWhenTheNextWordBeginsASentence) {
  EXPECT_EQ(Split("It was sold to Acme Inc. The buyer paid."),
            (Strings{"It was sold to Acme Inc.", "The buyer paid."}));
  EXPECT_EQ(Split("Is it so? No. There is none."), (Strings{"Is it so?", "No.", "There is none."}));
  EXPECT_EQ(Split("He lacks vitamin C. This is rare."),
            (Strings{"He lacks vitamin C.", "This is rare."}));
}

TEST(SplitSentences, DoesNotEndAtNumbersFileNamesAndEllipses) {
  const Strings whole = {
      "Version 2.5 costs 3.99 dollars.",
      "7.3.2. Payment is due in thirty days.",
      "§ 4. Termination by the lessor needs cause.",
      "Section 12. Notices shall be in writing.",
      "IV. Obligations of the supplier",
      "a. Keep it dry.",
      "Edit main.cc and /etc/fstab first.",
      "Wait ... Then go.",
      "Well… Then go.",
  };
  for (const std::string& text : whole) EXPECT_EQ(Split(text), Strings{text});
}

TEST(SplitSentences, EndsAtANumberInsideASentence) {
  EXPECT_EQ(
      Split("It was signed in 2019. Payment is due under Section 4. The buyer pays."),
      (Strings{"It was signed in 2019.", "Payment is due under Section 4.", "The buyer pays."}));
}

TEST(SplitSentences, BeginsASentenceWithANameThatKeepsItsSmallLetter) {
  EXPECT_EQ(Split("It fails. fork() returns -1. errno_t is set. `ls` lists. open(2) tells more."),
            (Strings{"It fails.", "fork() returns -1.", "errno_t is set.", "`ls` lists.",
                     "open(2) tells more."}));
}

TEST(SplitSentences, EndsAtABlankLineAndNotAtALineBreak) {
  EXPECT_EQ(Split("One line\ngoes on\r\n\r\nA heading\n \t\n  Text here"),
            (Strings{"One line\ngoes on", "A heading", "Text here"}));
}

TEST(SplitSentences, BeginsASentenceWithEachListItemClauseAndHeading) {
  EXPECT_EQ(Split("You need:\n- a pen\n- paper\n  that is dry\n* ink"),
            (Strings{"You need:", "- a pen", "- paper\n  that is dry", "* ink"}));
  EXPECT_EQ(Split("The lessee shall\n(a) pay the rent;\n(ii) keep it\n2) leave\n7.3 Nothing else"),
            (Strings{"The lessee shall", "(a) pay the rent;", "(ii) keep it", "2) leave",
                     "7.3 Nothing else"}));
  EXPECT_EQ(Split("give\n2.5 mg daily"), (Strings{"give\n2.5 mg daily"}));
  EXPECT_EQ(Split("## Usage\nRun it"), (Strings{"## Usage", "Run it"}));
}

TEST(SplitSentences, KnowsPunctuationOfOtherScripts) {
  EXPECT_EQ(Split("你好。世界！「好。」再见"), (Strings{"你好。", "世界！", "「好。」", "再见"}));
  EXPECT_EQ(Split("यह है। वह है।"), (Strings{"यह है।", "वह है।"}));
  EXPECT_EQ(Split("Das ist z.B. Öl. Über alles. élan"),
            (Strings{"Das ist z.B. Öl.", "Über alles. élan"}));
}

TEST(SplitSentences, GivesNothingForWhiteSpace) {
  EXPECT_TRUE(Split("").empty());
  EXPECT_TRUE(Split(" \n\t\xC2\xA0\n\n").empty());
}

// Any bytes: spans are in order, apart, trimmed, and hold all that is not white space.
TEST(SplitSentences, TakesFurtherAbbreviationsAndPlaceWords) {
  const std::string text = "Give 5 mg subcut. Heparin helps. Give it subcut. The rest waits.";
  EXPECT_EQ(SplitSentences(text).size(), 4u);
  SentenceRules rules;
  rules.abbreviations = {"subcut"};
  const std::vector<ByteSpan> spans = SplitSentences(text, rules);
  ASSERT_EQ(spans.size(), 3u);  // "The" begins a sentence all the same
  EXPECT_EQ(spans[1].start, text.find("Give it"));
  EXPECT_EQ(spans[2].start, text.find("The rest"));
  EXPECT_EQ(SplitSentences("Artikel 5. Haftung").size(), 2u);
  rules.place_words = {"artikel"};
  EXPECT_EQ(SplitSentences("Artikel 5. Haftung", rules).size(), 1u);
}

TEST(SplitSentences, CoversEveryCharacterOfRandomText) {
  const Strings pieces = {"a",  "Word", " ",   "\n", "\n\n", ".",        "!",       "?",
                          "1.", "(a)",  "§",   "。", "\xFF", "\xE3\x80", "e.g.",    "\t",
                          "-",  "\"",   "...", "#",  "|",    "”",        "\xC2\xA0"};
  std::mt19937 random(7);
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    const size_t count = random() % 30;
    for (size_t i = 0; i < count; ++i) text += pieces[random() % pieces.size()];
    uint64_t at = 0;
    const auto is_space = [&](uint64_t i) {
      return std::string_view(" \t\n\r\f\v").find(text[i]) != std::string_view::npos ||
             (text[i] == '\xC2' && i + 1 < text.size() && text[i + 1] == '\xA0') ||
             (text[i] == '\xA0' && i > 0 && text[i - 1] == '\xC2');
    };
    for (const ByteSpan& span : SplitSentences(text)) {
      ASSERT_LE(at, span.start) << text;
      ASSERT_LT(span.start, span.end) << text;
      ASSERT_LE(span.end, text.size());
      for (; at < span.start; ++at) ASSERT_TRUE(is_space(at)) << text << " at " << at;
      ASSERT_FALSE(is_space(span.start)) << text;
      ASSERT_FALSE(is_space(span.end - 1)) << text;
      at = span.end;
    }
    for (; at < text.size(); ++at) ASSERT_TRUE(is_space(at)) << text << " at " << at;
  }
}

}  // namespace
}  // namespace footnote
