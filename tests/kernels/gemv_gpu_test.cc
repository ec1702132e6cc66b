// CUDA products with quantised weights against the reference.
#include <cmath>

#include "tests/kernels/gpu_testing.h"
#include "tests/kernels/testing.h"

namespace footnote::kernels {
namespace {

#ifdef FOOTNOTE_HAVE_CUDA
using testing::DeviceBuffer;
using testing::kEps;
using testing::OwnedWeight;
using testing::RandomFloats;

constexpr DType kFormats[] = {DType::kQ8_0, DType::kQ4_0, DType::kQ4_1, DType::kQ5_0,
                              DType::kQ5_1, DType::kQ4_K, DType::kQ6_K};

std::vector<float> RunGemv(const OwnedWeight& w, const std::vector<float>& x, int64_t tokens) {
  const DeviceBuffer dw(w.bytes), dx(x);
  const DeviceBuffer out(static_cast<size_t>(tokens * w.weight.rows) * sizeof(float));
  EXPECT_EQ(cuda::LaunchQuantisedGemv(w.weight.dtype, dw.data(), dx.floats(), tokens, w.weight.rows,
                                      w.weight.columns, out.floats(), nullptr),
            0);
  return out.Floats();
}

TEST(GemvGpu, AgreesWithTheReferenceOverOddShapes) {
  if (const std::string why = testing::WhyNoGpu(); !why.empty()) GTEST_SKIP() << why;
  for (const DType dtype : kFormats) {
    for (const int64_t k : {32, 256, 576, 640, 2048}) {
      if (k % BlockElements(dtype) != 0) continue;
      for (const int64_t tokens : {1, 2, 5, 8}) {
        SCOPED_TRACE(std::string(DTypeName(dtype)) + " K " + std::to_string(k));
        const int64_t rows = 37;
        const OwnedWeight w(dtype, rows, k, 3);
        const std::vector<float> x = RandomFloats(static_cast<size_t>(tokens * k), 4);
        const std::vector<float> got = RunGemv(w, x, tokens);
        const ConstMatrix view = ConstMatrix::Of(x.data(), tokens, k);
        const reference::Values wanted = reference::MatMul(view, w.weight, {});
        const reference::Values weights = reference::Dequantized(w.weight);
        for (int64_t t = 0; t < tokens; ++t) {
          for (int64_t n = 0; n < rows; ++n) {
            // 32 lanes and a tree: depth K/32 + 5, of sums bounded by sum |x| |w|; the value itself
            // is rounded once or twice. Signs vary, so the whole depth is generous.
            double absolute = 0;
            for (int64_t i = 0; i < k; ++i) {
              absolute += std::fabs(view.row(t)[i] * weights[static_cast<size_t>(n * k + i)]);
            }
            const auto at = static_cast<size_t>(t * rows + n);
            ASSERT_NEAR(got[at], wanted[at],
                        absolute * (static_cast<double>(k) / 32 + 7) * kEps / 2 + 1e-30);
          }
        }
      }
    }
  }
}

TEST(GemvGpu, GivesEachRowTheSameBitsWhateverTheBatch) {
  if (const std::string why = testing::WhyNoGpu(); !why.empty()) GTEST_SKIP() << why;
  for (const DType dtype : kFormats) {
    SCOPED_TRACE(DTypeName(dtype));
    const int64_t k = 768, rows = 21;
    const OwnedWeight w(dtype, rows, k, 5);
    const std::vector<float> x = RandomFloats(static_cast<size_t>(8 * k), 6);
    const std::vector<float> whole = RunGemv(w, x, 8);
    for (int64_t t = 0; t < 8; ++t) {
      const std::vector<float> one(x.begin() + t * k, x.begin() + (t + 1) * k);
      const std::vector<float> wanted(whole.begin() + t * rows, whole.begin() + (t + 1) * rows);
      EXPECT_TRUE(testing::SameBits(RunGemv(w, one, 1), wanted)) << "row " << t;
    }
  }
}

TEST(GemvGpu, RefusesShapesAndFormatsItDoesNotTake) {
  if (const std::string why = testing::WhyNoGpu(); !why.empty()) GTEST_SKIP() << why;
  const DeviceBuffer some(1 << 16);
  const auto launch = [&](DType dtype, int64_t tokens, int64_t columns, int64_t offset) {
    return cuda::LaunchQuantisedGemv(dtype, static_cast<char*>(some.data()) + offset, some.floats(),
                                     tokens, 1, columns, some.floats(), nullptr);
  };
  EXPECT_NE(launch(DType::kF32, 1, 32, 0), 0);
  EXPECT_NE(launch(DType::kQ8_0, 9, 32, 0), 0);
  EXPECT_NE(launch(DType::kQ8_0, 1, 33, 0), 0);
  EXPECT_NE(launch(DType::kQ4_K, 1, 128, 0), 0);
  EXPECT_NE(launch(DType::kQ8_0, 1, 32, 2), 0);
}
#else
TEST(GemvGpu, NeedsABuildWithCuda) { GTEST_SKIP() << testing::WhyNoGpu(); }
#endif

}  // namespace
}  // namespace footnote::kernels
