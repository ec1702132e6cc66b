// Words, numbers, questions, gate 1, refusals: the parts that support scoring is made of.
#include "generator/grounding.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "generator/grounding.h"
#include "generator/grounding/claims.h"
#include "generator/grounding/question.h"

namespace footnote::generator {
namespace {

using grounding::Analyse;
using grounding::Claims;
using grounding::ContentWord;
using grounding::Number;
using grounding::Stem;
using grounding::StemLikeness;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;

std::vector<std::string> Names(std::string_view text) {
  std::vector<std::string> names;
  for (const ContentWord& word : Analyse(text).words) {
    if (word.name) names.push_back(word.stem);
  }
  return names;
}

std::vector<std::string> Negated(std::string_view text) {
  std::vector<std::string> negated;
  for (const ContentWord& word : Analyse(text).words) {
    if (word.negated) negated.push_back(word.stem);
  }
  return negated;
}

// "1500 usd", "30 day", "2020-05-12 "…
std::vector<std::string> Numbers(std::string_view text) {
  std::vector<std::string> numbers;
  for (const Number& number : Analyse(text).numbers) {
    if (!number.claimed) continue;
    numbers.push_back(number.value + (number.unit.empty() ? "" : " " + number.unit));
  }
  return numbers;
}

bool Says(std::string_view evidence, std::string_view claim) {
  const Claims source = Analyse(evidence);
  const Claims claimed = Analyse(claim);
  EXPECT_EQ(claimed.numbers.size(), 1u) << claim;
  for (const Number& number : source.numbers) {
    if (NumberSays(number, claimed.numbers.at(0))) return true;
  }
  return false;
}

TEST(Stemming, FormsOfOneWordMeet) {
  for (auto [a, b] : {std::pair{"licences", "license"},
                      {"parties", "party"},
                      {"paying", "pay"},
                      {"terminated", "terminates"},
                      {"stopped", "stops"},
                      {"classes", "class"},
                      {"boxes", "box"},
                      {"exclusively", "exclusive"},
                      {"tenant's", "tenants"},
                      {"copied", "copies"}}) {
    EXPECT_EQ(Stem(a), Stem(b)) << a << " " << b;
  }
}

TEST(Stemming, DifferentWordsDoNotMeet) {
  for (auto [a, b] : {std::pair{"licensor", "licensee"},
                      {"employer", "employee"},
                      {"apply", "app"},
                      {"bus", "bu"},
                      {"sing", "s"},
                      {"status", "state"}}) {
    EXPECT_NE(Stem(a), Stem(b)) << a << " " << b;
    EXPECT_EQ(StemLikeness(Stem(a), Stem(b)), 0) << a << " " << b;
  }
  EXPECT_GT(StemLikeness(Stem("terminate"), Stem("termination")), 0.5);
  EXPECT_LT(StemLikeness(Stem("terminate"), Stem("termination")), 1);
}

TEST(NumberReading, WritesNumbersInOneForm) {
  EXPECT_THAT(Numbers("It costs $1,500."), ElementsAre("1500 usd"));
  EXPECT_THAT(Numbers("It costs 1500 dollars."), ElementsAre("1500 usd"));
  EXPECT_THAT(Numbers("a rent of EUR 950.00"), ElementsAre("950 eur"));
  EXPECT_THAT(Numbers("within thirty (30) calendar days"), ElementsAre("30 day"));
  EXPECT_THAT(Numbers("within 30-day periods"), ElementsAre("30 day"));
  EXPECT_THAT(Numbers("five percent or 5 %, 5% and 5 per cent"),
              ElementsAre("5 %", "5 %", "5 %", "5 %"));
  EXPECT_THAT(Numbers("twenty-five patients"), ElementsAre("25"));
  EXPECT_THAT(Numbers("$160 million"), ElementsAre("160000000 usd"));
  EXPECT_THAT(Numbers("on 12 May 2020"), ElementsAre("2020-05-12"));
  EXPECT_THAT(Numbers("on May 12th, 2020"), ElementsAre("2020-05-12"));
  EXPECT_THAT(Numbers("on 2020-05-12"), ElementsAre("2020-05-12"));
  EXPECT_THAT(Numbers("in May 2020"), ElementsAre("2020-05"));
  EXPECT_THAT(Numbers("section 7.3.2 of version 2.0"), ElementsAre("7.3.2", "2"));
  EXPECT_THAT(Numbers("a dose of 0.50 mg"), ElementsAre("0.5 mg"));
  EXPECT_THAT(Numbers("one year"), ElementsAre("1 year"));
  EXPECT_THAT(Numbers("the third day"), ElementsAre("3 th"));
  EXPECT_THAT(Numbers("a pipe of 64 KiB"), ElementsAre("64 kib"));
}

TEST(NumberReading, MarksAreNoNumbers) {
  EXPECT_THAT(Numbers("1. Open the file."), IsEmpty());
  EXPECT_THAT(Numbers("(2) Close the file."), IsEmpty());
  EXPECT_THAT(Numbers("The file is closed [3]."), IsEmpty());
  EXPECT_THAT(Numbers("As passages 1, 2 and 3 say, it lasts 4 days."), ElementsAre("4 day"));
  EXPECT_THAT(Numbers("one of the parties"), IsEmpty());
  EXPECT_THAT(Numbers("First, open the file."), IsEmpty());
  EXPECT_THAT(Numbers("You may leave."), IsEmpty());
  EXPECT_THAT(Numbers("see open(2)"), IsEmpty());
}

TEST(NumberReading, EqualNumbersSayEachOther) {
  EXPECT_TRUE(Says("a fee of $1,500", "1500"));
  EXPECT_TRUE(Says("signed on 12 May 2020", "the year 2020"));
  EXPECT_TRUE(Says("thirty days", "30 days"));
  EXPECT_FALSE(Says("thirty days", "30 months"));
  EXPECT_FALSE(Says("three months", "three copies"));
  EXPECT_FALSE(Says("signed on 12 May 2020", "13 May 2020"));
  EXPECT_FALSE(Says("1,500", "15"));
  EXPECT_TRUE(Says("not more than 5 days", "at most 5 days"));
  EXPECT_FALSE(Says("at least 5 days", "at most 5 days"));
  EXPECT_FALSE(Says("no later than 5 days", "more than 5 days"));
  EXPECT_TRUE(Says("three more minutes", "3 minutes"));
}

TEST(NumberReading, TheEndsOfARangeBelongTogether) {
  // Of each text the first number.
  const auto first_says = [](std::string_view evidence, std::string_view claim) {
    return grounding::NumberSays(grounding::Analyse(evidence).numbers.at(0),
                                 grounding::Analyse(claim).numbers.at(0));
  };
  EXPECT_TRUE(first_says("6-8 hours", "6 to 8 hours"));
  EXPECT_TRUE(first_says("between $100 and $300", "$100-$300"));
  EXPECT_FALSE(first_says("6 to 8 hours", "6-9 hours"));
  EXPECT_FALSE(first_says("$100 to $300", "$100 to $500"));
  EXPECT_TRUE(first_says("6 to 8 hours", "6 hours"));
  EXPECT_TRUE(first_says("6 hours", "6 to 8 hours"));
  EXPECT_TRUE(first_says("6 and 8 hours", "6 and 9 hours"));
}

TEST(Names, CapitalsAcronymsAndIdentifiers) {
  EXPECT_THAT(Names("The laws of Denmark apply to Acme Widgets."),
              ElementsAre("denmark", "acme", "widget"));
  EXPECT_THAT(Names("Call open(2) with O_CLOEXEC, see HP:0001166 and /etc/passwd or --force."),
              ElementsAre("open", "o_cloexec", "hp:0001166", "/etc/passwd", "--forc"));
  EXPECT_THAT(Names("The GPL and the NOTICE file"), ElementsAre("gpl", "notic"));
  EXPECT_THAT(Names("Berlin is large."), ElementsAre("berlin"));
  EXPECT_THAT(Names("It says: Tenants pay."), IsEmpty());
  EXPECT_THAT(Names("THE SOFTWARE IS PROVIDED AS IS."), IsEmpty());
  EXPECT_THAT(Names("Termination is possible. Patients recover."), IsEmpty());
  EXPECT_THAT(Names("This is how Ärzte in Zürich work."), ElementsAre("ärzte", "zürich"));
}

TEST(NegationScope, CoversWhatIsDenied) {
  EXPECT_THAT(Negated("The tenant may not keep dogs."), ElementsAre("keep", "dog"));
  EXPECT_THAT(Negated("It cannot be caught, blocked or ignored."),
              ElementsAre("caught", "block", "ignor"));
  EXPECT_THAT(Negated("Keeping dogs is prohibited, cats are welcome."), ElementsAre("keep", "dog"));
  EXPECT_THAT(Negated("If it is not set, the call returns."), ElementsAre("set"));
  EXPECT_THAT(Negated("The notice is due unless waived."), ElementsAre("waiv"));
}

TEST(NegationScope, IdiomsDenyNothing) {
  EXPECT_THAT(Negated("Pay no later than Friday."), IsEmpty());
  EXPECT_THAT(Negated("This includes, without limitation, all fees."), IsEmpty());
  EXPECT_THAT(Negated("It is not only fast."), IsEmpty());
  EXPECT_THAT(Negated("whether or not the file exists"), IsEmpty());
  EXPECT_THAT(Negated("See No. 5 of the list."), IsEmpty());
}

TEST(Questions, TellWhatTheyWant) {
  using grounding::ReadQuestion;
  using grounding::Wanted;
  EXPECT_EQ(ReadQuestion("What is arachnodactyly?").wanted, Wanted::kDefinition);
  EXPECT_THAT(ReadQuestion("What is arachnodactyly?").defined, ElementsAre(Stem("arachnodactyly")));
  EXPECT_EQ(ReadQuestion("What does SIGPIPE mean?").wanted, Wanted::kDefinition);
  EXPECT_EQ(ReadQuestion("What is the capital of France?").wanted, Wanted::kAnything);
  EXPECT_EQ(ReadQuestion("How many copies may I make?").wanted, Wanted::kNumber);
  EXPECT_EQ(ReadQuestion("When does it end?").wanted, Wanted::kDate);
  EXPECT_EQ(ReadQuestion("Who signs?").wanted, Wanted::kPerson);
  EXPECT_EQ(ReadQuestion("").wanted, Wanted::kAnything);
}

Passage MakePassage(std::string title, std::string text, double dense, double lexical) {
  Passage passage;
  passage.title = std::move(title);
  passage.text = std::move(text);
  passage.span = {0, passage.text.size()};
  passage.dense_score = dense;
  passage.lexical_score = lexical;
  return passage;
}

// Scores are those that MiniLM and BM25 give such pairs.
TEST(AnswerabilityGate, RelevantPassagesPassAndOthersDoNot) {
  const double gate = ThresholdsFor(RiskSetting::kBalanced).answerability;
  const std::vector<Passage> lease = {
      MakePassage("Lease", "The tenant shall pay the rent on the first day of each month.", 0.62,
                  9),
      MakePassage("House rules", "The garden is shared by all tenants.", 0.41, 3)};
  EXPECT_GT(Answerability("When does the tenant pay the rent?", lease), gate);
  const std::vector<Passage> strangers = {
      MakePassage("MIT", "Permission is granted to any person to deal in the Software.", 0.06, 0),
      MakePassage("Handbook", "A capital letter begins the name.", 0.14, 2.5)};
  EXPECT_LT(Answerability("What is the capital of France?", strangers), gate / 2);
  // Each word somewhere, but nowhere together, and no nearness.
  const std::vector<Passage> scattered = {
      MakePassage("", "The capital of the company is divided into shares.", 0.16, 4),
      MakePassage("", "Offices are in Denmark and in France.", 0.2, 4)};
  EXPECT_LT(Answerability("What is the capital of France?", scattered), gate);
}

TEST(AnswerabilityGate, MoreEvidenceMeansMore) {
  const auto with = [](double dense, const char* text) {
    const Passage passage = MakePassage("", text, dense, 5);
    return Answerability("Does Apache grant patents?", std::span(&passage, 1));
  };
  EXPECT_GT(with(0.5, "Apache grants patents."), with(0.3, "Apache grants patents."));
  EXPECT_GT(with(0.5, "Apache grants patents."), with(0.5, "Apache does things."));
  EXPECT_GT(with(0.5, "Apache does things."), with(0.5, "Nobody does things."));
}

TEST(AnswerabilityGate, OneSentenceThatSaysAllBeatsSeveralThatSayAPart) {
  const auto features = [](const char* text) {
    const Passage passage = MakePassage("", text, 0.5, 5);
    return ReadAnswerability("Does the lessee insure the machine?", std::span(&passage, 1));
  };
  const auto together = features("The lessee insures the machine. The sky is blue.");
  const auto apart = features("The lessee pays. Somebody insures it. The machine is blue.");
  EXPECT_EQ(together.coverage, apart.coverage);
  EXPECT_GT(together.sentence_coverage, apart.sentence_coverage + 0.3);
  EXPECT_GT(Answerability(together), Answerability(apart));
}

TEST(AnswerabilityGate, TheNearestSentenceCountsWhereItIsKnown) {
  Passage passage = MakePassage("", "The rent is due.", 0.4, 5);
  const auto best = [&] {
    return ReadAnswerability("Rent?", std::span(&passage, 1)).best_sentence;
  };
  EXPECT_EQ(best(), 0.4) << "of an older index: the chunk's";
  passage.sentence_score = 0.7;
  EXPECT_EQ(best(), 0.7);
}

TEST(AnswerabilityGate, OddInputStaysWithinBounds) {
  EXPECT_EQ(Answerability("What?", {}), 0);
  const std::vector<Passage> empty(3);
  for (std::string_view question : {"", "?", "the of", "\xFF", "What is X?"}) {
    const double score = Answerability(question, empty);
    EXPECT_GE(score, 0);
    EXPECT_LT(score, 0.1) << question;
  }
}

TEST(Thresholds, StricterSettingsAskForMore) {
  const GroundingThresholds strict = ThresholdsFor(RiskSetting::kStrict);
  const GroundingThresholds balanced = ThresholdsFor(RiskSetting::kBalanced);
  const GroundingThresholds open = ThresholdsFor(RiskSetting::kOpen);
  for (double GroundingThresholds::*field :
       {&GroundingThresholds::answerability, &GroundingThresholds::sentence_support,
        &GroundingThresholds::answer_support, &GroundingThresholds::quotation_relevance,
        &GroundingThresholds::quotation_confidence}) {
    EXPECT_GT(strict.*field, balanced.*field);
    EXPECT_GT(balanced.*field, open.*field);
    EXPECT_GT(open.*field, 0);
    EXPECT_LT(strict.*field, 1);
  }
}

TEST(Refusals, AreKnownByTheirPhrases) {
  EXPECT_TRUE(IsRefusal("I don't know."));
  EXPECT_TRUE(IsRefusal("I don’t know the answer."));
  EXPECT_TRUE(IsRefusal("I'm sorry, but I cannot answer that."));
  EXPECT_TRUE(IsRefusal("The passages do not mention a capital."));
  EXPECT_FALSE(IsRefusal(""));
  EXPECT_FALSE(IsRefusal("The rent is 950 EUR."));
  EXPECT_FALSE(IsRefusal("The rent is due monthly. It is 950 EUR. The context does not matter."));
}

}  // namespace
}  // namespace footnote::generator
