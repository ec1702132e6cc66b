// Norms, activations, embedding lookup and pooling against the reference, over odd widths.
#include <gtest/gtest.h>

#include <cmath>

#include "kernels/ops.h"
#include "tests/kernels/testing.h"

namespace footnote::kernels {
namespace {

using testing::EveryIsa;
using testing::ExpectNear;
using testing::kEps;
using testing::OwnedWeight;
using testing::PaddedMatrix;
using testing::RandomFloats;

constexpr int64_t kWidths[] = {1, 3, 8, 17, 33, 64, 96, 384, 576, 640};

class ElementwiseTest : public EveryIsa {};

// A sum of K squares in lanes is within (K/4 + 6) * eps/2 of exact, halved by the root; a handful
// of further roundings multiply. K <= 640 in four lanes: under 90 eps relative at worst, and 20 eps
// in practice, since errors of random sign do not line up.
constexpr double kNormRelative = 20 * kEps;

TEST_P(ElementwiseTest, RmsNormAgreesWithTheReference) {
  for (const int64_t k : kWidths) {
    for (const float weight_bias : {0.0f, 1.0f}) {
      PaddedMatrix x(5, k), out(5, k);
      x.Fill(RandomFloats(static_cast<size_t>(5 * k), 1, 3.0f));
      const std::vector<float> weight = RandomFloats(static_cast<size_t>(k), 2);
      ASSERT_OK(RmsNorm(*ctx_, x.view(), weight, weight_bias, 1e-5f, out.view()));
      EXPECT_TRUE(out.Intact());
      ExpectNear(out.Values(), reference::RmsNorm(x.view(), weight, weight_bias, 1e-5f),
                 kNormRelative, 1e-6 * weight_bias);
      ASSERT_OK(RmsNorm(*ctx_, x.view(), weight, weight_bias, 1e-5f, x.view()));
      EXPECT_TRUE(testing::SameBits(x.Values(), out.Values())) << "in place";
    }
  }
}

TEST_P(ElementwiseTest, RmsNormHeadsAgreesWithTheReference) {
  for (const int64_t width : {1, 8, 17, 64, 80, 256}) {
    // Three heads of each row, with a fourth behind them that must stay.
    PaddedMatrix x(5, 4 * width);
    x.Fill(RandomFloats(static_cast<size_t>(20 * width), 1, 3.0f));
    const std::vector<float> weight = RandomFloats(static_cast<size_t>(width), 2);
    Heads heads;
    heads.data = x.view().data;
    heads.shape[0] = 5, heads.shape[1] = 3, heads.shape[2] = width;
    heads.stride[0] = x.view().stride[0], heads.stride[1] = width, heads.stride[2] = 1;
    const reference::Values wanted = reference::RmsNormHeads(weight, 1e-6f, heads);
    const std::vector<float> before = x.Values();
    ASSERT_OK(RmsNormHeads(*ctx_, weight, 1e-6f, heads));
    EXPECT_TRUE(x.Intact());
    const std::vector<float> after = x.Values();
    std::vector<float> normed;
    for (int64_t t = 0; t < 5; ++t) {
      for (int64_t k = 0; k < 4 * width; ++k) {
        const auto at = static_cast<size_t>(t * 4 * width + k);
        if (k < 3 * width) {
          normed.push_back(after[at]);
        } else {
          EXPECT_EQ(after[at], before[at]);
        }
      }
    }
    ExpectNear(normed, wanted, kNormRelative, 0);
  }
}

TEST_P(ElementwiseTest, LayerNormAgreesWithTheReferenceAroundALargeMean) {
  for (const int64_t k : kWidths) {
    for (const bool with_bias : {false, true}) {
      PaddedMatrix x(5, k), out(5, k);
      std::vector<float> values = RandomFloats(static_cast<size_t>(5 * k), 3);
      for (float& value : values) value += 100;
      x.Fill(values);
      const std::vector<float> weight = RandomFloats(static_cast<size_t>(k), 4);
      const std::vector<float> bias =
          with_bias ? RandomFloats(static_cast<size_t>(k), 5) : std::vector<float>();
      ASSERT_OK(LayerNorm(*ctx_, x.view(), weight, bias, 1e-12f, out.view()));
      EXPECT_TRUE(out.Intact());
      if (k == 1) continue;  // no variance: rounding of the mean over sqrt(eps)
      // The mean, near 100, is rounded to 100 eps / 2 a few times over; relative to the deviation
      // (1, or 0.1 where three numbers lie close) that is at most 1e-4.
      ExpectNear(out.Values(), reference::LayerNorm(x.view(), weight, bias, 1e-12f), 1e-4, 1e-4);
    }
  }
}

TEST_P(ElementwiseTest, LayerNormOfCentredRowsIsExactToRounding) {
  for (const int64_t k : {64, 96, 384, 576}) {
    PaddedMatrix x(5, k), out(5, k);
    x.Fill(RandomFloats(static_cast<size_t>(5 * k), 3));
    const std::vector<float> weight = RandomFloats(static_cast<size_t>(k), 4);
    const std::vector<float> bias = RandomFloats(static_cast<size_t>(k), 5);
    ASSERT_OK(LayerNorm(*ctx_, x.view(), weight, bias, 1e-12f, out.view()));
    ExpectNear(out.Values(), reference::LayerNorm(x.view(), weight, bias, 1e-12f), kNormRelative,
               10 * kEps);
  }
}

TEST_P(ElementwiseTest, AddAgreesWithTheReference) {
  for (const int64_t k : kWidths) {
    PaddedMatrix x(3, k), y(3, k);
    x.Fill(RandomFloats(static_cast<size_t>(3 * k), 6));
    y.Fill(RandomFloats(static_cast<size_t>(3 * k), 7));
    for (const float scale : {1.0f, 0.22f}) {
      const reference::Values wanted = reference::Add(y.view(), x.view(), scale);
      ASSERT_OK(Add(*ctx_, y.view(), x.view(), scale));
      EXPECT_TRUE(x.Intact());
      // One rounding where the multiplication and the sum are fused, two where they are not.
      ExpectNear(x.Values(), wanted, kEps, scale == 1 ? 0 : kEps);
    }
  }
}

// Inputs from the far tails to the middle.
std::vector<float> Spread(size_t count) {
  std::vector<float> values = RandomFloats(count, 8, 4.0f);
  const float special[] = {0.0f,   -0.0f, 1e-30f, -1e-30f, 15.0f,
                           -15.0f, 90.0f, -90.0f, 1e30f,   -1e30f};
  for (size_t i = 0; i < std::size(special) && i < count; ++i) values[i] = special[i];
  return values;
}

TEST_P(ElementwiseTest, SiluMulAgreesWithTheReference) {
  for (const int64_t k : kWidths) {
    PaddedMatrix gate(3, k), up(3, k), out(3, k);
    gate.Fill(Spread(static_cast<size_t>(3 * k)));
    up.Fill(RandomFloats(static_cast<size_t>(3 * k), 9));
    const reference::Values wanted = reference::SiluMul(gate.view(), up.view());
    ASSERT_OK(SiluMul(*ctx_, gate.view(), up.view(), out.view()));
    EXPECT_TRUE(out.Intact());
    // exp within an ulp, then four roundings. Beyond -88 the quotient stops shrinking: v e^-88.3.
    ExpectNear(out.Values(), wanted, 5 * kEps, 1e-6);
    ASSERT_OK(SiluMul(*ctx_, gate.view(), up.view(), gate.view()));
    EXPECT_TRUE(testing::SameBits(gate.Values(), out.Values())) << "in place";
  }
}

TEST_P(ElementwiseTest, GeluAgreesWithTheReference) {
  for (const GeluKind kind : {GeluKind::kErf, GeluKind::kTanh}) {
    for (const int64_t k : {1, 17, 96, 1536}) {
      PaddedMatrix x(3, k);
      x.Fill(Spread(static_cast<size_t>(3 * k)));
      const reference::Values wanted = reference::Gelu(kind, x.view());
      ASSERT_OK(Gelu(*ctx_, kind, x.view()));
      EXPECT_TRUE(x.Intact());
      // elementwise.inc: under 3e-7 for erf; v/2 times 1.5e-7 of tanh, v below 6 where it matters.
      ExpectNear(x.Values(), wanted, 2 * kEps, 5e-7);
    }
  }
}

TEST_P(ElementwiseTest, GeluMulAgreesWithTheReference) {
  for (const GeluKind kind : {GeluKind::kErf, GeluKind::kTanh}) {
    for (const int64_t k : {1, 17, 96, 640}) {
      PaddedMatrix gate(3, k), up(3, k), out(3, k);
      gate.Fill(Spread(static_cast<size_t>(3 * k)));
      up.Fill(RandomFloats(static_cast<size_t>(3 * k), 9));
      const reference::Values wanted = reference::GeluMul(kind, gate.view(), up.view());
      ASSERT_OK(GeluMul(*ctx_, kind, gate.view(), up.view(), out.view()));
      EXPECT_TRUE(out.Intact());
      // As Gelu's, times `up`, which stays below 5.
      ExpectNear(out.Values(), wanted, 3 * kEps, 3e-6);
      ASSERT_OK(GeluMul(*ctx_, kind, gate.view(), up.view(), gate.view()));
      EXPECT_TRUE(testing::SameBits(gate.Values(), out.Values())) << "in place";
    }
  }
}

TEST_P(ElementwiseTest, SoftcapAgreesWithTheReference) {
  for (const float cap : {30.0f, 50.0f}) {
    for (const int64_t k : kWidths) {
      PaddedMatrix x(3, k);
      x.Fill(RandomFloats(static_cast<size_t>(3 * k), 15, 40.0f));
      const reference::Values wanted = reference::Softcap(cap, x.view());
      ASSERT_OK(Softcap(*ctx_, cap, x.view()));
      EXPECT_TRUE(x.Intact());
      // elementwise.inc: tanh within 1e-7 or so, times the cap.
      ExpectNear(x.Values(), wanted, kEps, 3e-7 * cap);
    }
  }
}

TEST_P(ElementwiseTest, GeluKeepsNotANumber) {
  std::vector<float> x(20, NAN);
  ASSERT_OK(Gelu(*ctx_, GeluKind::kErf, Matrix::Of(x.data(), 1, 20)));
  for (const float value : x) EXPECT_TRUE(std::isnan(value));
}

TEST_P(ElementwiseTest, EmbedRowsCopiesScaledRowsOfEveryFormat) {
  for (const DType dtype : testing::AllFormats()) {
    SCOPED_TRACE(DTypeName(dtype));
    const OwnedWeight table(dtype, 7, 512, 10);
    const std::vector<int32_t> ids = {6, 0, 3, 3};
    PaddedMatrix out(4, 512);
    for (const float scale : {1.0f, 22.627417f}) {
      ASSERT_OK(EmbedRows(*ctx_, table.weight, ids, scale, out.view()));
      EXPECT_TRUE(out.Intact());
      ExpectNear(out.Values(), reference::EmbedRows(table.weight, ids, scale), kEps, 0);
    }
  }
}

TEST_P(ElementwiseTest, EmbedRowsRefusesIdsOutsideTheTable) {
  const OwnedWeight table(DType::kF32, 7, 8, 10);
  std::vector<float> out(8, 5.0f);
  for (const int32_t id : {-1, 7}) {
    EXPECT_STATUS(EmbedRows(*ctx_, table.weight, {&id, 1}, 1, Matrix::Of(out.data(), 1, 8)),
                  kInvalidArgument, "outside the table's 7 rows");
  }
  EXPECT_EQ(out, std::vector<float>(8, 5.0f));
}

TEST_P(ElementwiseTest, PoolingAgreesWithTheReference) {
  const std::vector<int64_t> offsets = {0, 1, 6, 23};
  for (const int64_t k : kWidths) {
    PaddedMatrix x(23, k), mean(3, k), first(3, k);
    x.Fill(RandomFloats(static_cast<size_t>(23 * k), 11));
    ASSERT_OK(PoolMean(*ctx_, x.view(), offsets, mean.view()));
    ASSERT_OK(PoolFirst(*ctx_, x.view(), offsets, first.view()));
    EXPECT_TRUE(mean.Intact() && first.Intact());
    ExpectNear(mean.Values(), reference::PoolMean(x.view(), offsets), 4 * kEps, 4 * kEps);
    ExpectNear(first.Values(), reference::PoolFirst(x.view(), offsets), 0, 0);
  }
}

TEST_P(ElementwiseTest, PoolingRefusesEmptySequencesAndForeignRows) {
  std::vector<float> x(4 * 8), out(2 * 8);
  const ConstMatrix rows = ConstMatrix::Of(x.data(), 4, 8);
  const Matrix to = Matrix::Of(out.data(), 2, 8);
  for (const std::vector<int64_t>& offsets :
       {std::vector<int64_t>{0, 0, 4}, {0, 2, 5}, {-1, 2, 4}, {0, 3, 2}}) {
    EXPECT_STATUS(PoolMean(*ctx_, rows, offsets, to), kInvalidArgument, "must not be empty");
    EXPECT_STATUS(PoolFirst(*ctx_, rows, offsets, to), kInvalidArgument, "must not be empty");
  }
  EXPECT_STATUS(PoolMean(*ctx_, rows, std::vector<int64_t>{0, 4}, to), kInvalidArgument,
                "offsets has 2 elements");
}

TEST_P(ElementwiseTest, L2NormalizeGivesUnitRowsAndLeavesZeroRowsZero) {
  for (const int64_t k : kWidths) {
    PaddedMatrix x(3, k);
    std::vector<float> values = RandomFloats(static_cast<size_t>(3 * k), 12);
    std::fill(values.begin(), values.begin() + k, 0.0f);
    x.Fill(values);
    const reference::Values wanted = reference::L2Normalize(x.view());
    ASSERT_OK(L2Normalize(*ctx_, x.view()));
    EXPECT_TRUE(x.Intact());
    ExpectNear(x.Values(), wanted, kNormRelative, 0);
  }
}

TEST_P(ElementwiseTest, RowsDoNotDependOnTheirNeighboursOrThreads) {
  ThreadPool pool(2);
  const int64_t rows = 70, k = 577;
  const std::vector<float> start = RandomFloats(static_cast<size_t>(rows * k), 13);
  const std::vector<float> weight = RandomFloats(static_cast<size_t>(k), 14);
  auto threaded = Make(Precision::kExact, &pool);
  const auto run = [&](Context& ctx, Matrix x) {
    EXPECT_OK(RmsNorm(ctx, x, weight, 0, 1e-5f, x));
    EXPECT_OK(LayerNorm(ctx, x, weight, weight, 1e-5f, x));
    EXPECT_OK(Gelu(ctx, GeluKind::kErf, x));
    EXPECT_OK(SiluMul(ctx, x, x, x));
    EXPECT_OK(L2Normalize(ctx, x));
  };
  std::vector<float> whole = start, single = start;
  run(*threaded, Matrix::Of(whole.data(), rows, k));
  for (int64_t t = 0; t < rows; ++t) run(*ctx_, Matrix::Of(single.data(), rows, k).slice(t, 1));
  EXPECT_TRUE(testing::SameBits(whole, single));
}

TEST_P(ElementwiseTest, ShapesThatDisagreeAreRefused) {
  std::vector<float> data(64), weight(8);
  const Matrix a = Matrix::Of(data.data(), 2, 8), b = Matrix::Of(data.data(), 2, 7);
  EXPECT_STATUS(RmsNorm(*ctx_, a, weight, 0, 1e-5f, b), kInvalidArgument,
                "out is [2, 7] but x is [2, 8]");
  EXPECT_STATUS(RmsNorm(*ctx_, b, weight, 0, 1e-5f, b), kInvalidArgument, "weight has 8");
  EXPECT_STATUS(RmsNorm(*ctx_, a, weight, 0, 0, a), kInvalidArgument, "eps");
  EXPECT_STATUS(LayerNorm(*ctx_, a, weight, std::vector<float>(7), 1e-5f, a), kInvalidArgument,
                "bias has 7");
  EXPECT_STATUS(Add(*ctx_, a, b), kInvalidArgument, "y is [2, 8] but x is [2, 7]");
  EXPECT_STATUS(SiluMul(*ctx_, a, b, a), kInvalidArgument, "up is");
  EXPECT_STATUS(GeluMul(*ctx_, GeluKind::kErf, a, b, a), kInvalidArgument, "up is");
  EXPECT_STATUS(Softcap(*ctx_, 0, a), kInvalidArgument, "cap");
  EXPECT_STATUS(RmsNormHeads(*ctx_, weight, 1e-5f, Heads::Of(data.data(), 2, 2, 7)),
                kInvalidArgument, "weight has 8");
  Matrix nothing = a;
  nothing.data = nullptr;
  EXPECT_STATUS(Gelu(*ctx_, GeluKind::kErf, nothing), kInvalidArgument, "no data");
  Matrix spread = a;
  spread.stride[1] = 2;
  EXPECT_STATUS(L2Normalize(*ctx_, spread), kInvalidArgument, "not contiguous");
}

FOOTNOTE_EVERY_ISA(ElementwiseTest);

}  // namespace
}  // namespace footnote::kernels
