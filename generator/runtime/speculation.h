// When guessing pays: how often guesses come true, what rows cost, and how many to try.
//
// Guessed rows ride in a pass that is made anyway. They pay while the tokens they are expected to
// give outweigh the time they add. Both sides are measured as the service runs: acceptance by how
// long a match was, the time of a pass by its rows. An old figure is forgotten, and what is not
// known is taken to be cheap, so a width that did not pay is tried again now and then. Time decides
// how much is guessed, never which tokens come out. Private to the generator room. Threads: one.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "generator/runtime/prompt_lookup.h"

namespace footnote::generator {

// How often a guessed token comes true, by the tokens before it that agree.
class AcceptanceRates {
 public:
  AcceptanceRates();

  // (0, 1). `match` above kMostMatch counts as kMostMatch.
  double Rate(int match) const;
  void Add(int match, bool accepted);

  // The same rates as a start that a few observations change: each request learns its own.
  AcceptanceRates AsStart() const;

 private:
  struct Count {
    double accepted = 0;
    double tried = 0;
  };
  std::array<Count, PromptLookup::kMostMatch + 1> by_match_;
};

// Milliseconds of a pass by its rows, decoding alone.
class PassCosts {
 public:
  static constexpr int kMostRows = 16;

  void Add(int64_t rows, double milliseconds);

  // A moving average; the next narrower pass's where there is none of late; 0: nothing is known.
  double Milliseconds(int64_t rows) const;

 private:
  struct Cost {
    double milliseconds = 0;
    int64_t measured_at = 0;  // in passes_
    int64_t measured = 0;     // times
  };
  bool Known(const Cost& cost) const;

  std::array<Cost, kMostRows + 1> by_rows_;
  int64_t passes_ = 0;
};

// A sequence that could guess.
struct GuessOffer {
  int match = 0;      // PromptLookup::Guess's
  size_t tokens = 0;  // guessed at most
  const AcceptanceRates* rates = nullptr;
};

// How many tokens each offer shall guess, `spare_rows` all together at most, so that a pass of
// `rows` rows and the guesses gives the most tokens for its time.
std::vector<size_t> PlanGuesses(std::span<const GuessOffer> offers, int64_t rows,
                                int64_t spare_rows, const PassCosts& costs);

// The same beside pieces of prompts, where a guess takes the place of one of their rows: what is
// likelier true than not.
std::vector<size_t> PlanLikelyGuesses(std::span<const GuessOffer> offers, int64_t spare_rows);

}  // namespace footnote::generator
