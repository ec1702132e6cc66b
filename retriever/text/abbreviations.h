// Abbreviations that a text itself explains: "myocardial infarction (MI)", "MI (myocardial
// infarction)".
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace footnote::retriever {

struct AbbreviationPair {
  std::string abbreviation;  // "MI"
  std::string long_form;     // "myocardial infarction"
  bool operator==(const AbbreviationPair&) const = default;
};

// Pairs in order of their places. An abbreviation has 2 to 10 characters, a letter among them, and
// at most two words; its letters and digits stand in that order in the long form, the first at the
// beginning of a word. Source: Schwartz and Hearst 2003, "A simple algorithm for identifying
// abbreviation definitions in biomedical text".
std::vector<AbbreviationPair> FindAbbreviations(std::string_view text);

}  // namespace footnote::retriever
