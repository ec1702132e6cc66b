// AttentionRelative against the reference: windows, tables by distance, gaps in positions.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "kernels/ops.h"
#include "tests/kernels/testing.h"

namespace footnote::kernels {
namespace {

using testing::EveryIsa;
using testing::ExpectNear;
using testing::kEps;
using testing::RandomFloats;

struct Shape {
  int64_t heads, width;
};

constexpr Shape kShapes[] = {{3, 16}, {2, 80}, {1, 33}, {2, 6}};
const std::vector<int64_t> kOffsets = {0, 1, 18, 18, 67, 137};

// Positions of kOffsets' sequences; the last one has gaps and does not begin at 0.
std::vector<int32_t> Positions() {
  std::vector<int32_t> positions;
  for (size_t b = 0; b + 1 < kOffsets.size(); ++b) {
    int32_t next = b + 2 == kOffsets.size() ? 4 : 0;
    for (int64_t i = kOffsets[b]; i < kOffsets[b + 1]; ++i) {
      positions.push_back(next);
      next += b + 2 == kOffsets.size() && i % 11 == 3 ? 5 : 1;
    }
  }
  return positions;
}

// Rows of a table of 2 * buckets: one for each near distance, one for several far ones.
std::vector<int32_t> RowsByDistance(int32_t most, int32_t buckets) {
  std::vector<int32_t> rows;
  for (int32_t d = -most; d <= most; ++d) {
    const int32_t far = buckets / 2 + (std::abs(d) - buckets / 2) / 8;
    const int32_t bucket = std::min(std::abs(d) < buckets / 2 ? std::abs(d) : far, buckets - 1);
    rows.push_back(buckets + (d < 0 ? -bucket : bucket));
  }
  return rows;
}

class AttentionRelativeTest : public EveryIsa {
 protected:
  // As in attention_test.cc; scores are sums of three dot products here.
  static constexpr double kRelative = 0, kAbsolute = 150 * kEps;

  // Runs it, compares with the reference, with two threads, and with each sequence by itself.
  void Check(const Shape& shape, const RelativeAttentionParams& params) {
    SCOPED_TRACE(std::to_string(shape.heads) + "x" + std::to_string(shape.width) + " window " +
                 std::to_string(params.window));
    const int64_t rows = kOffsets.back(), inner = shape.heads * shape.width;
    const std::vector<int32_t> positions = Positions();
    // One row holds q, k and v side by side.
    const std::vector<float> qkv = RandomFloats(static_cast<size_t>(rows * 3 * inner), 8);
    const auto part = [&](int64_t which) {
      ConstHeads view = ConstHeads::Of(qkv.data() + which * inner, rows, shape.heads, shape.width);
      view.stride[0] = 3 * inner;
      return view;
    };
    std::vector<float> out(static_cast<size_t>(rows * inner), NAN), threaded = out, single = out;
    const auto heads = [&](std::vector<float>& to) {
      return Heads::Of(to.data(), rows, shape.heads, shape.width);
    };
    ASSERT_OK(AttentionRelative(*ctx_, part(0), part(1), part(2), kOffsets, positions, params,
                                heads(out)));
    ExpectNear(out,
               reference::AttentionRelative(part(0), part(1), part(2), kOffsets, positions, params),
               kRelative, kAbsolute);
    ThreadPool pool(2);
    auto two = Make(Precision::kExact, &pool);
    ASSERT_OK(AttentionRelative(*two, part(0), part(1), part(2), kOffsets, positions, params,
                                heads(threaded)));
    EXPECT_TRUE(testing::SameBits(out, threaded));
    for (size_t b = 0; b + 1 < kOffsets.size(); ++b) {
      const int64_t first = kOffsets[b], length = kOffsets[b + 1] - first;
      const std::vector<int64_t> alone = {0, length};
      const auto own =
          std::span(positions).subspan(static_cast<size_t>(first), static_cast<size_t>(length));
      ASSERT_OK(AttentionRelative(*ctx_, part(0).slice(first, length), part(1).slice(first, length),
                                  part(2).slice(first, length), alone, own, params,
                                  heads(single).slice(first, length)));
    }
    EXPECT_TRUE(testing::SameBits(out, single));
  }
};

TEST_P(AttentionRelativeTest, AWindowHidesKeysThatAreFarther) {
  for (const Shape& shape : kShapes) {
    for (const int64_t window : {-1, 0, 1, 8, 30, 500}) Check(shape, {0.2f, window, nullptr});
  }
}

TEST_P(AttentionRelativeTest, TablesByDistanceJoinTheScores) {
  for (const Shape& shape : kShapes) {
    constexpr int32_t kBuckets = 12;
    const auto floats = static_cast<size_t>(2 * kBuckets * shape.heads * shape.width);
    const std::vector<float> keys = RandomFloats(floats, 21), queries = RandomFloats(floats, 22),
                             bias =
                                 RandomFloats(static_cast<size_t>(2 * kBuckets * shape.heads), 23);
    const std::vector<int32_t> rows = RowsByDistance(200, kBuckets);
    const auto table = [&](const std::vector<float>& data) {
      return ConstHeads::Of(data.data(), 2 * kBuckets, shape.heads, shape.width);
    };
    const ConstMatrix biases = ConstMatrix::Of(bias.data(), 2 * kBuckets, shape.heads);
    for (const RelativeScores& scores :
         {RelativeScores{rows, table(keys), {}, {}}, RelativeScores{rows, {}, table(queries), {}},
          RelativeScores{rows, {}, {}, biases},
          RelativeScores{rows, table(keys), table(queries), {}},
          RelativeScores{rows, table(keys), table(queries), biases}}) {
      Check(shape, {0.15f, -1, &scores});
      Check(shape, {0.15f, 9, &scores});
    }
  }
}

TEST_P(AttentionRelativeTest, RefusesWhatDoesNotFit) {
  std::vector<float> data(4 * 2 * 8), out(4 * 2 * 8, 5.0f);
  const ConstHeads q = ConstHeads::Of(data.data(), 4, 2, 8);
  const Heads to = Heads::Of(out.data(), 4, 2, 8);
  const std::vector<int64_t> offsets = {0, 4};
  const std::vector<int32_t> positions = {0, 1, 2, 3}, rows = {0, 1, 2, 3, 4, 5, 6};
  const auto run = [&](const RelativeScores& scores) {
    return AttentionRelative(*ctx_, q, q, q, offsets, positions, {1, -1, &scores}, to);
  };
  const auto table = [&](int64_t count, int64_t heads, int64_t width) {
    return ConstHeads::Of(data.data(), count, heads, width);
  };
  EXPECT_STATUS(run({rows, table(6, 1, 8), {}, {}}), kInvalidArgument, "keys is [6, 1, 8]");
  EXPECT_STATUS(run({rows, {}, table(3, 2, 8), {}}), kInvalidArgument, "row 3 is not in a table");
  EXPECT_STATUS(run({rows, {}, {}, ConstMatrix::Of(data.data(), 7, 3)}), kInvalidArgument,
                "bias is [7, 3]");
  const std::vector<int32_t> few = {0, 1, 2};
  EXPECT_STATUS(run({few, table(4, 2, 8), {}, {}}), kInvalidArgument, "up to 3 apart");
  const std::vector<int32_t> falling = {0, 2, 1, 3};
  EXPECT_STATUS(AttentionRelative(*ctx_, q, q, q, offsets, falling, {1, -1, nullptr}, to),
                kInvalidArgument, "must rise");
  EXPECT_STATUS(AttentionRelative(*ctx_, q, q, q, offsets, few, {1, -1, nullptr}, to),
                kInvalidArgument, "positions");
  EXPECT_STATUS(AttentionRelative(*ctx_, q, q, q, offsets, positions, {0, -1, nullptr}, to),
                kInvalidArgument, "scale");
  EXPECT_EQ(out, std::vector<float>(out.size(), 5.0f));
}

FOOTNOTE_EVERY_ISA(AttentionRelativeTest);

}  // namespace
}  // namespace footnote::kernels
