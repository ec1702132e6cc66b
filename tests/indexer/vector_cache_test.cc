#include "indexer/pipeline/vector_cache.h"

#include <gtest/gtest.h>

namespace footnote::indexer {
namespace {

TEST(VectorCache, ForgetsWhatWasNotAskedForLongest) {
  const std::vector<float> vector = {1, 2, 3};
  VectorCache cache(3 * (256 + 3 * sizeof(float)), 3);
  for (const char* key : {"a", "b", "c"}) cache.Put(key, vector);
  EXPECT_EQ(cache.Get("a").size(), 3u);
  cache.Put("d", vector);
  EXPECT_TRUE(cache.Get("b").empty());
  for (const char* key : {"a", "c", "d"}) {
    ASSERT_EQ(cache.Get(key).size(), 3u) << key;
    EXPECT_EQ(cache.Get(key)[1], 2);
  }
}

TEST(VectorCache, WithoutRoomKeepsNothing) {
  VectorCache cache(100, 3);
  cache.Put("a", std::vector<float>{1, 2, 3});
  EXPECT_TRUE(cache.Get("a").empty());
}

}  // namespace
}  // namespace footnote::indexer
