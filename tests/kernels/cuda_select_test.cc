// How CUDA kernels choose among numbers, run on the host: order of keys, and the threshold of the k
// largest.
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <random>
#include <vector>

#include "kernels/cuda/select_key.h"

namespace footnote::kernels::cuda {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

TEST(CudaSelect, KeysOrderByValueThenByLowerColumn) {
  const float ascending[] = {-kInfinity, -3e38f, -1.5f, -1e-40f,  0.0f,
                             1e-40f,     1.5f,   3e38f, kInfinity};
  for (size_t i = 0; i + 1 < std::size(ascending); ++i) {
    EXPECT_LT(SelectKey(ascending[i], 0), SelectKey(ascending[i + 1], 500000)) << ascending[i];
  }
  EXPECT_GT(SelectKey(1.0f, 7), SelectKey(1.0f, 8));
  EXPECT_EQ(SelectKey(-0.0f, 7), SelectKey(0.0f, 7));
  EXPECT_GT(SelectKey(-kInfinity, 524287), 0u) << "a candidate, if nothing else is";
  EXPECT_EQ(SelectKey(std::numeric_limits<float>::quiet_NaN(), 0), 0u);
  EXPECT_EQ(SelectKey(-std::numeric_limits<float>::quiet_NaN(), 0), 0u);
  EXPECT_EQ(SelectColumn(SelectKey(-2.5f, 123456)), 123456u);
}

TEST(CudaSelect, ThresholdIsReachedByExactlyTheLargest) {
  std::mt19937 random(1);
  for (const int count : {0, 1, 5, 64, 300}) {
    for (const int values : {1, 3, 1000000}) {  // 1: all equal, columns decide
      std::vector<uint64_t> keys;
      for (int i = 0; i < count; ++i) {
        const auto value = static_cast<float>(static_cast<int>(random() % values) - values / 2);
        keys.push_back(SelectKey(value, static_cast<uint32_t>(i)));
      }
      for (const int k : {1, 2, 40, 64}) {
        const auto reached = [&](uint64_t threshold) {
          return static_cast<int>(
              std::ranges::count_if(keys, [&](uint64_t key) { return key >= threshold; }));
        };
        const uint64_t threshold = ThresholdOfLargest(k, reached);
        if (count < k) {
          EXPECT_EQ(threshold, 0u);
        } else {
          EXPECT_GT(threshold, 0u);
          EXPECT_EQ(reached(threshold), k) << count << " keys of " << values << " values";
        }
      }
    }
  }
}

}  // namespace
}  // namespace footnote::kernels::cuda
