// Prompt lookup: guesses what a sequence generates next from what it holds already.
//
// An answer from passages repeats their words. Where the last tokens stood before, what came behind
// them then is the guess; the model's own pass over it decides (scheduler.h), so a guess can cost
// time but change nothing. Every pair of neighbouring tokens is indexed with the places where it
// stands, so a lookup reads a few places and never scans. Source: Yang et al. 2023, "Inference with
// Reference: Lossless Acceleration of Large Language Models" (guesses copied from documents); hash
// chains as in LZ77. Private to the generator room. Threads: one at a time.
#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "generator/text_generator.h"

namespace footnote::generator {

class PromptLookup {
 public:
  // Tokens of the sequence's end that a place must share to be found, and those that are compared
  // at most. One token alone stands in too many places to say what follows.
  static constexpr int kLeastMatch = 2;
  static constexpr int kMostMatch = 12;

  // Where places agree with equally many tokens, those in `first` win, then those in the rest of
  // the prompt, then those in the answer. Spans lie in the prompt.
  PromptLookup(std::span<const TokenId> prompt, std::span<const TokenSpan> first);

  struct Guess {
    std::vector<TokenId> tokens;  // empty: the sequence's end stands nowhere else
    int match = 0;                // tokens before the guess that agree, kLeastMatch…kMostMatch
  };

  // At most `limit` tokens that may follow `tokens`: the prompt and what was generated since.
  Guess Next(std::span<const TokenId> tokens, size_t limit);

 private:
  // Places with the same two tokens before them, in order of preference.
  struct Chain {
    int32_t first = 0;
    int32_t last = 0;
  };

  void Add(std::span<const TokenId> tokens, size_t place);

  std::unordered_map<uint64_t, Chain> chains_;  // by the two tokens
  std::vector<int32_t> next_;                   // [place] the next place of its chain, 0 at the end
  size_t indexed_;                              // places below it are known
};

}  // namespace footnote::generator
