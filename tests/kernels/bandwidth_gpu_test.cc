// Measuring of a GPU's memory: plausible figures, and the copy is one.
#include "kernels/cuda/bandwidth.h"
#include "tests/kernels/gpu_matrix.h"
#include "tests/kernels/testing.h"

namespace footnote::kernels {
namespace {

#ifdef FOOTNOTE_HAVE_CUDA
TEST(BandwidthGpu, GivesPlausibleFiguresAndCopies) {
  if (const std::string why = testing::WhyNoGpu(); !why.empty()) GTEST_SKIP() << why;
  constexpr size_t kBytes = size_t{16} << 20;
  const std::vector<float> values = testing::RandomFloats(kBytes / 4, 1);
  const testing::DeviceBuffer buffer(values);
  double read = 0, copied = 0;
  ASSERT_EQ(cuda::MeasureReadBandwidth(buffer.data(), kBytes, nullptr, &read), 0);
  EXPECT_TRUE(testing::SameBits(buffer.Floats(), values));
  ASSERT_EQ(cuda::MeasureCopyBandwidth(buffer.data(), kBytes, nullptr, &copied), 0);
  // Slower than a disk or faster than any cache: a wrong unit.
  for (const double figure : {read, copied}) {
    EXPECT_GT(figure, 1e8);
    EXPECT_LT(figure, 1e14);
  }
  const std::vector<float> got = buffer.Floats();
  const std::vector<float> half(values.begin(), values.begin() + kBytes / 8);
  EXPECT_TRUE(testing::SameBits({got.begin(), got.begin() + kBytes / 8}, half));
  EXPECT_TRUE(testing::SameBits({got.begin() + kBytes / 8, got.end()}, half));
  EXPECT_NE(cuda::MeasureReadBandwidth(buffer.data(), 4096, nullptr, &read), 0);
  EXPECT_NE(cuda::MeasureReadBandwidth(nullptr, kBytes, nullptr, &read), 0);
}
#else
TEST(BandwidthGpu, NeedsABuildWithCuda) { GTEST_SKIP() << testing::WhyNoGpu(); }
#endif

}  // namespace
}  // namespace footnote::kernels
