// CUDA RmsNorm against the reference.
#include "tests/kernels/gpu_testing.h"
#include "tests/kernels/testing.h"

namespace footnote::kernels {
namespace {

#ifdef FOOTNOTE_HAVE_CUDA
using testing::DeviceBuffer;
using testing::kEps;
using testing::RandomFloats;

TEST(RmsNormGpu, AgreesWithTheReferenceOverOddWidthsInPlaceToo) {
  if (const std::string why = testing::WhyNoGpu(); !why.empty()) GTEST_SKIP() << why;
  for (const int64_t k : {1, 33, 96, 255, 576, 640, 2048, 65536}) {
    for (const float weight_bias : {0.0f, 1.0f}) {
      SCOPED_TRACE(k);
      const std::vector<float> x = RandomFloats(static_cast<size_t>(3 * k), 1, 3.0f);
      const std::vector<float> weight = RandomFloats(static_cast<size_t>(k), 2);
      const DeviceBuffer dx(x), dw(weight), out(x.size() * sizeof(float));
      ASSERT_EQ(cuda::LaunchRmsNorm(dx.floats(), dw.floats(), weight_bias, 1e-5f, 3, k,
                                    out.floats(), nullptr),
                0);
      // 256 lanes and a tree: a sum's depth is K/256 + 13, its root halves the error.
      const reference::Values wanted =
          reference::RmsNorm(ConstMatrix::Of(x.data(), 3, k), weight, weight_bias, 1e-5f);
      testing::ExpectNear(out.Floats(), wanted, (static_cast<double>(k) / 2560 + 13) * kEps,
                          1e-6 * weight_bias);
      ASSERT_EQ(cuda::LaunchRmsNorm(dx.floats(), dw.floats(), weight_bias, 1e-5f, 3, k, dx.floats(),
                                    nullptr),
                0);
      EXPECT_TRUE(testing::SameBits(dx.Floats(), out.Floats()));
    }
  }
}

TEST(RmsNormGpu, RefusesShapesItDoesNotTake) {
  if (const std::string why = testing::WhyNoGpu(); !why.empty()) GTEST_SKIP() << why;
  const DeviceBuffer some(1024);
  for (const int64_t k : {0, 65537}) {
    EXPECT_NE(
        cuda::LaunchRmsNorm(some.floats(), some.floats(), 0, 1e-5f, 1, k, some.floats(), nullptr),
        0);
  }
}
#else
TEST(RmsNormGpu, NeedsABuildWithCuda) { GTEST_SKIP() << testing::WhyNoGpu(); }
#endif

}  // namespace
}  // namespace footnote::kernels
