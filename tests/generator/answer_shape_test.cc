#include "generator/answer_shape.h"

#include <gtest/gtest.h>

namespace footnote::generator {
namespace {

using Subjects = std::vector<std::string>;

TEST(AnswerShape, IsReadFromTheQuestion) {
  for (const char* question :
       {"Does the tenant pay the rent?", "May the tenant keep dogs?", "is it allowed to smoke?"}) {
    EXPECT_EQ(ReadShape(question).shape, AnswerShape::kYesNo) << question;
  }
  for (const char* question :
       {"What are the duties of the tenant?", "Which signals cannot be caught?",
        "List the costs that the tenant bears.", "Name the rooms of the flat."}) {
    EXPECT_EQ(ReadShape(question).shape, AnswerShape::kList) << question;
  }
  for (const char* question :
       {"", "?", "What is the rent?", "Is the rent due monthly or yearly?", "Which class is meant?",
        "How long is the notice period?", "Who pays between May and July?"}) {
    EXPECT_EQ(ReadShape(question).shape, AnswerShape::kPlain) << question;
  }
}

TEST(AnswerShape, AComparisonNamesItsTwoThings) {
  EXPECT_EQ(ReadShape("What is the difference between the deposit and a bank guarantee?").subjects,
            (Subjects{"deposit", "bank guarantee"}));
  EXPECT_EQ(ReadShape("How does fork() differ from vfork()?").subjects,
            (Subjects{"fork()", "vfork()"}));
  EXPECT_EQ(ReadShape("Compare the MIT License with the ISC License.").subjects,
            (Subjects{"MIT License", "ISC License"}));
  EXPECT_TRUE(ReadShape("What differs?").subjects.empty());
}

TEST(Verdict, IsGivenWhereTheTextSettlesIt) {
  const auto yes = [](const char* question, const char* text) {
    EXPECT_EQ(VerdictOf(question, text), Verdict::kYes) << question << " | " << text;
  };
  const auto no = [](const char* question, const char* text) {
    EXPECT_EQ(VerdictOf(question, text), Verdict::kNo) << question << " | " << text;
  };
  yes("May the tenant keep dogs?", "The tenant may keep dogs in the apartment.");
  no("May the tenant keep dogs?", "The tenant may not keep dogs in the apartment.");
  no("May the tenant keep dogs?", "The tenant must not keep dogs.");
  yes("Does the tenant pay the water?", "The tenant shall pay for the water that is used.");
  no("Does the tenant pay the water?", "The tenant does not pay the water.");
  yes("Must the tenant pay a deposit?", "The tenant must pay a deposit of 900 EUR.");
  no("Must the tenant pay a deposit?", "The tenant shall not pay any deposit.");
  yes("Is the garden shared by all tenants?", "The garden is shared by all tenants.");
}

TEST(Verdict, IsNotGivenWhereTheTextLeavesItOpen) {
  const auto open = [](const char* question, const char* text) {
    EXPECT_EQ(VerdictOf(question, text), Verdict::kNone) << question << " | " << text;
  };
  // A condition or an exception.
  open("May the tenant keep dogs?", "The tenant may keep dogs if the landlord consents.");
  open("May the tenant keep dogs?", "The tenant may not keep dogs without written consent.");
  open("Does the tenant pay the repairs?", "The tenant pays the repairs unless they are large.");
  // Another modality.
  open("Must the tenant pay a deposit?", "The tenant may pay a deposit.");
  open("May the tenant keep dogs?", "The tenant keeps dogs.");
  open("Does the tenant pay the water?", "The tenant may pay the water.");
  // Somebody else, something else, the other way round.
  open("May the tenant keep dogs?", "The tenant may keep cats.");
  open("Does the tenant pay the landlord?", "The landlord pays the tenant.");
  open("Is the rent 950 EUR?", "The rent is 850 EUR.");
  // The denial is of something beside it.
  open("May the tenant keep dogs?", "No later than May the tenant may not smoke, nor keep dogs.");
  // Two sentences that disagree.
  open("May the tenant keep dogs?", "The tenant may keep dogs. The tenant may not keep dogs.");
  // No yes/no question; a denied one; a choice.
  open("Who may keep dogs?", "The tenant may keep dogs.");
  open("May the tenant not keep dogs?", "The tenant may keep dogs.");
  open("May the tenant keep dogs or cats?", "The tenant may keep dogs.");
}

TEST(Verdict, OfTheModelsOwnIsTakenAway) {
  EXPECT_EQ(WithoutVerdict("Yes, the tenant may."), "the tenant may.");
  EXPECT_EQ(WithoutVerdict("No. It is forbidden."), "It is forbidden.");
  EXPECT_EQ(WithoutVerdict("YES"), "");
  EXPECT_EQ(WithoutVerdict("No \xE2\x80\x93 never."), "never.");
  for (const char* kept :
       {"No tenant may keep dogs.", "Nobody may.", "Yesterday it was due.", ""}) {
    EXPECT_EQ(WithoutVerdict(kept), kept);
  }
}

TEST(Mentions, WantsNearlyAllContentWords) {
  EXPECT_TRUE(Mentions("The bank guarantees the rent: a guarantee by a bank.", "bank guarantee"));
  EXPECT_FALSE(Mentions("The deposit is 900 EUR.", "bank guarantee"));
  EXPECT_TRUE(Mentions("vfork() creates a child.", "vfork()"));
  EXPECT_FALSE(Mentions("fork() creates a child.", "vfork()"));
}

TEST(SaysMoreThan, TellsAStatementFromAHeading) {
  EXPECT_TRUE(SaysMoreThan("A deposit is money that the tenant hands to the landlord.", "deposit"));
  EXPECT_FALSE(SaysMoreThan("Deposit and bank guarantee, May 2021", "deposit"));
  EXPECT_FALSE(SaysMoreThan("Deposits", "deposit"));
}

}  // namespace
}  // namespace footnote::generator
