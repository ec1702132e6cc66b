// Rope against the reference: both pairings, partial rotation, far positions.
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "kernels/ops.h"
#include "tests/kernels/testing.h"

namespace footnote::kernels {
namespace {

using testing::EveryIsa;
using testing::ExpectNear;
using testing::kEps;
using testing::RandomFloats;

std::vector<double> Frequencies(int64_t rotated, double theta) {
  std::vector<double> result;
  for (int64_t i = 0; i < rotated / 2; ++i) {
    result.push_back(std::pow(theta, -2.0 * static_cast<double>(i) / static_cast<double>(rotated)));
  }
  return result;
}

class RopeTest : public EveryIsa {};

TEST_P(RopeTest, AgreesWithTheReference) {
  for (const RopePairing pairing : {RopePairing::kHalves, RopePairing::kInterleaved}) {
    for (const int64_t width : {64, 80, 6}) {
      for (const int64_t rotated : {width, width / 2 / 2 * 2}) {
        const std::vector<double> frequencies = Frequencies(rotated, 10000);
        const RopeParams params{pairing, frequencies, 1.25f};
        const std::vector<int32_t> positions = {0, 1, 17, 131071, 5};
        std::vector<float> data = RandomFloats(static_cast<size_t>(5 * 3 * width), 1);
        const Heads x = Heads::Of(data.data(), 5, 3, width);
        const reference::Values wanted = reference::Rope(positions, params, x);
        ASSERT_OK(Rope(*ctx_, positions, params, x));
        // Cosine and sine rounded once each, two products, one sum: 2 eps of |a| + |b| < 8.
        ExpectNear(data, wanted, 0, 16 * kEps);
      }
    }
  }
}

TEST_P(RopeTest, LeavesTheRestOfAHeadAlone) {
  const std::vector<double> frequencies = Frequencies(32, 10000);
  std::vector<float> data = RandomFloats(80, 2);
  const std::vector<float> before = data;
  const int32_t position = 9;
  ASSERT_OK(Rope(*ctx_, {&position, 1}, {RopePairing::kHalves, frequencies, 1},
                 Heads::Of(data.data(), 1, 1, 80)));
  EXPECT_TRUE(std::equal(data.begin() + 32, data.end(), before.begin() + 32));
  EXPECT_NE(data[0], before[0]);
}

// The cache of angles must notice every part of its key.
TEST_P(RopeTest, SuccessiveCallsWithOtherArgumentsDoNotShareAngles) {
  const std::vector<double> one = Frequencies(8, 10000), two = Frequencies(8, 500000);
  for (int round = 0; round < 2; ++round) {
    for (const auto* frequencies : {&one, &two}) {
      for (const float factor : {1.0f, 0.5f}) {
        for (const int32_t first : {0, 3}) {
          const std::vector<int32_t> positions = {first, first + 1};
          std::vector<float> data = RandomFloats(2 * 8, 3);
          const Heads x = Heads::Of(data.data(), 2, 1, 8);
          const RopeParams params{RopePairing::kHalves, *frequencies, factor};
          const reference::Values wanted = reference::Rope(positions, params, x);
          ASSERT_OK(Rope(*ctx_, positions, params, x));
          ExpectNear(data, wanted, 0, 16 * kEps);
        }
      }
    }
  }
}

TEST_P(RopeTest, GivesTheSameBitsWhateverTheBatchAndTheThreads) {
  ThreadPool pool(2);
  const std::vector<double> frequencies = Frequencies(64, 10000);
  const RopeParams params{RopePairing::kInterleaved, frequencies, 1};
  std::vector<int32_t> positions(70);
  std::iota(positions.begin(), positions.end(), 40);
  std::vector<float> whole = RandomFloats(70 * 9 * 64, 4);
  std::vector<float> single = whole;
  auto threaded = Make(Precision::kExact, &pool);
  ASSERT_OK(Rope(*threaded, positions, params, Heads::Of(whole.data(), 70, 9, 64)));
  for (int64_t t = 0; t < 70; ++t) {
    ASSERT_OK(Rope(*ctx_, {&positions[static_cast<size_t>(t)], 1}, params,
                   Heads::Of(single.data(), 70, 9, 64).slice(t, 1)));
  }
  EXPECT_TRUE(testing::SameBits(whole, single));
}

TEST_P(RopeTest, RefusesShapesThatDisagree) {
  const std::vector<double> frequencies = Frequencies(16, 10000);
  std::vector<float> data(2 * 8);
  const RopeParams params{RopePairing::kHalves, frequencies, 1};
  const std::vector<int32_t> positions = {0, 1};
  EXPECT_STATUS(Rope(*ctx_, positions, params, Heads::Of(data.data(), 2, 1, 8)), kInvalidArgument,
                "16 rotated elements exceed the head width 8");
  EXPECT_STATUS(Rope(*ctx_, positions, params, Heads::Of(data.data(), 1, 1, 16)), kInvalidArgument,
                "positions has 2");
}

FOOTNOTE_EVERY_ISA(RopeTest);

}  // namespace
}  // namespace footnote::kernels
