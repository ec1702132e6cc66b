#include "indexer/pipeline/vector_cache.h"

#include <gtest/gtest.h>

namespace footnote::indexer {
namespace {

// What an entry of width 3 is taken for: see vector_cache.h.
constexpr uint64_t kEntry = 256 + 3 * sizeof(float) + 5 * (3 + sizeof(ByteSpan));

TEST(VectorCache, ForgetsWhatWasNotAskedForLongest) {
  const TextVectors vectors{{1, 2, 3}, {{{0, 4}}, {127, 1, 2}}};
  VectorCache cache(3 * kEntry, 3);
  for (const char* key : {"a", "b", "c"}) cache.Put(key, vectors);
  ASSERT_NE(cache.Get("a"), nullptr);
  cache.Put("d", vectors);
  EXPECT_EQ(cache.Get("b"), nullptr);
  for (const char* key : {"a", "c", "d"}) {
    ASSERT_NE(cache.Get(key), nullptr) << key;
    EXPECT_EQ(cache.Get(key)->own, vectors.own);
    EXPECT_EQ(cache.Get(key)->sentences.values, vectors.sentences.values);
  }
}

TEST(VectorCache, WithoutRoomKeepsNothing) {
  VectorCache cache(100, 3);
  cache.Put("a", {{1, 2, 3}, {}});
  EXPECT_EQ(cache.Get("a"), nullptr);
}

}  // namespace
}  // namespace footnote::indexer
