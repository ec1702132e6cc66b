#include "indexer/chunking/abbreviations.h"

#include <gtest/gtest.h>

namespace footnote::indexer {
namespace {

using Strings = std::vector<std::string>;

Strings Defined(std::string_view text) {
  Strings found;
  for (const Abbreviation& each : FindDefinedAbbreviations(text)) {
    found.push_back(each.name + "=" + each.long_form);
  }
  return found;
}

TEST(DefinedAbbreviations, AreWordsInBracketsWhoseLettersAreInitials) {
  EXPECT_EQ(Defined("After a myocardial infarction (MI) it"), Strings{"MI=myocardial infarction"});
  EXPECT_EQ(Defined("chronic obstructive\n  pulmonary disease (COPD)"),
            Strings{"COPD=chronic obstructive pulmonary disease"});
  EXPECT_EQ(Defined("end-stage renal disease (ESRD)"), Strings{"ESRD=end-stage renal disease"});
  EXPECT_EQ(Defined("Office of Thrift Supervision (the “OTS”)"),
            Strings{"OTS=Office of Thrift Supervision"});
  EXPECT_EQ(Defined("the Securities and Exchange Commission (\"SEC\")"),
            Strings{"SEC=Securities and Exchange Commission"});
  EXPECT_EQ(Defined("out of hospital cardiac arrest (OHCA)"),
            Strings{"OHCA=out of hospital cardiac arrest"});
  EXPECT_EQ(Defined("proof of concept (PoC)"), Strings{"PoC=proof of concept"});
  EXPECT_EQ(Defined("proton pump inhibitors (PPIs) and statins"),
            Strings{"PPI=proton pump inhibitors"});
}

TEST(DefinedAbbreviations, AreNotWhatMerelyStandsInBrackets) {
  for (const char* text :
       {"the company (US)", "(MI)", "a blue ball (BC)", "see above (see)", "as item (II)",
        "infarction. Myocardial (MI)", "the agreement (the \"Agreement\")", "x (M", "one two (12)",
        "in some (in)"}) {
    EXPECT_EQ(Defined(text), Strings{}) << text;
  }
}

Profile WithFromText() {
  Profile profile;
  profile.abbreviations = {{"MI", "myocardial infarction"}, {"CT", "computed tomography"}};
  profile.abbreviations_from_text = true;
  return profile;
}

std::string LongFormOf(const Abbreviations& abbreviations, const std::string& name) {
  for (size_t i = 0; i < abbreviations.size(); ++i) {
    if (abbreviations[i].name == name) return abbreviations[i].long_form;
  }
  return "none";
}

TEST(Abbreviations, OfTheDocumentGoBeforeThoseOfTheProfile) {
  const Abbreviations abbreviations(WithFromText(), "a mitral insufficiency (MI)");
  EXPECT_EQ(LongFormOf(abbreviations, "MI"), "mitral insufficiency");
  EXPECT_EQ(LongFormOf(abbreviations, "CT"), "computed tomography");
  const Abbreviations twice(WithFromText(), "mental illness (MI), mitral insufficiency (MI)");
  EXPECT_EQ(LongFormOf(twice, "MI"), "none");
  const Abbreviations same(WithFromText(), "mental illness (MI), Mental illness (MI)");
  EXPECT_EQ(LongFormOf(same, "MI"), "mental illness");
  EXPECT_TRUE(Abbreviations(Profile(), "a mitral insufficiency (MI)").empty());
}

TEST(Abbreviations, AreFoundAsWordsInOrder) {
  Profile profile;
  profile.abbreviations = {{"MI", "a"}, {"A&E", "b"}, {"CT", "c"}, {"HbA1c", "d"}};
  const Abbreviations abbreviations(profile, "");
  const auto found = [&](std::string_view text) {
    std::string names;
    for (const size_t each : abbreviations.FindIn(text)) names += abbreviations[each].name + " ";
    return names;
  };
  EXPECT_EQ(found("A CT after the MI, MI-related; HbA1c."), "CT MI HbA1c ");
  EXPECT_EQ(found("two MIs in A&E"), "MI A&E ");
  EXPECT_EQ(found("MILD, mi, OMI, MI2, A&EB, CTscan, MIss"), "");
  EXPECT_EQ(found("(MI)"), "MI ");
}

TEST(Abbreviations, AreSpelledOutWhateverCaseAndLines) {
  const Abbreviation abbreviation = {"MI", "myocardial infarction"};
  EXPECT_TRUE(HoldsLongForm("a Myocardial\n  Infarction", abbreviation));
  EXPECT_FALSE(HoldsLongForm("a myocardial event", abbreviation));
}

}  // namespace
}  // namespace footnote::indexer
