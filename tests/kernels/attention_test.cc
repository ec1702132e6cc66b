// KvWrite, AttentionPaged and AttentionPacked against the reference; pages out of order, poisoned
// where nothing was written.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "kernels/ops.h"
#include "kernels/quant/half.h"
#include "tests/kernels/testing.h"

namespace footnote::kernels {
namespace {

using testing::EveryIsa;
using testing::ExpectNear;
using testing::kEps;
using testing::RandomFloats;

// Pages of one layer, NaN until written.
struct Pages {
  Pages(DType dtype, int64_t pages, int64_t kv_heads, int64_t width) {
    const auto count = static_cast<size_t>(pages * kv_heads * kPageTokens * width);
    const size_t bytes = count * static_cast<size_t>(BlockBytes(dtype));
    keys.assign(bytes, static_cast<std::byte>(0xff));
    values.assign(bytes, static_cast<std::byte>(0xff));
    layer = {dtype, keys.data(), values.data(), pages, kv_heads, width};
  }
  std::vector<std::byte> keys, values;
  KvLayer layer;
};

struct Shape {
  int64_t heads, kv_heads, width;
};

constexpr Shape kShapes[] = {{9, 3, 64}, {4, 1, 80}, {2, 2, 33}, {6, 2, 6}};

class AttentionTest : public EveryIsa {
 protected:
  // Scores are float32 dot products of D terms, |s| < 20 or so: an error of a few eps |s| moves a
  // probability by the same factor; the weighted sum of L values adds L/10 roundings.
  static constexpr double kRelative = 0, kAbsolute = 60 * kEps;
};

TEST_P(AttentionTest, PagedAgreesWithTheReference) {
  for (const Shape& shape : kShapes) {
    for (const DType dtype : {DType::kF32, DType::kF16}) {
      for (const AttentionParams params :
           {AttentionParams{0.125f, 0, 0}, AttentionParams{0.2f, 5.0f, 0},
            AttentionParams{0.125f, 0, 7}, AttentionParams{0.125f, 3.0f, 20}}) {
        SCOPED_TRACE(std::to_string(shape.heads) + "x" + std::to_string(shape.width) + " window " +
                     std::to_string(params.window));
        const int64_t rows = 5 + 37 + 1 + 16;
        Pages pages(dtype, 16, shape.kv_heads, shape.width);
        const std::vector<float> q =
            RandomFloats(static_cast<size_t>(rows * shape.heads * shape.width), 1);
        // Keys of every position of every sequence, written whole first; queries are the last rows.
        const std::vector<int32_t> lists[] = {{7}, {3, 1, 15}, {4, 9, 2}, {12, 0}};
        const std::vector<KvSequence> sequences = {{0, 5, 0, lists[0]},
                                                   {5, 37, 3, lists[1]},
                                                   {42, 1, 40, lists[2]},
                                                   {43, 16, 16, lists[3]}};
        for (const KvSequence& sequence : sequences) {
          const int64_t total = sequence.first_position + sequence.rows;
          const auto count = static_cast<size_t>(total * shape.kv_heads * shape.width);
          const std::vector<float> k = RandomFloats(count, 2), v = RandomFloats(count, 3);
          const KvSequence whole{0, total, 0, sequence.pages};
          ASSERT_OK(KvWrite(*ctx_, ConstHeads::Of(k.data(), total, shape.kv_heads, shape.width),
                            ConstHeads::Of(v.data(), total, shape.kv_heads, shape.width),
                            {&whole, 1}, pages.layer));
        }
        std::vector<float> out(q.size(), NAN);
        const ConstHeads queries = ConstHeads::Of(q.data(), rows, shape.heads, shape.width);
        ASSERT_OK(AttentionPaged(*ctx_, queries, sequences, pages.layer, params,
                                 Heads::Of(out.data(), rows, shape.heads, shape.width)));
        ExpectNear(out, reference::AttentionPaged(queries, sequences, pages.layer, params),
                   kRelative, kAbsolute);
      }
    }
  }
}

TEST_P(AttentionTest, PagedGivesTheSameBitsHoweverAPromptIsCut) {
  ThreadPool pool(2);
  auto threaded = Make(Precision::kExact, &pool);
  for (const int64_t window : {0, 11}) {
    const int64_t rows = 70, heads = 6, kv_heads = 2, width = 64;
    const AttentionParams params{0.125f, 0, window};
    const std::vector<float> q = RandomFloats(static_cast<size_t>(rows * heads * width), 4);
    const std::vector<float> k = RandomFloats(static_cast<size_t>(rows * kv_heads * width), 5);
    const std::vector<float> v = RandomFloats(static_cast<size_t>(rows * kv_heads * width), 6);
    const auto run = [&](const std::vector<int64_t>& cuts, std::vector<int32_t> list,
                         Context& ctx) {
      Pages pages(DType::kF16, 8, kv_heads, width);
      std::vector<float> out(q.size(), NAN);
      int64_t at = 0;
      for (const int64_t part : cuts) {
        const KvSequence sequence{0, part, at, list};
        EXPECT_OK(KvWrite(ctx, ConstHeads::Of(k.data(), rows, kv_heads, width).slice(at, part),
                          ConstHeads::Of(v.data(), rows, kv_heads, width).slice(at, part),
                          {&sequence, 1}, pages.layer));
        EXPECT_OK(AttentionPaged(ctx, ConstHeads::Of(q.data(), rows, heads, width).slice(at, part),
                                 {&sequence, 1}, pages.layer, params,
                                 Heads::Of(out.data(), rows, heads, width).slice(at, part)));
        at += part;
      }
      EXPECT_EQ(at, rows);
      return out;
    };
    const std::vector<float> whole = run({70}, {0, 1, 2, 3, 4}, *ctx_);
    EXPECT_TRUE(testing::SameBits(whole, run({70}, {7, 2, 5, 0, 1}, *threaded)));
    EXPECT_TRUE(testing::SameBits(whole, run({32, 32, 6}, {4, 3, 2, 1, 0}, *ctx_)));
    EXPECT_TRUE(testing::SameBits(whole, run({1, 13, 20, 36}, {0, 1, 2, 3, 4}, *threaded)));
    EXPECT_TRUE(testing::SameBits(whole, run(std::vector<int64_t>(70, 1), {0, 1, 2, 3, 4}, *ctx_)));
    for (const float value : whole) ASSERT_TRUE(std::isfinite(value));
  }
}

// Beyond one block of 256 positions, parts are joined; with few rows, several threads make them.
TEST_P(AttentionTest, PagedJoinsTheBlocksOfALongPastInOneOrder) {
  ThreadPool pool(3);
  auto threaded = Make(Precision::kExact, &pool);
  const int64_t rows = 600, heads = 6, kv_heads = 2, width = 64;
  const std::vector<float> q = RandomFloats(static_cast<size_t>(rows * heads * width), 4);
  const std::vector<float> k = RandomFloats(static_cast<size_t>(rows * kv_heads * width), 5);
  const std::vector<float> v = RandomFloats(static_cast<size_t>(rows * kv_heads * width), 6);
  std::vector<int32_t> list;
  for (int32_t page = 0; page < 38; ++page) list.push_back(page * 5 % 38);
  for (const AttentionParams params :
       {AttentionParams{0.125f, 0, 0}, AttentionParams{0.125f, 0, 300},
        AttentionParams{0.3f, 4.0f, 256}, AttentionParams{0.125f, 0, 17}}) {
    SCOPED_TRACE("window " + std::to_string(params.window));
    Pages pages(DType::kF16, 38, kv_heads, width);
    const KvSequence whole{0, rows, 0, list};
    ASSERT_OK(KvWrite(*ctx_, ConstHeads::Of(k.data(), rows, kv_heads, width),
                      ConstHeads::Of(v.data(), rows, kv_heads, width), {&whole, 1}, pages.layer));
    const ConstHeads queries = ConstHeads::Of(q.data(), rows, heads, width);
    std::vector<float> out(q.size(), NAN), cut = out;
    ASSERT_OK(AttentionPaged(*ctx_, queries, {&whole, 1}, pages.layer, params,
                             Heads::Of(out.data(), rows, heads, width)));
    ExpectNear(out, reference::AttentionPaged(queries, {&whole, 1}, pages.layer, params), kRelative,
               kAbsolute);
    // The last rows alone, as decoding and speculation ask for them.
    for (const int64_t part : {1, 2, 5, 8, 40}) {
      for (const int64_t at : {rows - part, int64_t{256}, int64_t{500}}) {
        const KvSequence sequence{0, part, at, list};
        ASSERT_OK(AttentionPaged(*threaded, queries.slice(at, part), {&sequence, 1}, pages.layer,
                                 params,
                                 Heads::Of(cut.data(), rows, heads, width).slice(at, part)));
        const auto begin = static_cast<size_t>(at * heads * width);
        const auto count = static_cast<size_t>(part * heads * width);
        EXPECT_EQ(0, std::memcmp(out.data() + begin, cut.data() + begin, count * sizeof(float)))
            << part << " rows at " << at;
      }
    }
  }
}

TEST_P(AttentionTest, PagedDoesNotReadPagesBeforeTheWindow) {
  Pages pages(DType::kF32, 3, 1, 8);
  std::vector<float> data(8, 1.0f), out(8, NAN);
  // Pages 0 and 1 of the sequence were given back: -1 is no page.
  const std::vector<int32_t> list = {-1, -1, 2};
  const KvSequence sequence{0, 1, 32, list};
  const Heads one = Heads::Of(data.data(), 1, 1, 8);
  ASSERT_OK(KvWrite(*ctx_, one, one, {&sequence, 1}, pages.layer));
  ASSERT_OK(AttentionPaged(*ctx_, one, {&sequence, 1}, pages.layer, {1, 0, 1},
                           Heads::Of(out.data(), 1, 1, 8)));
  EXPECT_EQ(out, data);
  EXPECT_STATUS(AttentionPaged(*ctx_, one, {&sequence, 1}, pages.layer, {1, 0, 2},
                               Heads::Of(out.data(), 1, 1, 8)),
                kInvalidArgument, "page -1");
}

TEST_P(AttentionTest, KvWriteTouchesNothingButItsPositions) {
  for (const DType dtype : {DType::kF32, DType::kF16}) {
    Pages pages(dtype, 3, 2, 33);
    const std::vector<std::byte> before = pages.keys;
    const std::vector<float> k = RandomFloats(3 * 2 * 33, 7);
    const std::vector<int32_t> list = {2, 0};
    const KvSequence sequence{0, 3, 14, list};
    const ConstHeads rows = ConstHeads::Of(k.data(), 3, 2, 33);
    ASSERT_OK(KvWrite(*ctx_, rows, rows, {&sequence, 1}, pages.layer));
    const auto size = static_cast<size_t>(BlockBytes(dtype));
    const auto changed = [&](const std::vector<std::byte>& data) {
      size_t count = 0;
      for (size_t i = 0; i < before.size(); i += size) {
        const auto at = static_cast<std::ptrdiff_t>(i), end = static_cast<std::ptrdiff_t>(i + size);
        const bool same = std::equal(before.begin() + at, before.begin() + end, data.begin() + at);
        count += same ? 0 : 1;
      }
      return count;
    };
    EXPECT_EQ(changed(pages.keys), k.size());
    EXPECT_EQ(changed(pages.values), k.size());
    // Position 16 (row 2) is the first of page 0; head 1.
    for (int64_t d = 0; d < 33; ++d) {
      const float wanted = k[static_cast<size_t>((2 * 2 + 1) * 33 + d)];
      for (const auto& [data, offset] :
           {std::pair(&pages.keys, pages.layer.key_offset(0, 1, 0, d)),
            std::pair(&pages.values, pages.layer.value_offset(0, 1, 0, d))}) {
        const std::byte* at = data->data() + static_cast<size_t>(offset) * size;
        if (dtype == DType::kF16) {
          uint16_t half;
          std::memcpy(&half, at, 2);
          EXPECT_EQ(half, HalfFromFloat(wanted));
        } else {
          float got;
          std::memcpy(&got, at, 4);
          EXPECT_EQ(got, wanted);
        }
      }
    }
  }
}

TEST_P(AttentionTest, PackedAgreesWithTheReferenceInsideAFusedProjection) {
  for (const Shape& shape : {Shape{12, 12, 32}, Shape{2, 2, 80}, Shape{3, 3, 33}}) {
    const std::vector<int64_t> offsets = {0, 1, 18, 18, 67, 137};
    const int64_t rows = offsets.back(), inner = shape.heads * shape.width;
    // One row holds q, k and v side by side.
    const std::vector<float> qkv = RandomFloats(static_cast<size_t>(rows * 3 * inner), 8);
    const auto part = [&](int64_t which) {
      ConstHeads view = ConstHeads::Of(qkv.data() + which * inner, rows, shape.heads, shape.width);
      view.stride[0] = 3 * inner;
      return view;
    };
    std::vector<float> out(static_cast<size_t>(rows * inner), NAN), threaded = out, single = out;
    const Heads to = Heads::Of(out.data(), rows, shape.heads, shape.width);
    ASSERT_OK(AttentionPacked(*ctx_, part(0), part(1), part(2), offsets, 0.17f, to));
    ExpectNear(out, reference::AttentionPacked(part(0), part(1), part(2), offsets, 0.17f),
               kRelative, kAbsolute);

    ThreadPool pool(2);
    auto two = Make(Precision::kExact, &pool);
    ASSERT_OK(AttentionPacked(*two, part(0), part(1), part(2), offsets, 0.17f,
                              Heads::Of(threaded.data(), rows, shape.heads, shape.width)));
    EXPECT_TRUE(testing::SameBits(out, threaded));
    for (size_t b = 0; b + 1 < offsets.size(); ++b) {
      const int64_t first = offsets[b], length = offsets[b + 1] - first;
      const std::vector<int64_t> alone = {0, length};
      ASSERT_OK(AttentionPacked(
          *ctx_, part(0).slice(first, length), part(1).slice(first, length),
          part(2).slice(first, length), alone, 0.17f,
          Heads::Of(single.data(), rows, shape.heads, shape.width).slice(first, length)));
    }
    EXPECT_TRUE(testing::SameBits(out, single));
  }
}

// int8 and bf16 may round queries, keys, values and weights to bfloat16: over numbers that are
// bfloat16 already, only the weights' rounding (2^-9 of each, and of their sum) is left.
TEST_P(AttentionTest, PackedInFewerBitsStaysWithinTheRoundingOfItsWeights) {
  for (const Shape& shape : {Shape{12, 12, 32}, Shape{2, 2, 80}, Shape{3, 3, 33}}) {
    const std::vector<int64_t> offsets = {0, 1, 18, 18, 67, 137};
    const int64_t rows = offsets.back(), inner = shape.heads * shape.width;
    std::vector<float> qkv = RandomFloats(static_cast<size_t>(rows * 3 * inner), 8);
    std::vector<std::byte> bytes(2 * qkv.size());
    ASSERT_OK(Quantize(DType::kBF16, qkv, bytes));
    ASSERT_OK(Dequantize(DType::kBF16, bytes, qkv));
    float largest = 0;
    for (const float each : qkv) largest = std::fmax(largest, std::fabs(each));
    const auto part = [&](int64_t which) {
      ConstHeads view = ConstHeads::Of(qkv.data() + which * inner, rows, shape.heads, shape.width);
      view.stride[0] = 3 * inner;
      return view;
    };
    ThreadPool pool(2);
    auto one = Make(Precision::kInt8), two = Make(Precision::kBf16, &pool);
    std::vector<float> out(static_cast<size_t>(rows * inner), NAN), threaded = out, single = out;
    ASSERT_OK(AttentionPacked(*one, part(0), part(1), part(2), offsets, 0.17f,
                              Heads::Of(out.data(), rows, shape.heads, shape.width)));
    ExpectNear(out, reference::AttentionPacked(part(0), part(1), part(2), offsets, 0.17f), 0,
               largest / 256);
    ASSERT_OK(AttentionPacked(*two, part(0), part(1), part(2), offsets, 0.17f,
                              Heads::Of(threaded.data(), rows, shape.heads, shape.width)));
    EXPECT_TRUE(testing::SameBits(out, threaded));
    for (size_t b = 0; b + 1 < offsets.size(); ++b) {
      const int64_t first = offsets[b], length = offsets[b + 1] - first;
      const std::vector<int64_t> alone = {0, length};
      ASSERT_OK(AttentionPacked(
          *one, part(0).slice(first, length), part(1).slice(first, length),
          part(2).slice(first, length), alone, 0.17f,
          Heads::Of(single.data(), rows, shape.heads, shape.width).slice(first, length)));
    }
    EXPECT_TRUE(testing::SameBits(out, single));
  }
}

TEST_P(AttentionTest, SoftmaxSurvivesLargeScores) {
  // Scores of ±8000: without subtracting the largest, exp would overflow.
  std::vector<float> q(8, 100.0f), k(16), v(16), out(8, NAN);
  std::fill_n(k.begin(), 8, 10.0f);
  std::fill_n(k.begin() + 8, 8, -10.0f);
  std::fill_n(v.begin(), 8, 1.0f);
  std::fill_n(v.begin() + 8, 8, 2.0f);
  std::vector<float> q2(16, 100.0f), out2(16, NAN);
  ASSERT_OK(AttentionPacked(*ctx_, ConstHeads::Of(q2.data(), 2, 1, 8),
                            ConstHeads::Of(k.data(), 2, 1, 8), ConstHeads::Of(v.data(), 2, 1, 8),
                            std::vector<int64_t>{0, 2}, 1.0f, Heads::Of(out2.data(), 2, 1, 8)));
  for (const float value : out2) EXPECT_EQ(value, 1.0f);
}

TEST_P(AttentionTest, RefusesWhatDoesNotFit) {
  Pages pages(DType::kF32, 2, 2, 8);
  std::vector<float> data(4 * 4 * 8), out(4 * 4 * 8, 5.0f);
  const ConstHeads q = ConstHeads::Of(data.data(), 4, 4, 8);
  const Heads to = Heads::Of(out.data(), 4, 4, 8);
  const std::vector<int32_t> list = {0, 1};
  const AttentionParams params{1, 0, 0};
  const auto paged = [&](const KvSequence& sequence, const KvLayer& layer,
                         const AttentionParams& how) {
    return AttentionPaged(*ctx_, q, {&sequence, 1}, layer, how, to);
  };
  EXPECT_STATUS(paged({0, 4, 30, list}, pages.layer, params), kInvalidArgument,
                "lists 2 pages but ends at position 34");
  EXPECT_STATUS(paged({1, 4, 0, list}, pages.layer, params), kInvalidArgument, "rows 1 + 4 of 4");
  const std::vector<int32_t> foreign = {2};
  EXPECT_STATUS(paged({0, 4, 0, foreign}, pages.layer, params), kInvalidArgument, "page 2 of 2");
  EXPECT_STATUS(paged({0, 4, 0, list}, pages.layer, {0, 0, 0}), kInvalidArgument, "scale");
  KvLayer layer = pages.layer;
  layer.kv_heads = 3;
  EXPECT_STATUS(paged({0, 4, 0, list}, layer, params), kInvalidArgument, "3 heads of 8");
  layer = pages.layer;
  layer.dtype = DType::kQ8_0;
  EXPECT_STATUS(paged({0, 4, 0, list}, layer, params), kInvalidArgument, "must be F32 or F16");
  const KvSequence sequence{0, 4, 0, list};
  EXPECT_STATUS(KvWrite(*ctx_, q, q, {&sequence, 1}, pages.layer), kInvalidArgument,
                "keys are [4, 4, 8]");
  EXPECT_STATUS(AttentionPacked(*ctx_, q, q, q, std::vector<int64_t>{0, 3}, 1, to),
                kInvalidArgument, "offsets must rise");
  EXPECT_EQ(out, std::vector<float>(out.size(), 5.0f));
}

FOOTNOTE_EVERY_ISA(AttentionTest);

}  // namespace
}  // namespace footnote::kernels
