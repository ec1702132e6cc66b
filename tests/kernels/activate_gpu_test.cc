// CUDA's element-by-element kernels against double.
#include <cmath>

#include "kernels/cuda/elementwise.h"
#include "tests/kernels/gpu_matrix.h"
#include "tests/kernels/testing.h"

namespace footnote::kernels {
namespace {

#ifdef FOOTNOTE_HAVE_CUDA
using testing::DeviceMatrix;
using testing::kEps;
using testing::RandomFloats;

constexpr int64_t kWidths[] = {1, 3, 4, 31, 64, 100, 577, 2304, 65535};

// Calls check(width, gap between rows): with rows whose runs lie aligned, and without.
template <typename F>
void OverShapes(F check) {
  for (const int64_t k : kWidths) {
    for (const int64_t gap : {8, 5}) {
      SCOPED_TRACE(std::string("K ") + std::to_string(k) + " gap " + std::to_string(gap));
      check(k, gap);
    }
  }
}

TEST(ActivateGpu, TanhAgreesWithDouble) {
  if (const std::string why = testing::WhyNoGpu(); !why.empty()) GTEST_SKIP() << why;
  OverShapes([](int64_t k, int64_t gap) {
    const std::vector<float> values = RandomFloats(static_cast<size_t>(3 * k), 6, 2.0f);
    const DeviceMatrix x(DType::kF32, 3, k, values, gap);
    ASSERT_EQ(cuda::LaunchTanh(x.view(), nullptr), 0);
    reference::Values wanted;
    for (const float v : values) wanted.push_back(std::tanh(static_cast<double>(v)));
    testing::ExpectNear(x.Values(), wanted, 4 * kEps, 1e-30);
  });
}

TEST(ActivateGpu, SoftcapAgreesWithTheReference) {
  if (const std::string why = testing::WhyNoGpu(); !why.empty()) GTEST_SKIP() << why;
  OverShapes([](int64_t k, int64_t gap) {
    const std::vector<float> values = RandomFloats(static_cast<size_t>(3 * k), 7, 40.0f);
    const DeviceMatrix x(DType::kF32, 3, k, values, gap);
    ASSERT_EQ(cuda::LaunchSoftcap(x.view(), 30, nullptr), 0);
    testing::ExpectNear(x.Values(), reference::Softcap(30, ConstMatrix::Of(values.data(), 3, k)),
                        6 * kEps, 1e-30);
  });
}

TEST(ActivateGpu, AddScaledAgreesWithTheReference) {
  if (const std::string why = testing::WhyNoGpu(); !why.empty()) GTEST_SKIP() << why;
  OverShapes([](int64_t k, int64_t gap) {
    const std::vector<float> base = RandomFloats(static_cast<size_t>(3 * k), 8);
    const std::vector<float> more = RandomFloats(static_cast<size_t>(3 * k), 9);
    // The other's rows lie elsewhere.
    const DeviceMatrix x(DType::kF32, 3, k, base, gap), y(DType::kF32, 3, k, more, gap + 8);
    ASSERT_EQ(cuda::LaunchAddScaled(y.view(), 0.22f, x.view(), nullptr), 0);
    testing::ExpectNear(x.Values(),
                        reference::Add(ConstMatrix::Of(more.data(), 3, k),
                                       ConstMatrix::Of(base.data(), 3, k), 0.22f),
                        kEps, kEps);
    EXPECT_TRUE(testing::SameBits(y.Values(), more));
  });
}

TEST(ActivateGpu, RefusesWhatItDoesNotTake) {
  if (const std::string why = testing::WhyNoGpu(); !why.empty()) GTEST_SKIP() << why;
  const DeviceMatrix x(DType::kF32, 2, 64), half(DType::kF16, 2, 64), other(DType::kF32, 2, 72);
  EXPECT_NE(cuda::LaunchTanh(half.view(), nullptr), 0);
  EXPECT_NE(cuda::LaunchSoftcap(half.view(), 30, nullptr), 0);
  EXPECT_NE(cuda::LaunchSoftcap(x.view(), 0, nullptr), 0);
  EXPECT_NE(cuda::LaunchAddScaled(half.view(), 1, x.view(), nullptr), 0);
  EXPECT_NE(cuda::LaunchAddScaled(x.view(), 1, other.view(), nullptr), 0);
  GpuMatrix none = x.view();
  none.rows = 0;
  EXPECT_EQ(cuda::LaunchSoftcap(none, 30, nullptr), 0);
}
#else
TEST(ActivateGpu, NeedsABuildWithCuda) { GTEST_SKIP() << testing::WhyNoGpu(); }
#endif

}  // namespace
}  // namespace footnote::kernels
