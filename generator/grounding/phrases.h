// Words and phrases of all passages together: what a text took from them, wherever it stands.
//
// Words are compared by their stems. Threads: const after construction.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "generator/grounding/claims.h"

namespace footnote::generator::grounding {

class Phrases {
 public:
  // A phrase lies within one of `units` (a sentence) or `titles`.
  Phrases(std::span<const Claims> units, std::span<const Claims> titles);

  // `word` of `claims`.
  bool Holds(const Claims& claims, const ContentWord& word) const;
  bool Says(const Number& number) const;

  // Shares, 0…1, of what `claims` has; 1 when it has none of it.
  double Words(const Claims& claims) const;   // content words
  double Pairs(const Claims& claims) const;   // neighbouring content words; a single word: Words()
  double Copied(const Claims& claims) const;  // words in runs of three; in shorter texts: Pairs()
  double Names(const Claims& claims) const;
  double Numbers(const Claims& claims) const;

 private:
  std::unordered_set<std::string> stems_;
  std::unordered_set<std::string> pairs_;
  std::unordered_set<std::string> triples_;
  std::vector<Number> numbers_;
};

}  // namespace footnote::generator::grounding
