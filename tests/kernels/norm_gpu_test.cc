// CUDA norms against the reference.
#include "kernels/cuda/elementwise.h"
#include "tests/kernels/gpu_matrix.h"
#include "tests/kernels/testing.h"

namespace footnote::kernels {
namespace {

#ifdef FOOTNOTE_HAVE_CUDA
using testing::DeviceBuffer;
using testing::DeviceMatrix;
using testing::kEps;
using testing::RandomFloats;
using Kind = GpuNorm::Kind;

struct Case {
  Kind kind;
  int64_t rows, columns, gap, begin;  // of x: elements between rows, and before the first
};

std::string Name(const Case& c) {
  return std::string(c.kind == Kind::kRms ? "RMS" : "Layer") + " rows " + std::to_string(c.rows) +
         " K " + std::to_string(c.columns) + " gap " + std::to_string(c.gap) + " begin " +
         std::to_string(c.begin);
}

// |got - wanted| <= ulps of what was added up: y = d * w / sigma, and b.
void ExpectClose(const std::vector<float>& got, const reference::Values& wanted, double relative,
                 double absolute) {
  testing::ExpectNear(got, wanted, relative, absolute);
}

void Check(const Case& c) {
  SCOPED_TRACE(Name(c));
  const bool layer = c.kind == Kind::kLayer;
  const auto size = static_cast<size_t>(c.rows * c.columns);
  std::vector<float> values = RandomFloats(size, static_cast<uint32_t>(c.columns), 3.0f);
  // A mean far from 0: mean(x^2) - mean^2 would lose most digits.
  if (layer) {
    for (float& v : values) v += 50;
  }
  const std::vector<float> weight = RandomFloats(static_cast<size_t>(c.columns), 2);
  const std::vector<float> bias = RandomFloats(static_cast<size_t>(c.columns), 3);
  const DeviceBuffer dw(weight), db(bias);
  GpuNorm norm{c.kind, dw.floats(), layer ? db.floats() : nullptr, layer ? 0.0f : 1.0f, 1e-5f};

  const DeviceMatrix x(DType::kF32, c.rows, c.columns, values, c.gap, c.begin);
  const DeviceMatrix out(DType::kF32, c.rows, c.columns, c.gap, c.begin);
  const DeviceMatrix half(DType::kF16, c.rows, c.columns, c.gap);
  ASSERT_EQ(cuda::LaunchNorm(norm, x.view(), out.view(), half.view(), nullptr), 0);
  const ConstMatrix host = ConstMatrix::Of(values.data(), c.rows, c.columns);
  const reference::Values wanted = layer ? reference::LayerNorm(host, weight, bias, norm.eps)
                                         : reference::RmsNorm(host, weight, 1.0f, norm.eps);
  // Sums: at most 16 numbers a thread (64 beyond 16,384 columns) and 10 levels of a tree or 32
  // warps in turn; the root halves the error. Layer: the mean, 50, is rounded to a few ulps, which
  // moves every difference (of 3) by as much; w and b are of size up to 4.
  const double relative = 40 * kEps;
  const double absolute = layer ? 4 * (50 * 16 * kEps / 3) : 4 * kEps;
  const std::vector<float> got = out.Values();
  ExpectClose(got, wanted, relative, absolute);
  EXPECT_EQ(half.Values(), testing::RoundedTo(DType::kF16, got));

  // Only rounded, to bfloat16; then in place. The same bits.
  const DeviceMatrix bfloat(DType::kBF16, c.rows, c.columns, c.gap);
  ASSERT_EQ(cuda::LaunchNorm(norm, x.view(), {}, bfloat.view(), nullptr), 0);
  EXPECT_EQ(bfloat.Values(), testing::RoundedTo(DType::kBF16, got));
  ASSERT_EQ(cuda::LaunchNorm(norm, x.view(), x.view(), {}, nullptr), 0);
  EXPECT_TRUE(testing::SameBits(x.Values(), got));
}

TEST(NormGpu, AgreesWithTheReferenceOverWidthsStridesAndPlaces) {
  if (const std::string why = testing::WhyNoGpu(); !why.empty()) GTEST_SKIP() << why;
  for (const Kind kind : {Kind::kRms, Kind::kLayer}) {
    for (const int64_t k : {7,   33,   100,  128,  132,  255,  256,  384,  512,   576,  640,
                            768, 1000, 1024, 1028, 1027, 2048, 4096, 5120, 14336, 16384}) {
      Check({kind, 5, k, 8, 0});
    }
    // Rows whose runs do not lie aligned: element by element.
    for (const int64_t k : {384, 1024, 4096}) {
      Check({kind, 3, k, 3, 0});
      Check({kind, 3, k, 8, 1});
      Check({kind, 3, k, 0, 0});
    }
    Check({kind, 2, 16388, 8, 0});
    Check({kind, 2, 65536, 8, 0});
    Check({kind, 67, 96, 8, 0});
  }
  Check({Kind::kRms, 3, 1, 8, 0});
}

TEST(NormGpu, SaturatesFloat16AndKeepsNan) {
  if (const std::string why = testing::WhyNoGpu(); !why.empty()) GTEST_SKIP() << why;
  for (const int64_t k : {8, 7, 2048}) {
    SCOPED_TRACE(k);
    const std::vector<float> values(static_cast<size_t>(k), 1.0f);
    std::vector<float> weight(static_cast<size_t>(k), 1.0f);
    weight[0] = 1e6f;
    weight[1] = -1e6f;
    weight[2] = NAN;
    const DeviceBuffer dw(weight);
    const DeviceMatrix x(DType::kF32, 1, k, values), half(DType::kF16, 1, k);
    const GpuNorm norm{Kind::kRms, dw.floats(), nullptr, 0, 1e-6f};
    ASSERT_EQ(cuda::LaunchNorm(norm, x.view(), {}, half.view(), nullptr), 0);
    const std::vector<float> got = half.Values();
    EXPECT_EQ(got[0], 65504.0f);
    EXPECT_EQ(got[1], -65504.0f);
    EXPECT_TRUE(std::isnan(got[2]));
    EXPECT_NEAR(got[3], 1.0f, 1e-3);
  }
}

TEST(NormGpu, LayerNormWithoutABias) {
  if (const std::string why = testing::WhyNoGpu(); !why.empty()) GTEST_SKIP() << why;
  for (const int64_t k : {576, 2048, 20000}) {
    SCOPED_TRACE(k);
    const std::vector<float> values = RandomFloats(static_cast<size_t>(2 * k), 4);
    const std::vector<float> weight = RandomFloats(static_cast<size_t>(k), 5);
    const DeviceBuffer dw(weight);
    const DeviceMatrix x(DType::kF32, 2, k, values), out(DType::kF32, 2, k);
    ASSERT_EQ(cuda::LaunchNorm({Kind::kLayer, dw.floats(), nullptr, 0, 1e-12f}, x.view(),
                               out.view(), {}, nullptr),
              0);
    ExpectClose(out.Values(),
                reference::LayerNorm(ConstMatrix::Of(values.data(), 2, k), weight, {}, 1e-12f),
                40 * kEps, 20 * kEps);
  }
}

TEST(NormGpu, RefusesWhatItDoesNotTake) {
  if (const std::string why = testing::WhyNoGpu(); !why.empty()) GTEST_SKIP() << why;
  const DeviceBuffer weight(65537 * 4);
  const DeviceMatrix x(DType::kF32, 1, 64), half(DType::kF16, 1, 64), other(DType::kF32, 1, 72);
  const GpuNorm norm{Kind::kRms, weight.floats(), nullptr, 0, 1e-5f};
  const auto refused = [&](const GpuNorm& n, GpuMatrix from, GpuMatrix out, GpuMatrix rounded) {
    return cuda::LaunchNorm(n, from, out, rounded, nullptr) != 0;
  };
  EXPECT_TRUE(refused(norm, x.view(), {}, {}));
  EXPECT_TRUE(refused(norm, half.view(), x.view(), {}));
  EXPECT_TRUE(refused(norm, x.view(), half.view(), {}));
  EXPECT_TRUE(refused(norm, x.view(), {}, x.view()));
  EXPECT_TRUE(refused(norm, x.view(), other.view(), {}));
  EXPECT_TRUE(refused({Kind::kRms, nullptr, nullptr, 0, 1e-5f}, x.view(), x.view(), {}));
  EXPECT_TRUE(refused({Kind::kRms, weight.floats(), nullptr, 0, 0}, x.view(), x.view(), {}));
  EXPECT_TRUE(
      refused({Kind::kRms, weight.floats(), weight.floats(), 0, 1e-5f}, x.view(), x.view(), {}));
  GpuMatrix wide = x.view();
  wide.columns = wide.stride = 65537;
  EXPECT_TRUE(refused(norm, wide, wide, {}));
  GpuMatrix none = x.view();
  none.rows = 0;
  EXPECT_FALSE(refused(norm, none, none, {}));
}
#else
TEST(NormGpu, NeedsABuildWithCuda) { GTEST_SKIP() << testing::WhyNoGpu(); }
#endif

}  // namespace
}  // namespace footnote::kernels
