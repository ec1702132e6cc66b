// Numbers of a text in one form: "1,000", "five", "5 %", "$160 million", "12 May 2020".
#pragma once

#include <span>
#include <string>
#include <vector>

#include "common/types.h"
#include "generator/grounding/words.h"

namespace footnote::generator::grounding {

struct Number {
  std::string value;    // "1000", "3.14", "7.3.2"; a date "2020-05-12" or "2020-05"
  std::string unit;     // canonical ("day", "%", "usd"; "th" of an ordinal); empty when none
  bool counts = false;  // something without a unit: "three copies"
  std::string label;    // "step" of "step 2", "windows" of "Windows 10"; of numbers without a unit
  int bound = 0;        // -1 "at most", +1 "at least", 0 neither
  bool about = false;   // "nearly", "just over": rounded
  std::string range;    // of one end of "6 to 8 hours": the other end's value
  // "one" without a unit and ordinals at a sentence's start state nothing that must be found
  // elsewhere; they still serve as evidence for a "1".
  bool claimed = true;
  size_t first_token = 0;
  size_t last_token = 0;  // inclusive, with the unit
  ByteSpan bytes;         // in the text, with the unit
};

// A list mark at the text's start and references to the context ("[2]", "passage 2") are no
// numbers.
std::vector<Number> FindNumbers(std::span<const Token> tokens);

// True when `evidence` says `claim`: same value, units equal or the claim's unknown (or the claim's
// is money or a share, which tables leave out), labels not different, bounds not opposed, not the
// ends of different ranges. A year or month is said by a date within it.
bool NumberSays(const Number& evidence, const Number& claim);

}  // namespace footnote::generator::grounding
