#include "generator/runtime/prompt_lookup.h"

#include <algorithm>

namespace footnote::generator {
namespace {

// Bounds a lookup where two tokens stand together everywhere, as in a table: the places of the
// passages come first, so the best are among them.
constexpr int kMostPlaces = 64;

uint64_t PairBefore(std::span<const TokenId> tokens, size_t place) {
  return static_cast<uint64_t>(static_cast<uint32_t>(tokens[place - 2])) << 32 |
         static_cast<uint32_t>(tokens[place - 1]);
}

// How many tokens before `place` agree with the last ones.
int MatchBefore(std::span<const TokenId> tokens, size_t place) {
  const size_t most = std::min<size_t>(place, PromptLookup::kMostMatch);
  size_t match = 0;
  while (match < most && tokens[place - 1 - match] == tokens[tokens.size() - 1 - match]) ++match;
  return static_cast<int>(match);
}

}  // namespace

PromptLookup::PromptLookup(std::span<const TokenId> prompt, std::span<const TokenSpan> first)
    : next_(prompt.size(), 0), indexed_(prompt.size()) {
  chains_.reserve(prompt.size());
  std::vector<bool> added(prompt.size(), false);
  const auto add = [&](size_t begin, size_t end) {
    for (size_t place = std::max<size_t>(begin, kLeastMatch); place < end; ++place) {
      if (!added[place]) Add(prompt, place);
      added[place] = true;
    }
  };
  for (const TokenSpan& span : first) add(span.begin, span.end);
  add(0, prompt.size());
}

void PromptLookup::Add(std::span<const TokenId> tokens, size_t place) {
  const auto here = static_cast<int32_t>(place);
  const auto [chain, fresh] = chains_.try_emplace(PairBefore(tokens, place), Chain{here, here});
  if (fresh) return;
  next_[static_cast<size_t>(chain->second.last)] = here;
  chain->second.last = here;
}

PromptLookup::Guess PromptLookup::Next(std::span<const TokenId> tokens, size_t limit) {
  // The sequence's end is no place: nothing follows it yet.
  next_.resize(tokens.size(), 0);
  for (size_t place = std::max<size_t>(indexed_, kLeastMatch); place < tokens.size(); ++place) {
    Add(tokens, place);
  }
  indexed_ = tokens.size();
  Guess guess;
  if (limit == 0 || tokens.size() < static_cast<size_t>(kLeastMatch)) return guess;
  const auto chain = chains_.find(PairBefore(tokens, tokens.size()));
  if (chain == chains_.end()) return guess;
  size_t best = 0;
  auto place = static_cast<size_t>(chain->second.first);
  for (int read = 0; read < kMostPlaces && place != 0 && guess.match < kMostMatch; ++read) {
    const int match = MatchBefore(tokens, place);
    if (match > guess.match) {
      guess.match = match;
      best = place;
    }
    place = static_cast<size_t>(next_[place]);
  }
  // Behind the end of what is known the guess goes on with itself: a repetition repeats.
  for (size_t i = 0; i < limit; ++i) {
    const size_t at = best + i;
    guess.tokens.push_back(at < tokens.size() ? tokens[at] : guess.tokens[at - tokens.size()]);
  }
  return guess;
}

}  // namespace footnote::generator
