// What differs in the same place of two sentences. All text is our own; the suite at scale is
// tools/grounding/perturb.py.
#include "generator/grounding/slots.h"

#include <gtest/gtest.h>

#include <string>

namespace footnote::generator::grounding {
namespace {

using Kind = SupportProblem::Kind;

// The word at fault of the first contradiction; empty when there is none.
std::string Fault(const std::string& sentence, const std::string& source) {
  const Claims claims = Analyse(sentence);
  const Claims other = Analyse(source);
  const Claims* sources[] = {&other};
  const std::vector<SupportProblem> problems = Contradictions(claims, sources);
  if (problems.empty()) return "";
  return sentence.substr(problems.front().bytes.start, problems.front().bytes.size());
}

struct Case {
  const char* sentence;
  const char* source;
  const char* fault;
};

void ExpectFaults(std::initializer_list<Case> cases) {
  for (const Case& c : cases) {
    EXPECT_EQ(Fault(c.sentence, c.source), c.fault) << c.sentence << "\n  against: " << c.source;
  }
}

constexpr char kDelivery[] =
    "The supplier shall deliver the spare parts to Hamburg within 14 days, and shall replace "
    "faulty parts within 21 days after the notice of 3 March 2019.";

TEST(Slots, ANumberOfAnotherPlaceIsADifferentNumber) {
  ExpectFaults({
      {"The supplier shall deliver the spare parts to Hamburg within 21 days.", kDelivery,
       "21 days"},
      {"The supplier shall deliver the spare parts to Hamburg within 14 weeks.", kDelivery,
       "14 weeks"},
      {"The supplier shall replace faulty parts within 21 days after the notice of 3 March 2020.",
       kDelivery, "3 March 2020"},
      {"The supplier shall deliver the spare parts to Hamburg within fourteen days.", kDelivery,
       ""},
  });
}

TEST(Slots, ANameInTheSamePlaceIsCompared) {
  ExpectFaults({
      {"The supplier shall deliver the spare parts to Bremen within 14 days.", kDelivery, "Bremen"},
      {"Spare parts go to Hamburg, where the supplier shall deliver them.", kDelivery, ""},
  });
}

TEST(Slots, DenialsInManyForms) {
  constexpr char kPump[] =
      "The pump is safe for infants and can be used without a filter, but the alarm never sounds "
      "while the battery is charging.";
  ExpectFaults({
      {"The pump is not safe for infants.", kPump, "not"},
      {"The pump is unsafe for infants.", kPump, "unsafe"},
      {"The pump cannot be used without a filter.", kPump, "cannot"},
      {"The alarm sounds while the battery is charging.", kPump, "sounds"},
      {"The pump can be used with a filter.", kPump, "filter"},
      {"The pump is safe for infants and can be used without a filter.", kPump, ""},
      {"The alarm doesn't sound while the battery is charging.", kPump, ""},
  });
}

TEST(Slots, ADenialMoreIsTheContrary) {
  ExpectFaults({
      {"Nothing in this deed never limits the right of way.",
       "Nothing in this deed limits the right of way.", "never"},
      {"The fee covers repairs, including but not unlimited to painting.",
       "The fee covers repairs, including but not limited to painting.", "unlimited"},
      {"Nothing in this deed limits the right of way.",
       "Nothing in this deed limits the right of way.", ""},
  });
}

TEST(Slots, AnOrderReachesOnlyWhatItOrders) {
  constexpr char kLoan[] =
      "If you would like to extend the loan of a book online, you will need the number of your "
      "library card and a valid password.";
  ExpectFaults({
      {"You must extend the loan of a book online.", kLoan, "must"},
      {"You must have a valid password and the number of your library card.", kLoan, ""},
      {"You must use an expression in each definition.",
       "The examples show how to use an expression in each definition.", "must"},
  });
}

TEST(Slots, DutiesAndPermissions) {
  ExpectFaults({
      {"The tenant must keep small pets.", "The tenant may keep small pets.", "must"},
      {"The tenant may clean the stairs every week.",
       "The tenant shall clean the stairs every week.", "may"},
      {"The tenant must clean the stairs every week.",
       "The tenant shall clean the stairs every week.", ""},
      {"Guests may not smoke in the hall.", "Guests must not smoke in the hall.", ""},
      {"If you do not agree you must leave.", "If you do not agree you may leave.", "must"},
      {"Ventricular leads must increase the risk of infection.",
       "Ventricular leads increase the risk of infection.", "must"},
      {"You must shake the bottle before use.", "Shake the bottle before use.", ""},
  });
}

TEST(Slots, OtherThingsAreNotInTheSamePlace) {
  ExpectFaults({
      {"The museum opened in 1931 and is closed on Mondays.",
       "In 1950 the town had 4,000 people, most of whom worked in the mine.", ""},
      {"", kDelivery, ""},
      {"The supplier shall deliver.", "", ""},
  });
}

}  // namespace
}  // namespace footnote::generator::grounding
