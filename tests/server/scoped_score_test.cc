#include "server/eval/scoped_score.h"

#include <gtest/gtest.h>

namespace footnote::server {
namespace {

Passage Of(uint64_t start, uint64_t end, const std::string& document = "d") {
  Passage passage;
  passage.document_id = document;
  passage.span = {start, end};
  return passage;
}

// Evidence is told in characters, passages in bytes: the § and the ü before and in it have two.
TEST(ScopedScore, CountsCharactersNotBytes) {
  const std::string text = "§ 4 Kündigung: drei Monate.";
  const std::vector<EvidenceSpan> evidence = {{"d", 4, 13}};  // Kündigung
  const ScopedScore half = ScoreScoped(evidence, {Of(0, 8)}, "d", text);
  EXPECT_DOUBLE_EQ(half.recall, 2.0 / 9) << "§, space, 4, space, K, ü";
  EXPECT_EQ(half.returned_characters, 6);
  EXPECT_EQ(half.returned_bytes, 8);
  EXPECT_DOUBLE_EQ(ScoreScoped(evidence, {Of(0, 15)}, "d", text).recall, 1);
}

TEST(ScopedScore, WhatSeveralPassagesHoldCountsOnce) {
  const ScopedScore score = ScoreScoped({{"d", 2, 6}}, {Of(0, 5), Of(3, 6)}, "d", "abcdefghij");
  EXPECT_DOUBLE_EQ(score.recall, 1);
  EXPECT_EQ(score.returned_characters, 6);
}

TEST(ScopedScore, OtherDocumentsAndWhatLiesBeyondTheTextAreLeftOut) {
  const ScopedScore score = ScoreScoped({{"d", 8, 99}, {"other", 0, 5}},
                                        {Of(8, 99), Of(0, 5, "other")}, "d", "abcdefghij");
  EXPECT_DOUBLE_EQ(score.recall, 1);
  EXPECT_EQ(score.returned_characters, 2);
  EXPECT_EQ(ScoreScoped({}, {Of(0, 5)}, "d", "abcdefghij").recall, 0);
}

}  // namespace
}  // namespace footnote::server
