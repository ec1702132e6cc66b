// MatMul against the reference: every format, instruction set and precision, odd shapes.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "kernels/ops.h"
#include "tests/kernels/testing.h"

namespace footnote::kernels {
namespace {

using testing::EveryIsa;
using testing::kEps;
using testing::OwnedWeight;
using testing::PaddedMatrix;
using testing::RandomFloats;

bool IsPlainFormat(DType dtype) {
  return dtype == DType::kF32 || dtype == DType::kF16 || dtype == DType::kBF16;
}

// A bound on |MatMul - reference| for one output.
//
// Float sums: every product passes through one rounding as it enters a sum and through those of
// the sum's depth. With K products in at least four lanes and a tree, depth <= K/4 + 5; each
// rounding is at most eps/2 of a partial sum, itself at most A = sum |x| |w|. Rounding errors of
// random sign do not line up, so a tenth of that depth is already generous and catches a lost lane.
// Quantised formats in exact precision add eps/2 of |w| for decoding's own rounding (reference and
// kernel decode alike, so it is zero; kept as slack).
// fast: where w is BF16, the reference is given x rounded to bfloat16, and products are exact; else
// x is rounded to a step of max|x| / 127 per 32 (256 with K formats), an error of at most half a
// step an element (plus one rounding of the scale): sum over blocks of step/2 * sum |w|.
double Bound(const float* x, const double* w, int64_t k, bool rounded, DType dtype) {
  const int64_t group = BlockElements(dtype) == 256 ? 256 : 32;
  double absolute = 0, rounding = 0;
  for (int64_t b = 0; b < k; b += group) {
    double largest = 0, weights = 0;
    for (int64_t i = b; i < std::min(b + group, k); ++i) {
      largest = std::max(largest, static_cast<double>(std::fabs(x[i])));
      weights += std::fabs(w[i]);
      absolute += std::fabs(x[i]) * std::fabs(w[i]);
    }
    rounding += largest / 127 * 0.5 * weights * (1 + 1e-5);
  }
  const double depth = 0.1 * (static_cast<double>(k) / 4) + 5;
  // In fast precision min-formats subtract two large sums: their parts are bounded by 4 A.
  return absolute * depth * kEps / 2 * (rounded ? 4 : 1) + (rounded ? rounding : 0) + 1e-30;
}

std::vector<float> ThroughBfloat(std::vector<float> values) {
  std::vector<std::byte> bytes(2 * values.size());
  EXPECT_OK(Quantize(DType::kBF16, values, bytes));
  EXPECT_OK(Dequantize(DType::kBF16, bytes, values));
  return values;
}

class MatMulTest : public EveryIsa {
 protected:
  void Check(Precision precision, DType dtype, int64_t tokens, int64_t rows, int64_t k,
             bool with_bias, ThreadPool* pool = nullptr) {
    SCOPED_TRACE(std::string(DTypeName(dtype)) + " " + std::string(PrecisionName(precision)) +
                 " T " + std::to_string(tokens) + " N " + std::to_string(rows) + " K " +
                 std::to_string(k));
    const auto seed = static_cast<uint32_t>(tokens * 131 + rows * 17 + k);
    const OwnedWeight w(dtype, rows, k, seed);
    PaddedMatrix x(tokens, k), out(tokens, rows);
    x.Fill(RandomFloats(static_cast<size_t>(tokens * k), seed + 1));
    const std::vector<float> bias =
        with_bias ? RandomFloats(static_cast<size_t>(rows), seed + 2) : std::vector<float>();
    auto ctx = Make(precision, pool);
    ASSERT_OK(MatMul(*ctx, x.view(), w.weight, bias, out.view()));
    EXPECT_TRUE(out.Intact()) << "wrote outside its output";
    if (precision == Precision::kFast && dtype == DType::kBF16) x.Fill(ThroughBfloat(x.Values()));
    const reference::Values wanted = reference::MatMul(x.view(), w.weight, bias);
    const reference::Values weights = reference::Dequantized(w.weight);
    const bool rounded = precision == Precision::kFast && !IsPlainFormat(dtype);
    double used = 0;
    for (int64_t t = 0; t < tokens; ++t) {
      for (int64_t n = 0; n < rows; ++n) {
        const double bound = Bound(x.view().row(t), weights.data() + n * k, k, rounded, dtype) +
                             (with_bias ? 2 * kEps : 0);
        const double error =
            std::fabs(out.view().row(t)[n] - wanted[static_cast<size_t>(t * rows + n)]);
        used = std::max(used, error / bound);
        ASSERT_LE(error, bound) << "row " << t << " column " << n;
      }
    }
    EXPECT_GT(used, 0.0);
  }
};

TEST_P(MatMulTest, AgreesWithTheReferenceInEveryFormatAndPrecision) {
  for (const DType dtype : testing::AllFormats()) {
    const int64_t block = BlockElements(dtype);
    for (const int64_t k : {33, 96, 384, 512, 576, 640}) {
      if (k % block != 0) continue;
      for (const Precision precision : {Precision::kExact, Precision::kFast}) {
        Check(precision, dtype, 1, 37, k, false);
        Check(precision, dtype, 11, 19, k, true);
      }
    }
  }
}

TEST_P(MatMulTest, AgreesWithTheReferenceForManyRowCounts) {
  for (const DType dtype : {DType::kF32, DType::kBF16, DType::kQ4_1, DType::kQ8_0, DType::kQ6_K,
                            DType::kQ2_K, DType::kQ3_K, DType::kIQ4_NL, DType::kIQ4_XS}) {
    for (const int64_t tokens : {2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 70}) {
      for (const Precision precision : {Precision::kExact, Precision::kFast}) {
        Check(precision, dtype, tokens, 23, 256, tokens % 2 == 0);
      }
    }
  }
}

TEST_P(MatMulTest, AgreesWithTheReferenceBeyondOneTaskOfRows) {
  ThreadPool pool(2);
  for (const DType dtype : {DType::kF32, DType::kBF16, DType::kQ4_1}) {
    Check(Precision::kFast, dtype, 260, 66, 64, true, &pool);
  }
}

// Extremes of every code: full-scale weights times full-scale activations reach the largest sums.
TEST_P(MatMulTest, DoesNotSaturateAtTheLargestCodes) {
  for (const DType dtype : testing::AllFormats()) {
    if (IsPlainFormat(dtype)) continue;
    SCOPED_TRACE(DTypeName(dtype));
    const int64_t k = 256;
    OwnedWeight w(dtype, 16, k, 1);
    for (const int fill : {0x00, 0x7f, 0x80, 0xff}) {
      // All bytes the same, then scales that are plain numbers again.
      const std::vector<std::byte> before = w.bytes;
      std::fill(w.bytes.begin(), w.bytes.end(), static_cast<std::byte>(fill));
      const auto block = static_cast<size_t>(BlockBytes(dtype));
      for (size_t at = 0; at < w.bytes.size(); at += block) {
        const uint16_t half = 0x2000;  // 2^-7
        std::vector<size_t> fields = testing::HalfFields(dtype);
        if (fields.empty()) fields.push_back(0);
        if (dtype == DType::kQ4_1 || dtype == DType::kQ5_1) fields.push_back(2);
        for (const size_t field : fields) std::memcpy(w.bytes.data() + at + field, &half, 2);
      }
      for (const float sign : {1.0f, -1.0f}) {
        std::vector<float> x(static_cast<size_t>(k), sign);
        std::vector<float> out(16);
        auto ctx = Make(Precision::kFast);
        const ConstMatrix view = ConstMatrix::Of(x.data(), 1, k);
        ASSERT_OK(MatMul(*ctx, view, w.weight, {}, Matrix::Of(out.data(), 1, 16)));
        const reference::Values wanted = reference::MatMul(view, w.weight, {});
        const reference::Values weights = reference::Dequantized(w.weight);
        // x rounds exactly: only float sums remain.
        for (size_t n = 0; n < 16; ++n) {
          ASSERT_NEAR(out[n], wanted[n],
                      4 * Bound(x.data(), weights.data() + n * 256, k, false, dtype))
              << "fill " << fill;
        }
      }
      w.bytes = before;
    }
  }
}

TEST_P(MatMulTest, GivesEachRowTheSameBitsWhateverTheBatchAndTheThreads) {
  ThreadPool pool(2);
  for (const DType dtype : testing::AllFormats()) {
    for (const Precision precision : {Precision::kExact, Precision::kFast}) {
      SCOPED_TRACE(std::string(DTypeName(dtype)) + std::string(PrecisionName(precision)));
      const int64_t k = 512, rows = 45, tokens = 37;
      const OwnedWeight w(dtype, rows, k, 5);
      const std::vector<float> x = RandomFloats(static_cast<size_t>(tokens * k), 6);
      const std::vector<float> bias = RandomFloats(static_cast<size_t>(rows), 7);
      std::vector<float> whole(static_cast<size_t>(tokens * rows));
      std::vector<float> threaded = whole, single = whole;
      const ConstMatrix all = ConstMatrix::Of(x.data(), tokens, k);
      auto one = Make(precision), two = Make(precision, &pool);
      ASSERT_OK(MatMul(*one, all, w.weight, bias, Matrix::Of(whole.data(), tokens, rows)));
      ASSERT_OK(MatMul(*two, all, w.weight, bias, Matrix::Of(threaded.data(), tokens, rows)));
      const Matrix out = Matrix::Of(single.data(), tokens, rows);
      for (int64_t t = 0; t < tokens; ++t) {
        ASSERT_OK(MatMul(*two, all.slice(t, 1), w.weight, bias, out.slice(t, 1)));
      }
      EXPECT_TRUE(testing::SameBits(whole, threaded));
      EXPECT_TRUE(testing::SameBits(whole, single));
    }
  }
}

TEST_P(MatMulTest, ManyTargetsGiveTheBitsOfSeparateProducts) {
  for (const Precision precision : {Precision::kExact, Precision::kFast}) {
    ThreadPool pool(2);
    auto ctx = Make(precision, &pool);
    const int64_t k = 512, tokens = 9;
    const std::vector<float> x = RandomFloats(static_cast<size_t>(tokens * k), 8);
    const ConstMatrix view = ConstMatrix::Of(x.data(), tokens, k);
    std::vector<OwnedWeight> weights;
    std::vector<MatMulTarget> targets;
    std::vector<std::vector<float>> outs, wanted;
    for (const DType dtype : testing::AllFormats()) weights.emplace_back(dtype, 21, k, 9);
    for (const OwnedWeight& w : weights) {
      outs.emplace_back(static_cast<size_t>(tokens * 21));
      wanted.emplace_back(static_cast<size_t>(tokens * 21));
      ASSERT_OK(MatMul(*ctx, view, w.weight, {}, Matrix::Of(wanted.back().data(), tokens, 21)));
      targets.push_back({&w.weight, {}, Matrix::Of(outs.back().data(), tokens, 21)});
    }
    ASSERT_OK(MatMulMany(*ctx, view, targets));
    for (size_t i = 0; i < outs.size(); ++i) EXPECT_TRUE(testing::SameBits(outs[i], wanted[i]));
  }
}

TEST_P(MatMulTest, AddsToWhatIsThere) {
  for (const Precision precision : {Precision::kExact, Precision::kFast}) {
    auto ctx = Make(precision);
    for (const DType dtype : testing::AllFormats()) {
      SCOPED_TRACE(DTypeName(dtype));
      const int64_t k = 512, rows = 21, tokens = 9;
      const OwnedWeight w(dtype, rows, k, 3);
      const std::vector<float> x = RandomFloats(static_cast<size_t>(tokens * k), 4);
      const std::vector<float> bias = RandomFloats(static_cast<size_t>(rows), 5);
      const std::vector<float> before = RandomFloats(static_cast<size_t>(tokens * rows), 6);
      const ConstMatrix view = ConstMatrix::Of(x.data(), tokens, k);
      std::vector<float> product(before.size()), sum = before;
      ASSERT_OK(MatMul(*ctx, view, w.weight, bias, Matrix::Of(product.data(), tokens, rows)));
      ASSERT_OK(MatMulAdd(*ctx, view, w.weight, bias, Matrix::Of(sum.data(), tokens, rows)));
      for (size_t i = 0; i < sum.size(); ++i) EXPECT_EQ(sum[i], before[i] + product[i]);
    }
  }
}

TEST_P(MatMulTest, AnActivationIsThatOfTheOperationOnItsOwn) {
  for (const Precision precision : {Precision::kExact, Precision::kFast}) {
    auto ctx = Make(precision);
    for (const DType dtype : {DType::kF32, DType::kBF16, DType::kQ8_0, DType::kQ6_K}) {
      const int64_t k = 1024, rows = 21, tokens = 9;
      const OwnedWeight w(dtype, rows, k, 3);
      const std::vector<float> x = RandomFloats(static_cast<size_t>(tokens * k), 4, 0.1f);
      const std::vector<float> bias = RandomFloats(static_cast<size_t>(rows), 5);
      const ConstMatrix view = ConstMatrix::Of(x.data(), tokens, k);
      for (const auto& [activation, kind] : {std::pair(Activation::kGeluErf, GeluKind::kErf),
                                             std::pair(Activation::kGeluTanh, GeluKind::kTanh)}) {
        std::vector<float> fused(static_cast<size_t>(tokens * rows)), separate = fused;
        const MatMulTarget target{&w.weight, bias, Matrix::Of(fused.data(), tokens, rows), false,
                                  activation};
        ASSERT_OK(MatMulMany(*ctx, view, {&target, 1}));
        const Matrix out = Matrix::Of(separate.data(), tokens, rows);
        ASSERT_OK(MatMul(*ctx, view, w.weight, bias, out));
        ASSERT_OK(Gelu(*ctx, kind, out));
        EXPECT_TRUE(testing::SameBits(fused, separate)) << DTypeName(dtype);
      }
    }
  }
  std::vector<float> x(32), out(4);
  const OwnedWeight w(DType::kQ8_0, 4, 32, 3);
  const MatMulTarget both{&w.weight, {}, Matrix::Of(out.data(), 1, 4), true, Activation::kGeluErf};
  EXPECT_STATUS(MatMulMany(*ctx_, ConstMatrix::Of(x.data(), 1, 32), {&both, 1}), kInvalidArgument,
                "cannot have an activation");
}

TEST_P(MatMulTest, TakesZerosAndTinyAndHugeActivations) {
  auto ctx = Make(Precision::kFast);
  const OwnedWeight w(DType::kQ4_1, 16, 64, 3);
  for (const float value : {0.0f, 1e-38f, -1e-44f, 1e30f}) {
    std::vector<float> x(64, value), out(16, NAN);
    ASSERT_OK(MatMul(*ctx, ConstMatrix::Of(x.data(), 1, 64), w.weight, {},
                     Matrix::Of(out.data(), 1, 16)));
    for (const float each : out) EXPECT_TRUE(std::isfinite(each)) << value;
  }
}

// Rows long enough for several blocks of a sum, an odd one, and one shorter than a vector.
TEST_P(MatMulTest, BfloatProductsHoldForLongAndOddRows) {
  for (const int64_t k : {3, 6, 511, 513, 1536}) {
    for (const int64_t tokens : {1, 2, 3, 13})
      Check(Precision::kFast, DType::kBF16, tokens, 70, k, true);
  }
}

// The rounded x and the order of sums are the same everywhere (bfloat_kernels.inc).
TEST_P(MatMulTest, BfloatProductsHaveTheBitsOfPlainCode) {
  ASSERT_OK_AND_ASSIGN(const auto plain, Context::Create(nullptr, Isa::kPlain, Precision::kFast));
  auto ctx = Make(Precision::kFast);
  for (const int64_t k : {33, 384, 1537}) {
    const int64_t tokens = 11, rows = 45;
    const OwnedWeight w(DType::kBF16, rows, k, 3);
    const std::vector<float> x = RandomFloats(static_cast<size_t>(tokens * k), 4);
    const ConstMatrix view = ConstMatrix::Of(x.data(), tokens, k);
    std::vector<float> wanted(static_cast<size_t>(tokens * rows)), got = wanted;
    ASSERT_OK(MatMul(*plain, view, w.weight, {}, Matrix::Of(wanted.data(), tokens, rows)));
    // What lies beside an odd row's last element was not a number.
    const std::vector<float> broken(static_cast<size_t>(tokens * (k + 7)), NAN);
    const OwnedWeight wider(DType::kBF16, rows, k + 7, 3);
    ASSERT_OK(MatMul(*ctx, ConstMatrix::Of(broken.data(), tokens, k + 7), wider.weight, {},
                     Matrix::Of(got.data(), tokens, rows)));
    ASSERT_OK(MatMul(*ctx, view, w.weight, {}, Matrix::Of(got.data(), tokens, rows)));
    EXPECT_TRUE(testing::SameBits(got, wanted)) << k;
  }
}

// Ties to even, what rounds up to the next power of two, and what is no number.
TEST_P(MatMulTest, RoundsActivationsToTheNearestBfloat) {
  const float huge = std::numeric_limits<float>::max(), infinity = INFINITY;
  std::vector<float> x = {1.00390625f, 1.01171875f, -1.00390625f, 1.9999999f,
                          0.1f,        1e-30f,      huge,         infinity};
  const auto count = static_cast<int64_t>(x.size());
  std::vector<float> identity(x.size() * x.size());
  for (size_t i = 0; i < x.size(); ++i) identity[i * x.size() + i] = 1;
  std::vector<std::byte> bytes(2 * identity.size());
  ASSERT_OK(Quantize(DType::kBF16, identity, bytes));
  auto ctx = Make(Precision::kFast);
  // One at a time: infinity times the zeros beside it is no number.
  for (size_t i = 0; i < x.size(); ++i) {
    std::vector<float> one(x.size()), out(x.size());
    one[i] = x[i];
    ASSERT_OK(MatMul(*ctx, ConstMatrix::Of(one.data(), 1, count),
                     Weight{DType::kBF16, bytes.data(), count, count}, {},
                     Matrix::Of(out.data(), 1, count)));
    EXPECT_EQ(out[i], ThroughBfloat({x[i]})[0]) << x[i];
    uint32_t bits = 0x7fffffff - static_cast<uint32_t>(i);
    std::memcpy(&one[i], &bits, sizeof bits);
    ASSERT_OK(MatMul(*ctx, ConstMatrix::Of(one.data(), 1, count),
                     Weight{DType::kBF16, bytes.data(), count, count}, {},
                     Matrix::Of(out.data(), 1, count)));
    EXPECT_TRUE(std::isnan(out[i]));
  }
}

TEST_P(MatMulTest, RefusesShapesThatDisagreeAndLeavesTheOutputAlone) {
  const OwnedWeight w(DType::kQ8_0, 4, 64, 3);
  std::vector<float> x(2 * 64), out(2 * 4, 7.0f), bias(3);
  const ConstMatrix good = ConstMatrix::Of(x.data(), 2, 64);
  const Matrix to = Matrix::Of(out.data(), 2, 4);
  EXPECT_STATUS(MatMul(*ctx_, ConstMatrix::Of(x.data(), 2, 32), w.weight, {}, to), kInvalidArgument,
                "x is [2, 32] but the weight has 64 columns");
  EXPECT_STATUS(MatMul(*ctx_, good, w.weight, {}, Matrix::Of(out.data(), 1, 4)), kInvalidArgument,
                "out is [1, 4] but [2, 4] is needed");
  EXPECT_STATUS(MatMul(*ctx_, good, w.weight, bias, to), kInvalidArgument, "bias has 3 elements");
  EXPECT_STATUS(MatMul(*ctx_, good, Weight{}, {}, to), kInvalidArgument, "without data");
  Weight odd = w.weight;
  odd.columns = 63;
  EXPECT_STATUS(MatMul(*ctx_, ConstMatrix::Of(x.data(), 2, 63), odd, {}, to), kInvalidArgument,
                "whole blocks of 32");
  EXPECT_EQ(out, std::vector<float>(8, 7.0f));
  EXPECT_OK(MatMul(*ctx_, good.slice(0, 0), w.weight, {}, to.slice(0, 0)));
}

FOOTNOTE_EVERY_ISA(MatMulTest);

}  // namespace
}  // namespace footnote::kernels
