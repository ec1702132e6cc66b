// CUDA gathering, pooling and tanh against the reference.
#include <cmath>

#include "kernels/cuda/elementwise.h"
#include "tests/kernels/gpu_matrix.h"
#include "tests/kernels/testing.h"

namespace footnote::kernels {
namespace {

#ifdef FOOTNOTE_HAVE_CUDA
using testing::DeviceBuffer;
using testing::DeviceMatrix;
using testing::IntsOf;
using testing::kEps;
using testing::RandomFloats;

constexpr int64_t kWidths[] = {1, 7, 100, 384, 576, 640, 4096};

TEST(GatherGpu, CopiesRowsOfEveryPlainFormat) {
  if (const std::string why = testing::WhyNoGpu(); !why.empty()) GTEST_SKIP() << why;
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kBF16}) {
    for (const int64_t k : kWidths) {
      for (const int64_t gap : {8, 5}) {
        SCOPED_TRACE(std::string(DTypeName(dtype)) + " K " + std::to_string(k) + " gap " +
                     std::to_string(gap));
        const std::vector<float> values =
            testing::RoundedTo(dtype, RandomFloats(static_cast<size_t>(9 * k), 1));
        const DeviceMatrix x(dtype, 9, k, values, gap), out(dtype, 4, k, gap);
        const DeviceBuffer rows(std::vector<int32_t>{8, 0, 9, 3});
        ASSERT_EQ(cuda::LaunchGatherRows(x.view(), IntsOf(rows), out.view(), nullptr), 0);
        std::vector<float> wanted;
        for (const int64_t row : {8, 0, -1, 3}) {
          for (int64_t c = 0; c < k; ++c) {
            wanted.push_back(row < 0 ? 0.0f : values[static_cast<size_t>(row * k + c)]);
          }
        }
        EXPECT_EQ(out.Values(), wanted);
      }
    }
  }
}

TEST(PoolGpu, AgreesWithTheReference) {
  if (const std::string why = testing::WhyNoGpu(); !why.empty()) GTEST_SKIP() << why;
  // Sequences of 1, 8, 9, 70 and 130 rows.
  const std::vector<int64_t> offsets = {0, 1, 9, 18, 88, 218};
  const DeviceBuffer begins(std::vector<int32_t>(offsets.begin(), offsets.end() - 1));
  const DeviceBuffer ends(std::vector<int32_t>(offsets.begin() + 1, offsets.end()));
  for (const int64_t k : kWidths) {
    if (k > 1000) continue;  // below
    for (const int64_t gap : {8, 5}) {
      const std::vector<float> values = RandomFloats(static_cast<size_t>(218 * k), 2);
      const DeviceMatrix x(DType::kF32, 218, k, values, gap);
      const ConstMatrix host = ConstMatrix::Of(values.data(), 218, k);
      for (const bool mean : {true, false}) {
        reference::Values wanted =
            mean ? reference::PoolMean(host, offsets) : reference::PoolFirst(host, offsets);
        for (const bool normalise : {false, true}) {
          SCOPED_TRACE(std::string("K ") + std::to_string(k) + " gap " + std::to_string(gap) +
                       (mean ? " mean" : " first") + (normalise ? " normalised" : ""));
          const DeviceMatrix out(DType::kF32, 5, k, gap);
          ASSERT_EQ(cuda::LaunchPool(x.view(), IntsOf(begins), IntsOf(ends), mean, normalise,
                                     out.view(), nullptr),
                    0);
          std::vector<float> sums(wanted.begin(), wanted.end());
          if (normalise) wanted = reference::L2Normalize(ConstMatrix::Of(sums.data(), 5, k));
          // 17 rows a thread and 8 groups: 25 roundings of numbers below 5. K 1 normalised is 1,
          // but for a mean that happens to be small, whose error counts relative to it.
          testing::ExpectNear(out.Values(), wanted, 60 * kEps, mean ? 60 * kEps : 1e-30);
        }
      }
    }
  }
}

TEST(PoolGpu, TakesWideRowsAndEmptyOrTinyOnes) {
  if (const std::string why = testing::WhyNoGpu(); !why.empty()) GTEST_SKIP() << why;
  constexpr int64_t kColumns = 4096;
  std::vector<float> values = RandomFloats(static_cast<size_t>(3 * kColumns), 2);
  // Row 2: shorter than 1e-12.
  for (int64_t c = 0; c < kColumns; ++c) {
    values[static_cast<size_t>(2 * kColumns + c)] = c == 17 ? 1e-14f : 0.0f;
  }
  const DeviceMatrix x(DType::kF32, 3, kColumns, values), out(DType::kF32, 3, kColumns);
  const DeviceBuffer begins(std::vector<int32_t>{0, 2, 2}), ends(std::vector<int32_t>{2, 2, 3});
  ASSERT_EQ(
      cuda::LaunchPool(x.view(), IntsOf(begins), IntsOf(ends), true, true, out.view(), nullptr), 0);
  const std::vector<float> got = out.Values();
  double length = 0;
  for (int64_t c = 0; c < kColumns; ++c) {
    const auto at = static_cast<size_t>(c);
    length += static_cast<double>(got[at]) * got[at];
    EXPECT_EQ(got[kColumns + at], 0.0f);
    if (c != 17) {
      ASSERT_EQ(got[2 * kColumns + at], 0.0f);
    }
  }
  EXPECT_NEAR(length, 1, 1e-5);
  EXPECT_NEAR(got[2 * kColumns + 17], 1e-2, 1e-8);
}

TEST(PoolGpu, RefusesWhatItDoesNotTake) {
  if (const std::string why = testing::WhyNoGpu(); !why.empty()) GTEST_SKIP() << why;
  const DeviceMatrix x(DType::kF32, 2, 64), half(DType::kF16, 2, 64), other(DType::kF32, 2, 72);
  const DeviceBuffer ids(std::vector<int32_t>{0, 1});
  const auto* rows = IntsOf(ids);
  EXPECT_NE(cuda::LaunchPool(half.view(), rows, rows, true, true, x.view(), nullptr), 0);
  EXPECT_NE(cuda::LaunchPool(x.view(), rows, rows, true, true, other.view(), nullptr), 0);
  EXPECT_NE(cuda::LaunchPool(x.view(), nullptr, rows, true, true, x.view(), nullptr), 0);
  EXPECT_NE(cuda::LaunchGatherRows(x.view(), rows, half.view(), nullptr), 0);
  EXPECT_NE(cuda::LaunchGatherRows(x.view(), rows, other.view(), nullptr), 0);
  EXPECT_NE(cuda::LaunchGatherRows(x.view(), nullptr, x.view(), nullptr), 0);
}
#else
TEST(PoolGpu, NeedsABuildWithCuda) { GTEST_SKIP() << testing::WhyNoGpu(); }
#endif

}  // namespace
}  // namespace footnote::kernels
