#include "server/eval/retrieval_metrics.h"

#include <gtest/gtest.h>

#include <cmath>

namespace footnote::server {
namespace {

// Worked by hand from the definitions: gain 2^grade - 1, discount log2(rank + 1).
TEST(RetrievalMetrics, NdcgOfAKnownRanking) {
  const Grades grades = {{"a", 2}, {"b", 1}, {"c", 0}};
  const double dcg = 1 / std::log2(2) + 3 / std::log2(4);
  const double ideal = 3 / std::log2(2) + 1 / std::log2(3);
  EXPECT_DOUBLE_EQ(Ndcg({"b", "c", "a"}, grades, 10), dcg / ideal);
  EXPECT_DOUBLE_EQ(Ndcg({"a", "b"}, grades, 10), 1);
}

TEST(RetrievalMetrics, DepthCutsTheRanking) {
  const Grades grades = {{"a", 1}, {"b", 1}};
  EXPECT_DOUBLE_EQ(Recall({"x", "a", "b"}, grades, 2), 0.5);
  EXPECT_DOUBLE_EQ(ReciprocalRank({"x", "a"}, grades, 1), 0);
  EXPECT_DOUBLE_EQ(ReciprocalRank({"x", "a"}, grades, 2), 0.5);
}

TEST(RetrievalMetrics, NothingRelevantIsZeroNotNan) {
  EXPECT_EQ(Ndcg({"a"}, {{"a", 0}}, 10), 0);
  EXPECT_EQ(Recall({"a"}, {}, 10), 0);
}

TEST(RetrievalMetrics, WhatWasSaidBeforeIsCountedByWordTriples) {
  EXPECT_EQ(RepeatedShare({"Rent is due monthly.", "RENT is due, monthly!"}), 1);
  // "is due monthly" of two triples; of the third text nothing.
  EXPECT_EQ(RepeatedShare({"Rent is due monthly.", "What is due monthly?", "a b c"}), 0.25);
  EXPECT_EQ(RepeatedShare({"a b", "a b"}), 0);
  EXPECT_EQ(RepeatedShare({"a b c"}), 0);
  EXPECT_EQ(RepeatedShare({}), 0);
}

TEST(RetrievalMetrics, PercentileIsTheNearestRank) {
  EXPECT_EQ(Percentile({4, 1, 3, 2}, 0.5), 2);
  EXPECT_EQ(Percentile({4, 1, 3, 2}, 0.95), 4);
  EXPECT_EQ(Percentile({}, 0.5), 0);
}

}  // namespace
}  // namespace footnote::server
