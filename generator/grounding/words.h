// Words of a text, as the support scorer compares them: lower case, light English stems,
// identifiers whole.
//
// Errors: none; any bytes are words of some kind. Threads: any.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/types.h"

namespace footnote::generator::grounding {

enum class TokenKind {
  kWord,
  kIdentifier,  // O_CLOEXEC, open(2), HP:0001166, --force, /etc/passwd, getValue, file.txt
  kNumber,      // digits with their inner punctuation: 1,000 3.14 7.3.2 2020-05-12
  kSymbol,      // one character of punctuation
};

struct Token {
  TokenKind kind = TokenKind::kWord;
  std::string text;   // as written; an identifier without its "()" or "(2)"
  std::string lower;  // `text` in lower case, with ' for ’
  ByteSpan bytes;     // in the text
  bool after_space = true;
};

std::vector<Token> Tokenise(std::string_view text);

// Lower case of every character, Unicode's simple mapping.
std::string LowerCase(std::string_view text);

// The stem of a lower-case word: plural, possessive, -ed, -ing, -ly and a final e are taken off, so
// that forms of one word meet. Not a dictionary: "paid" and "pay" do not meet. Words of other
// scripts come back as they are.
std::string Stem(std::string_view lower);

// 1 for equal stems; less for stems of one family ("terminat", "termination"); 0 otherwise. Words
// for the two sides of a relation (licensor, licensee) are never a family.
double StemLikeness(std::string_view a, std::string_view b);

// "belgian" for "belgium": forms of one name, in letters alone.
bool NamesOfOneFamily(std::string_view a, std::string_view b);

// "unlimited" for "limited": the same stem with a denying prefix on one side only.
bool AreOpposites(std::string_view a, std::string_view b);

}  // namespace footnote::generator::grounding
