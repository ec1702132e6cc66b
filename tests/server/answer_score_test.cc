// Judging an answer from outside. The rule and the figures are simple enough to be worked out by
// hand; all text is our own.
#include "server/eval/answer_score.h"

#include <gtest/gtest.h>

#include "server/eval/bootstrap.h"

namespace footnote::server {
namespace {

constexpr char kLease[] =
    "The tenant shall pay the rent of 1,950 EUR on the first working day of each month. "
    "Either party may end the lease with a notice period of three months. "
    "The garden is shared by all tenants.";

TEST(AnswerTokens, AreLowerCaseWordsAndWholeNumbers) {
  EXPECT_EQ(AnswerTokens("The Rent: 1,950.50 EUR (a month)."),
            (std::vector<std::string>{"rent", "1950.50", "eur", "month"}));
  EXPECT_TRUE(AnswerTokens(" the, a. ").empty());
}

TEST(TokenF1, IsTheHarmonicMeanOfPrecisionAndRecall) {
  EXPECT_DOUBLE_EQ(TokenF1("three months", "three months"), 1);
  // Shared: three, months; 2 of 4 and 2 of 2.
  EXPECT_DOUBLE_EQ(TokenF1("a notice of three months", "three months"), 2 * 0.5 * 1 / (0.5 + 1));
  // A word counts as often as both have it.
  EXPECT_DOUBLE_EQ(TokenF1("months months", "months"), 2 * 0.5 * 1 / (0.5 + 1));
  EXPECT_EQ(TokenF1("", "three"), 0);
  EXPECT_EQ(TokenF1("four", "three"), 0);
}

TEST(SupportTexts, HoldWhatNeighbouringSentencesSay) {
  const SupportTexts texts({kLease});
  EXPECT_TRUE(texts.Support("The tenant pays the rent on the first working day."));
  EXPECT_TRUE(texts.Support("Each month 1950 EUR rent shall be paid."));
  EXPECT_FALSE(texts.Support("The rent is 2,950 EUR."));
  EXPECT_FALSE(texts.Support("Dogs are welcome in the garden after sunset."));
  // Nothing is claimed.
  EXPECT_FALSE(SupportTexts::Claims("It is what it is."));
  EXPECT_TRUE(SupportTexts::Claims("It is green."));
}

TEST(SupportTexts, WordsOfDistantPlacesDoNotAddUp) {
  const std::string far =
      "The tenant pays nothing. One. Two. Three. Four. The landlord repairs roofs.";
  EXPECT_FALSE(SupportTexts({far}).Support("The tenant repairs roofs, nothing pays landlord."));
  EXPECT_TRUE(SupportTexts({far}).Support("The landlord repairs roofs."));
  // Nor do those of two texts.
  EXPECT_FALSE(SupportTexts({"The tenant pays.", "Roofs are repaired yearly."})
                   .Support("The tenant repairs roofs yearly, pays."));
}

TEST(JudgeQuotation, IsRightByHalfOfEitherAndNamesWhatItTouches) {
  GoldAnswer gold;
  gold.evidence["lease"] = {{100, 200}, {210, 220}};
  const auto judge = [&](uint64_t start, uint64_t end) {
    return JudgeQuotation("lease", {start, end}, gold);
  };
  EXPECT_TRUE(judge(150, 160).right) << "it lies in evidence";
  EXPECT_TRUE(judge(190, 210).right) << "half of it does";
  EXPECT_FALSE(judge(190, 212).touched.empty());
  EXPECT_FALSE(judge(195, 210).right) << "ten of its fifteen bytes are beside the pieces";
  EXPECT_TRUE(judge(0, 150).right) << "it holds half of a piece";
  EXPECT_FALSE(judge(0, 149).right);
  EXPECT_TRUE(judge(215, 400).right) << "half of the second";
  EXPECT_EQ(judge(199, 211).touched, (std::vector<size_t>{0, 1}));
  EXPECT_TRUE(judge(200, 210).touched.empty());
  EXPECT_FALSE(JudgeQuotation("other", {100, 200}, gold).right);
}

class ScoreTest : public ::testing::Test {
 protected:
  ScoreTest() {
    gold_.answers = {"three months"};
    gold_.evidence["lease"] = {{80, 150}};
    gold_.evidence_texts = {"Either party may end the lease with a notice period of three months."};
    Passage passage;
    passage.document_id = "lease";
    passage.text = kLease;
    passage.span = {0, passage.text.size()};
    answer_.passages = {passage};
  }

  void Say(std::string text, SentenceOrigin origin) {
    AnswerSentence sentence;
    sentence.text = text;
    sentence.origin = origin;
    answer_.sentences.push_back(sentence);
    answer_.text += (answer_.text.empty() ? "" : " ") + text;
  }

  void Cite(const std::string& document, ByteSpan span) {
    Citation citation;
    citation.document_id = document;
    citation.span = span;
    answer_.citations.push_back(citation);
  }

  GoldAnswer gold_;
  Answer answer_;
};

TEST_F(ScoreTest, SentencesAreCountedByWhoWroteThem) {
  Say("The notice period is three months.", SentenceOrigin::kGenerated);
  Say("Dogs are welcome on Mars.", SentenceOrigin::kGenerated);
  Say("The garden is shared by all tenants.", SentenceOrigin::kQuoted);
  const AnswerScore score = ScoreAnswer(answer_, gold_);
  EXPECT_EQ(score.sentences, 3);
  EXPECT_EQ(score.unsupported, 1);
  EXPECT_EQ(score.written, 2);
  EXPECT_EQ(score.written_unsupported, 1);
  EXPECT_GT(score.f1, kUsefulF1);
  EXPECT_TRUE(score.useful());
  EXPECT_FALSE(score.wrong());
}

TEST_F(ScoreTest, ACitationIsRightByHalf) {
  Say("Something else.", SentenceOrigin::kGenerated);
  Cite("lease", {60, 99});     // 19 of 39 bytes lie in the evidence, and they are 19 of 70
  Cite("another", {80, 150});  // another document
  AnswerScore score = ScoreAnswer(answer_, gold_);
  EXPECT_EQ(score.citations, 2);
  EXPECT_EQ(score.right_citations, 0);
  EXPECT_TRUE(score.wrong());
  Cite("lease", {60, 100});  // 20 of 40
  Cite("lease", {0, 115});   // 35 of the evidence's 70
  score = ScoreAnswer(answer_, gold_);
  EXPECT_EQ(score.right_citations, 2);
  EXPECT_EQ(score.cited_spans, 1);
  EXPECT_TRUE(score.cites_evidence);
  EXPECT_FALSE(score.wrong());
  EXPECT_TRUE(score.useful());
  EXPECT_TRUE(score.evidence_retrieved);
}

TEST_F(ScoreTest, WhoAbstainsIsNeitherWrongNorUseful) {
  answer_.abstained = true;
  const AnswerScore score = ScoreAnswer(answer_, gold_);
  EXPECT_FALSE(score.useful());
  EXPECT_FALSE(score.wrong());
  EXPECT_EQ(score.f1, 0);
  EXPECT_TRUE(score.evidence_retrieved);
}

TEST(BootstrapRatio, DividesSumsAndHoldsThem) {
  const Bootstrapped ratio = BootstrapRatio({1, 0, 2, 0}, {2, 2, 2, 2}, 1);
  EXPECT_DOUBLE_EQ(ratio.mean, 3.0 / 8);
  EXPECT_LE(ratio.low, ratio.mean);
  EXPECT_GE(ratio.high, ratio.mean);
  EXPECT_EQ(BootstrapRatio({0, 0}, {0, 0}, 1).mean, 0);
  EXPECT_EQ(BootstrapRatio({}, {}, 1).mean, 0);
  // All alike: no spread.
  const Bootstrapped alike = BootstrapRatio({1, 1}, {4, 4}, 1);
  EXPECT_DOUBLE_EQ(alike.low, 0.25);
  EXPECT_DOUBLE_EQ(alike.high, 0.25);
}

}  // namespace
}  // namespace footnote::server
