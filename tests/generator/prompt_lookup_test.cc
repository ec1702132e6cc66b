// What is guessed for a sequence: where its end stood before, and what came behind it there.

#include "generator/runtime/prompt_lookup.h"

#include <gtest/gtest.h>

#include <random>

namespace footnote::generator {
namespace {

using Tokens = std::vector<TokenId>;

PromptLookup::Guess GuessFor(const Tokens& prompt, const Tokens& answer, size_t limit,
                             std::vector<TokenSpan> first = {}) {
  PromptLookup lookup(prompt, first);
  Tokens all = prompt;
  all.insert(all.end(), answer.begin(), answer.end());
  return lookup.Next(all, limit);
}

TEST(PromptLookup, GuessesWhatStoodBehindTheSameTokens) {
  const auto guess = GuessFor({1, 2, 3, 4, 5, 6, 7}, {9, 2, 3}, 3);
  EXPECT_EQ(guess.tokens, Tokens({4, 5, 6}));
  EXPECT_EQ(guess.match, 2);
}

TEST(PromptLookup, OneTokenAloneIsNoMatch) {
  EXPECT_TRUE(GuessFor({1, 2, 3, 4}, {9, 3}, 3).tokens.empty());
  EXPECT_TRUE(GuessFor({1}, {}, 3).tokens.empty());
  EXPECT_TRUE(GuessFor({1, 2}, {}, 3).tokens.empty()) << "the end itself is no place";
}

TEST(PromptLookup, TheLongestMatchWins) {
  const auto guess = GuessFor({8, 2, 3, 50, 1, 2, 3, 60, 7, 2, 3, 70}, {1, 2, 3}, 1);
  EXPECT_EQ(guess.tokens, Tokens({60}));
  EXPECT_EQ(guess.match, 3);
}

TEST(PromptLookup, OfEqualMatchesThePassagesComeFirstThenTheRestThenTheAnswer) {
  const Tokens prompt = {4, 5, 10, 0, 4, 5, 20, 0, 4, 5, 30, 0};
  EXPECT_EQ(GuessFor(prompt, {4, 5, 40, 1, 4, 5}, 1).tokens, Tokens({10}));
  EXPECT_EQ(GuessFor(prompt, {4, 5, 40, 1, 4, 5}, 1, {{8, 12}}).tokens, Tokens({30}));
  EXPECT_EQ(GuessFor(prompt, {4, 5, 40, 1, 4, 5}, 1, {{4, 8}, {8, 12}}).tokens, Tokens({20}));
  EXPECT_EQ(GuessFor({7, 8}, {4, 5, 40, 1, 4, 5}, 1).tokens, Tokens({40}));
}

TEST(PromptLookup, ARepetitionGoesOnBehindTheEnd) {
  EXPECT_EQ(GuessFor({1, 2, 1, 2}, {}, 5).tokens, Tokens({1, 2, 1, 2, 1}));
}

TEST(PromptLookup, GivesAtMostWhatIsAskedFor) {
  EXPECT_TRUE(GuessFor({1, 2, 3, 1, 2}, {}, 0).tokens.empty());
  EXPECT_EQ(GuessFor({1, 2, 3, 1, 2}, {}, 1).tokens, Tokens({3}));
}

// Against a scan of everything, token by token.
TEST(PromptLookup, FindsWhatAScanFinds) {
  std::mt19937 random(1);
  for (int round = 0; round < 40; ++round) {
    const auto pick = [&](int high) { return static_cast<TokenId>(random() % high); };
    Tokens tokens;
    for (int i = 0; i < 60; ++i) tokens.push_back(pick(6));
    const TokenSpan first = {20, 40};
    PromptLookup lookup(tokens, std::vector<TokenSpan>{first});
    for (int step = 0; step < 30; ++step) {
      const auto rank = [&](size_t place) {
        return place >= first.begin && place < first.end ? 0 : 1;
      };
      size_t best = 0;
      size_t longest = 1;
      for (const int wanted : {0, 1}) {
        for (size_t place = 2; place < tokens.size(); ++place) {
          if (rank(place) != wanted) continue;
          size_t match = 0;
          while (match < std::min<size_t>(place, PromptLookup::kMostMatch) &&
                 tokens[place - 1 - match] == tokens[tokens.size() - 1 - match]) {
            ++match;
          }
          if (match > longest) {
            longest = match;
            best = place;
          }
        }
      }
      const auto guess = lookup.Next(tokens, 1);
      if (best == 0) {
        EXPECT_TRUE(guess.tokens.empty());
      } else {
        EXPECT_EQ(guess.match, static_cast<int>(longest));
        EXPECT_EQ(guess.tokens, Tokens({tokens[best]}));
      }
      tokens.push_back(pick(6));
      if (step % 3 == 0) tokens.push_back(pick(6));  // several tokens between two lookups
    }
  }
}

}  // namespace
}  // namespace footnote::generator
