// Decoding that invents no number and no name: any words may follow, but one that has a digit or a
// capital letter only as the sources write it. Private to the generator room.
//
// Words are runs of letters and digits, so "3.5 %" is the two words "3" and "5": that they stand
// together is the support score's to see. A capital that only begins a sentence is no name.
#pragma once

#include <array>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "generator/text_generator.h"

namespace footnote::generator::grounding {

// The tokenizer outlives it; the sources are read once. Threads: const, any.
class FactsConstraint final : public TokenConstraint {
 public:
  FactsConstraint(const Tokenizer& tokenizer, const std::vector<std::string_view>& sources);

  std::vector<TokenId> Allowed(std::span<const TokenId> generated) const override;

 private:
  struct Piece {
    TokenId id;
    std::string text;
  };

  // What was written up to here: the word that is being written, and whether it begins a sentence.
  struct Place {
    std::string word;
    bool begins_sentence = true;
  };
  static Place Advance(Place place, char next);

  bool IsFact(const Place& place) const;
  bool IsWhole(const Place& place) const;
  bool MayGoOn(const Place& place) const;
  // Whether the text may follow.
  bool MayFollow(Place place, std::string_view text) const;

  const Tokenizer& tokenizer_;
  std::set<std::string, std::less<>> words_;     // of the sources, that are facts
  std::set<std::string, std::less<>> prefixes_;  // of those
  // Tokens without digits and capitals: those that end a word, and those that go on with one.
  std::vector<TokenId> plain_ending_;
  std::vector<Piece> plain_going_on_;
  // With one, by their first byte; and of those that end a word or stand between words, what may
  // follow: between words, and where a sentence begins.
  std::array<std::vector<Piece>, 256> with_fact_;
  std::vector<TokenId> facts_ending_;
  std::vector<TokenId> facts_between_;
  std::vector<TokenId> facts_first_;
};

}  // namespace footnote::generator::grounding
