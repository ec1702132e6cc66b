// Abbreviations that a chunk holds without saying what they stand for.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "indexer/profile.h"

namespace footnote::indexer {

struct Abbreviation {
  std::string name;       // "MI"
  std::string long_form;  // "myocardial infarction"
};

// What `text` itself defines, "long form (LF)" or "long form (the “LF”)": a word in brackets of two
// letters or more, at least two of them capitals, which are the initials of the words before it
// ("of", "and" and the like may be passed over). One that is defined in two ways comes twice.
std::vector<Abbreviation> FindDefinedAbbreviations(std::string_view text);

class Abbreviations {
 public:
  // Those of the profile and, if it says so, those that `text` defines, which go before it. What
  // `text` defines in two ways is left out.
  Abbreviations(const Profile& profile, std::string_view text);

  bool empty() const { return abbreviations_.empty(); }
  size_t size() const { return abbreviations_.size(); }
  const Abbreviation& operator[](size_t index) const { return abbreviations_[index]; }

  // Those that stand in `text` as words, in order of their first place there; also "MIs".
  std::vector<size_t> FindIn(std::string_view text) const;

 private:
  std::vector<Abbreviation> abbreviations_;
  // By the letters and digits that a name begins with: "A" for "A&E".
  std::unordered_map<std::string, std::vector<size_t>> by_start_;
};

// True when `text` holds the long form, in whatever case and however its lines break.
bool HoldsLongForm(std::string_view text, const Abbreviation& abbreviation);

}  // namespace footnote::indexer
