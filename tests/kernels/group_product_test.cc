// Products with weights rounded to 8 bits by groups (PlainWeights::kGroups), and FeedForward over
// them.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "kernels/ops.h"
#include "kernels/packing.h"
#include "tests/kernels/testing.h"

namespace footnote::kernels {
namespace {

using testing::EveryIsa;
using testing::kEps;
using testing::OwnedWeight;
using testing::PaddedMatrix;
using testing::RandomFloats;

class GroupProductTest : public EveryIsa {
 protected:
  std::unique_ptr<PackedWeights> Pack(std::vector<Weight*> weights) {
    auto packed = PackedWeights::Pack(weights, GetParam(), PlainWeights::kGroups, nullptr);
    EXPECT_OK(packed);
    return std::move(packed).value();
  }

  // Codes are those of the reference, and sums of a group are exact: what remains is float steps,
  // two a group, and adding up. Both factors of a group's products are below their largest.
  void Check(const Weight& weight, const std::vector<float>& values, int64_t tokens) {
    SCOPED_TRACE("T " + std::to_string(tokens) + " N " + std::to_string(weight.rows) + " K " +
                 std::to_string(weight.columns));
    Weight w = weight;
    const auto packed = Pack({&w});
    PaddedMatrix x(tokens, w.columns), out(tokens, w.rows);
    x.Fill(values);
    const std::vector<float> bias = RandomFloats(static_cast<size_t>(w.rows), 3);
    auto ctx = Make(Precision::kInt8);
    ASSERT_OK(MatMul(*ctx, x.view(), w, bias, out.view()));
    EXPECT_TRUE(out.Intact()) << "wrote outside its output";
    const reference::Values wanted = reference::MatMulByGroups(x.view(), w, bias);
    float top = 0;
    for (const float each : values) top = std::fmax(top, std::fabs(each));
    const reference::Values weights = reference::Dequantized(w);
    for (int64_t t = 0; t < tokens; ++t) {
      for (int64_t n = 0; n < w.rows; ++n) {
        double sum = 4;
        for (int64_t k = 0; k < w.columns; ++k) {
          sum += top * std::fabs(weights[static_cast<size_t>(n * w.columns + k)]);
        }
        ASSERT_NEAR(out.view().row(t)[n], wanted[static_cast<size_t>(t * w.rows + n)],
                    4 * kEps * sum)
            << "row " << t << " column " << n;
      }
    }
  }
};

TEST_P(GroupProductTest, AgreesWithTheReference) {
  for (const int64_t k : {4, 60, 128, 132, 384, 516, 1536}) {
    for (const int64_t tokens : {1, 5, 6, 13, 40}) {
      const OwnedWeight w(DType::kF32, 37, k, 3);
      Check(w.weight, RandomFloats(static_cast<size_t>(tokens * k), 4), tokens);
    }
  }
}

TEST_P(GroupProductTest, EvensOutColumnsOfDifferentSpread) {
  const int64_t k = 384, tokens = 9;
  std::vector<float> spread, values = RandomFloats(static_cast<size_t>(tokens * k), 4);
  for (int64_t i = 0; i < k; ++i) spread.push_back(i % 50 == 0 ? 20.0f : 0.5f);
  for (size_t i = 0; i < values.size(); ++i) values[i] *= spread[i % static_cast<size_t>(k)];
  OwnedWeight owned(DType::kF32, 20, k, 3);
  const auto error = [&](const Weight& weight) {
    Weight w = weight;
    const auto packed = Pack({&w});
    std::vector<float> out(static_cast<size_t>(tokens * w.rows));
    const ConstMatrix x = ConstMatrix::Of(values.data(), tokens, k);
    auto ctx = Make(Precision::kInt8);
    EXPECT_OK(MatMul(*ctx, x, w, {}, Matrix::Of(out.data(), tokens, w.rows)));
    const reference::Values wanted = reference::MatMul(x, w, {});
    double squares = 0;
    for (size_t i = 0; i < out.size(); ++i) squares += std::pow(out[i] - wanted[i], 2);
    return std::sqrt(squares);
  };
  const double without = error(owned.weight);
  owned.weight.column_spread = spread.data();
  Check(owned.weight, values, tokens);
  EXPECT_LT(error(owned.weight), 0.6 * without);
}

// Full-scale codes of both sides, whatever the signs: sums that would leave 16 bits in pairs.
TEST_P(GroupProductTest, DoesNotSaturateAtTheLargestCodes) {
  for (const float sign : {1.0f, -1.0f}) {
    const int64_t k = 256;
    std::vector<float> values(static_cast<size_t>(k), 1.0f), row(values.size(), sign);
    values[0] = values[128] = -1.0f;
    std::vector<std::byte> bytes(row.size() * sizeof(float));
    ASSERT_OK(Quantize(DType::kF32, row, bytes));
    Check(Weight{DType::kF32, bytes.data(), 1, k}, values, 1);
  }
}

TEST_P(GroupProductTest, TakesZerosConstantsAndTinyNumbers) {
  const OwnedWeight w(DType::kF32, 5, 132, 3);
  for (const float value : {0.0f, 1.5f, -2.0f, 1e-38f, 1e30f}) {
    Check(w.weight, std::vector<float>(132, value), 1);
  }
}

TEST_P(GroupProductTest, GivesEachRowTheSameBitsWhateverTheBatchAndTheThreads) {
  ThreadPool pool(2);
  const int64_t k = 516, rows = 45, tokens = 150;
  OwnedWeight owned(DType::kF32, rows, k, 5);
  Weight& w = owned.weight;
  const auto packed = Pack({&w});
  const std::vector<float> x = RandomFloats(static_cast<size_t>(tokens * k), 6);
  std::vector<float> whole(static_cast<size_t>(tokens * rows)), threaded = whole, single = whole;
  const ConstMatrix all = ConstMatrix::Of(x.data(), tokens, k);
  auto one = Make(Precision::kInt8), two = Make(Precision::kInt8, &pool);
  ASSERT_OK(MatMul(*one, all, w, {}, Matrix::Of(whole.data(), tokens, rows)));
  ASSERT_OK(MatMul(*two, all, w, {}, Matrix::Of(threaded.data(), tokens, rows)));
  for (int64_t t = 0; t < tokens; ++t) {
    ASSERT_OK(
        MatMul(*two, all.slice(t, 1), w, {}, Matrix::Of(single.data(), tokens, rows).slice(t, 1)));
  }
  EXPECT_TRUE(testing::SameBits(whole, threaded));
  EXPECT_TRUE(testing::SameBits(whole, single));
}

// Many rows go through both products at once, few one product after the other.
TEST_P(GroupProductTest, FeedForwardHasTheBitsOfItsTwoProducts) {
  ThreadPool pool(2);
  const int64_t k = 132, inner = 260, tokens = 300;
  for (const bool by_groups : {true, false}) {
    OwnedWeight up(DType::kF32, inner, k, 5), down(DType::kF32, k, inner, 6);
    std::unique_ptr<PackedWeights> packed;
    if (by_groups) packed = Pack({&up.weight, &down.weight});
    const std::vector<float> up_bias = RandomFloats(static_cast<size_t>(inner), 7);
    const std::vector<float> down_bias = RandomFloats(static_cast<size_t>(k), 8);
    const std::vector<float> start = RandomFloats(static_cast<size_t>(tokens * k), 9);
    std::vector<float> between(static_cast<size_t>(tokens * inner));
    const Matrix middle = Matrix::Of(between.data(), tokens, inner);
    auto one = Make(Precision::kInt8), two = Make(Precision::kInt8, &pool);
    const FeedForwardWeights weights{&up.weight, up_bias, &down.weight, down_bias,
                                     Activation::kGeluErf};
    std::vector<float> products = start, whole = start, threaded = start, single = start;
    const Matrix to = Matrix::Of(products.data(), tokens, k);
    const MatMulTarget target{&up.weight, up_bias, middle, false, Activation::kGeluErf};
    ASSERT_OK(MatMulMany(*one, to, {&target, 1}));
    ASSERT_OK(MatMulAdd(*one, middle, down.weight, down_bias, to));
    const Matrix a = Matrix::Of(whole.data(), tokens, k);
    ASSERT_OK(FeedForward(*one, a, weights, middle, a));
    const Matrix b = Matrix::Of(threaded.data(), tokens, k);
    ASSERT_OK(FeedForward(*two, b, weights, middle, b));
    const Matrix c = Matrix::Of(single.data(), tokens, k);
    for (int64_t t = 0; t < tokens; ++t) {
      ASSERT_OK(FeedForward(*one, c.slice(t, 1), weights, middle.slice(t, 1), c.slice(t, 1)));
    }
    EXPECT_TRUE(testing::SameBits(products, whole)) << by_groups;
    EXPECT_TRUE(testing::SameBits(products, threaded)) << by_groups;
    EXPECT_TRUE(testing::SameBits(products, single)) << by_groups;
  }
}

// elementwise.inc: within 2e-4 of the erf's; the product's own roundings are far below.
TEST_P(GroupProductTest, ItsGeluIsCloseToTheExactOne) {
  OwnedWeight owned(DType::kF32, 64, 128, 5);
  Weight& w = owned.weight;
  const auto packed = Pack({&w});
  const int64_t tokens = 40;
  const std::vector<float> x = RandomFloats(static_cast<size_t>(tokens * 128), 6, 3.0f);
  std::vector<float> fused(static_cast<size_t>(tokens * 64)), plain = fused;
  const ConstMatrix view = ConstMatrix::Of(x.data(), tokens, 128);
  auto ctx = Make(Precision::kInt8);
  const MatMulTarget target{
      &w, {}, Matrix::Of(fused.data(), tokens, 64), false, Activation::kGeluErf};
  ASSERT_OK(MatMulMany(*ctx, view, {&target, 1}));
  const Matrix out = Matrix::Of(plain.data(), tokens, 64);
  ASSERT_OK(MatMul(*ctx, view, w, {}, out));
  testing::ExpectNear(fused, reference::Gelu(GeluKind::kErf, out), 1e-6, 2e-4);
}

TEST_P(GroupProductTest, RefusesColumnsThatAreNoMultipleOfFour) {
  OwnedWeight odd(DType::kF32, 4, 33, 3);
  Weight* const list[] = {&odd.weight};
  EXPECT_STATUS(PackedWeights::Pack(list, GetParam(), PlainWeights::kGroups, nullptr),
                kInvalidArgument, "33 columns cannot be rounded to 8 bits by groups");
  EXPECT_EQ(odd.weight.packed, nullptr);
}

TEST_P(GroupProductTest, ExactPrecisionHasNoUseForThem) {
  OwnedWeight w(DType::kF32, 4, 64, 3);
  const auto packed = Pack({&w.weight});
  const std::vector<float> x = RandomFloats(64, 6);
  std::vector<float> with(4), without(4);
  auto ctx = Make(Precision::kExact);
  const ConstMatrix view = ConstMatrix::Of(x.data(), 1, 64);
  ASSERT_OK(MatMul(*ctx, view, w.weight, {}, Matrix::Of(with.data(), 1, 4)));
  w.weight.packed = nullptr;
  ASSERT_OK(MatMul(*ctx, view, w.weight, {}, Matrix::Of(without.data(), 1, 4)));
  EXPECT_TRUE(testing::SameBits(with, without));
}

FOOTNOTE_EVERY_ISA(GroupProductTest);

}  // namespace
}  // namespace footnote::kernels
