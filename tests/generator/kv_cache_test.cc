// Pages: counted, shared, copied before they are written, and all given back.

#include "generator/runtime/kv_cache.h"

#include <gtest/gtest.h>

#include <vector>

#include "tests/testing/status_matchers.h"

namespace footnote::generator {
namespace {

TEST(PageList, ReservesWholePagesAndGivesThemBack) {
  PagePool pool(5);
  {
    PageList list(&pool);
    ASSERT_OK(list.Reserve(17));
    EXPECT_EQ(list.pages().size(), 2u);
    ASSERT_OK(list.Reserve(32));
    EXPECT_EQ(list.pages().size(), 2u);
    EXPECT_EQ(pool.free(), 3);
    EXPECT_STATUS(list.Reserve(16 * 6), kResourceExhausted, "3 free pages");
    EXPECT_EQ(pool.free(), 3) << "a refused reservation takes nothing";
    PageList moved = std::move(list);
    EXPECT_EQ(moved.pages().size(), 2u);
    EXPECT_EQ(pool.free(), 3);
  }
  EXPECT_EQ(pool.free(), 5);
}

TEST(PageList, AForkSharesPagesUntilOneOfTheTwoWrites) {
  PagePool pool(5);
  PageList first(&pool);
  ASSERT_OK(first.Reserve(40));  // 3 pages, the last one half used
  PageList second = first.Fork(40);
  EXPECT_EQ(pool.free(), 2);
  EXPECT_EQ(pool.holders(first.pages()[0]), 2);

  ASSERT_OK(second.Reserve(50));
  EXPECT_EQ(pool.free(), 1);
  ASSERT_OK_AND_ASSIGN(const std::vector<PageCopy> copies, second.MakeWritable(40, 50));
  ASSERT_EQ(copies.size(), 1u) << "only the partial page is written";
  EXPECT_EQ(copies[0].from, first.pages()[2]);
  EXPECT_EQ(copies[0].to, second.pages()[2]);
  EXPECT_EQ(first.pages()[1], second.pages()[1]);
  EXPECT_NE(first.pages()[2], second.pages()[2]);

  ASSERT_OK_AND_ASSIGN(const std::vector<PageCopy> none, first.MakeWritable(40, 48));
  EXPECT_TRUE(none.empty()) << "the page is its own again";
  PageList third = first.Fork(48);
  EXPECT_STATUS(third.MakeWritable(0, 48), kResourceExhausted, "free page");
  EXPECT_EQ(third.pages()[0], first.pages()[0]) << "a refused copy changes nothing";

  first.Clear();
  third.Clear();
  second.Clear();
  EXPECT_EQ(pool.free(), 5);
}

TEST(KvCache, CopiesWholePagesInEveryLayer) {
  const KvShape shape{2, 3, 8, kernels::DType::kF32};
  EXPECT_EQ(shape.page_bytes(), 2 * 2 * 3 * 16 * 8 * 4);
  ASSERT_OK_AND_ASSIGN(const auto cache, KvCache::Create(shape, 4));
  ASSERT_EQ(cache->layers().size(), 2u);
  const int64_t page_floats = cache->layers()[0].block(1, 0);
  for (size_t layer = 0; layer < 2; ++layer) {
    for (int kind = 0; kind < 2; ++kind) {
      const kernels::KvLayer& view = cache->layers()[layer];
      float* data = static_cast<float*>(kind == 0 ? view.keys : view.values);
      for (int64_t i = 0; i < 4 * page_floats; ++i) {
        data[i] = static_cast<float>(i) + 10000.0f * static_cast<float>(2 * layer + kind);
      }
    }
  }
  const PageCopy copy{1, 3};
  cache->Copy({&copy, 1});
  for (size_t layer = 0; layer < 2; ++layer) {
    for (int kind = 0; kind < 2; ++kind) {
      const kernels::KvLayer& view = cache->layers()[layer];
      const float* data = static_cast<const float*>(kind == 0 ? view.keys : view.values);
      for (int64_t i = 0; i < page_floats; ++i) {
        ASSERT_EQ(data[3 * page_floats + i], data[page_floats + i]);
        ASSERT_EQ(data[2 * page_floats + i], static_cast<float>(2 * page_floats + i) +
                                                 10000.0f * static_cast<float>(2 * layer + kind))
            << "other pages, layers and kinds stay";
      }
    }
  }
}

TEST(KvCache, RefusesLessThanAPage) {
  EXPECT_STATUS(KvCache::Create({2, 3, 8, kernels::DType::kF16}, 0), kInvalidArgument, "one page");
}

}  // namespace
}  // namespace footnote::generator
