// CUDA ArgMax and TopK against a sort.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "kernels/cuda/select.h"
#include "tests/kernels/gpu_matrix.h"
#include "tests/kernels/testing.h"

namespace footnote::kernels {
namespace {

#ifdef FOOTNOTE_HAVE_CUDA
using testing::DeviceBuffer;
using testing::DeviceMatrix;
using testing::Ints;
using testing::IntsOf;
using testing::RandomFloats;

// Columns of a row that are numbers, best first.
std::vector<int32_t> Ranked(const float* row, int64_t columns) {
  std::vector<int32_t> ids;
  for (int64_t c = 0; c < columns; ++c) {
    if (!std::isnan(row[c])) ids.push_back(static_cast<int32_t>(c));
  }
  std::stable_sort(ids.begin(), ids.end(), [&](int32_t a, int32_t b) { return row[a] > row[b]; });
  return ids;
}

struct Shape {
  int64_t rows, columns, gap;
};
constexpr Shape kShapes[] = {{1, 1, 8},      {1, 7, 8},      {3, 255, 5},   {2, 257, 7},
                             {64, 640, 8},   {3, 4096, 0},   {2, 49152, 8}, {1, 128256, 0},
                             {1, 151937, 3}, {2, 262144, 8}, {1, 262208, 0}};
std::string Name(const Shape& s) {
  return "rows " + std::to_string(s.rows) + " N " + std::to_string(s.columns) + " gap " +
         std::to_string(s.gap);
}

void ExpectTopK(const Shape& shape, const std::vector<float>& values, int64_t k) {
  SCOPED_TRACE(Name(shape) + " k " + std::to_string(k));
  const DeviceMatrix logits(DType::kF32, shape.rows, shape.columns, values, shape.gap);
  const DeviceBuffer scratch(cuda::SelectScratchBytes(shape.rows, shape.columns));
  const auto bytes = static_cast<size_t>(shape.rows * k) * 4;
  const DeviceBuffer best(bytes), ids(bytes);
  ASSERT_EQ(cuda::LaunchTopK(logits.view(), k, best.floats(), IntsOf(ids), scratch.data(), nullptr),
            0);
  const std::vector<float> got_values = best.Floats();
  const std::vector<int32_t> got_ids = Ints(ids);
  scratch.Floats();  // checks its guard
  for (int64_t r = 0; r < shape.rows; ++r) {
    const float* row = values.data() + r * shape.columns;
    const std::vector<int32_t> ranked = Ranked(row, shape.columns);
    for (int64_t i = 0; i < k; ++i) {
      const auto at = static_cast<size_t>(r * k + i);
      const bool some = i < static_cast<int64_t>(ranked.size());
      const int32_t id = some ? ranked[static_cast<size_t>(i)] : -1;
      ASSERT_EQ(got_ids[at], id) << "row " << r << " place " << i;
      ASSERT_EQ(got_values[at], some ? row[id] : -std::numeric_limits<float>::infinity());
    }
  }
}

TEST(TopKGpu, AgreesWithASortOverShapes) {
  if (const std::string why = testing::WhyNoGpu(); !why.empty()) GTEST_SKIP() << why;
  for (const Shape& shape : kShapes) {
    if (testing::kEmulated && (shape.columns > 50000 || shape.rows > 8)) continue;
    const std::vector<float> values =
        RandomFloats(static_cast<size_t>(shape.rows * shape.columns), 1, 5.0f);
    for (const int64_t k : {1, 2, 40, 64}) ExpectTopK(shape, values, k);
  }
}

TEST(TopKGpu, TakesTiesOrderAndWhatIsNoNumber) {
  if (const std::string why = testing::WhyNoGpu(); !why.empty()) GTEST_SKIP() << why;
  const Shape shape = {1, 49152, 0};
  const auto size = static_cast<size_t>(shape.columns);
  {
    SCOPED_TRACE("all equal");
    ExpectTopK(shape, std::vector<float>(size, 2.5f), 64);
  }
  {
    SCOPED_TRACE("ascending and descending: the best segments are full of candidates");
    std::vector<float> values(size);
    std::iota(values.begin(), values.end(), 0.0f);
    ExpectTopK(shape, values, 64);
    std::reverse(values.begin(), values.end());
    ExpectTopK(shape, values, 64);
  }
  {
    SCOPED_TRACE("few values, both zeros");
    std::vector<float> values = RandomFloats(size, 2);
    for (float& v : values) v = v > 3 ? 1.0f : (v > 0 ? 0.0f : -0.0f);
    ExpectTopK(shape, values, 64);
  }
  {
    SCOPED_TRACE("NaN and infinities");
    std::vector<float> values = RandomFloats(size, 3);
    for (size_t i = 0; i < size; i += 3) values[i] = NAN;
    values[100] = std::numeric_limits<float>::infinity();
    ExpectTopK(shape, values, 64);
    std::fill(values.begin(), values.end(), NAN);
    values[7] = -std::numeric_limits<float>::infinity();
    values[40000] = 1.0f;
    ExpectTopK(shape, values, 40);
  }
  {
    SCOPED_TRACE("the k largest in one segment, or one in each");
    std::vector<float> values = RandomFloats(size, 4);
    for (size_t i = 0; i < 64; ++i) values[1024 + i] += 100;
    ExpectTopK(shape, values, 64);
    for (size_t i = 0; i < 64; ++i) values[256 * i + 3 * i] += 1000;
    ExpectTopK(shape, values, 64);
  }
}

void ExpectArgMax(const Shape& shape, const std::vector<float>& values,
                  const std::vector<uint32_t>& allowed) {
  SCOPED_TRACE(Name(shape) + (allowed.empty() ? " all allowed" : " masked"));
  const DeviceMatrix logits(DType::kF32, shape.rows, shape.columns, values, shape.gap);
  const DeviceBuffer scratch(cuda::SelectScratchBytes(shape.rows, shape.columns));
  const DeviceBuffer ids(static_cast<size_t>(shape.rows) * 4), mask(allowed);
  const auto* words = static_cast<const uint32_t*>(mask.data());
  ASSERT_EQ(cuda::LaunchArgMax(logits.view(), allowed.empty() ? nullptr : words, IntsOf(ids),
                               scratch.data(), nullptr),
            0);
  const int64_t row_words = (shape.columns + 31) / 32;
  std::vector<int32_t> wanted;
  for (int64_t r = 0; r < shape.rows; ++r) {
    const float* row = values.data() + r * shape.columns;
    int32_t best = -1;
    for (int64_t c = 0; c < shape.columns; ++c) {
      const bool may = allowed.empty() ||
                       (allowed[static_cast<size_t>(r * row_words + c / 32)] >> (c % 32) & 1u) != 0;
      if (may && !std::isnan(row[c]) && (best < 0 || row[c] > row[best])) {
        best = static_cast<int32_t>(c);
      }
    }
    wanted.push_back(best);
  }
  EXPECT_EQ(Ints(ids), wanted);
}

TEST(ArgMaxGpu, AgreesWithALoopOverShapesAndMasks) {
  if (const std::string why = testing::WhyNoGpu(); !why.empty()) GTEST_SKIP() << why;
  std::mt19937 random(5);
  for (const Shape& shape : kShapes) {
    if (testing::kEmulated && (shape.columns > 50000 || shape.rows > 8)) continue;
    const auto size = static_cast<size_t>(shape.rows * shape.columns);
    std::vector<float> values = RandomFloats(size, 6, 5.0f);
    const auto words = static_cast<size_t>(shape.rows * ((shape.columns + 31) / 32));
    std::vector<uint32_t> dense(words), sparse(words), last(words), none(words);
    for (uint32_t& word : dense) word = random();  // bits beyond the last column too
    for (uint32_t& word : sparse) word = random() % 50 == 0 ? 1u << random() % 32 : 0;
    for (int64_t r = 0; r < shape.rows; ++r) {
      const int64_t column = shape.columns - 1;
      last[static_cast<size_t>(r * ((shape.columns + 31) / 32) + column / 32)] = 1u << column % 32;
    }
    for (const auto& mask : {std::vector<uint32_t>(), dense, sparse, last, none}) {
      ExpectArgMax(shape, values, mask);
    }
    for (float& v : values) v = std::floor(v / 4);  // ties
    for (size_t i = 0; i < size; i += 5) values[i] = NAN;
    ExpectArgMax(shape, values, {});
    ExpectArgMax(shape, values, dense);
  }
  ExpectArgMax({2, 1000, 0}, std::vector<float>(2000, NAN), {});
  ExpectArgMax({2, 1000, 0}, std::vector<float>(2000, -std::numeric_limits<float>::infinity()), {});
}

TEST(SelectGpu, RefusesWhatItDoesNotTake) {
  if (const std::string why = testing::WhyNoGpu(); !why.empty()) GTEST_SKIP() << why;
  const DeviceMatrix x(DType::kF32, 1, 64), half(DType::kF16, 1, 64);
  const DeviceBuffer some(4096);
  const auto top = [&](GpuMatrix logits, int64_t k, void* scratch) {
    return cuda::LaunchTopK(logits, k, some.floats(), IntsOf(some), scratch, nullptr);
  };
  EXPECT_NE(top(x.view(), 0, some.data()), 0);
  EXPECT_NE(top(x.view(), 65, some.data()), 0);
  EXPECT_NE(top(x.view(), 1, nullptr), 0);
  EXPECT_NE(top(half.view(), 1, some.data()), 0);
  GpuMatrix wide = x.view();
  wide.columns = wide.stride = cuda::kMaxSelectColumns + 8;
  EXPECT_NE(top(wide, 1, some.data()), 0);
  EXPECT_NE(cuda::LaunchArgMax(wide, nullptr, IntsOf(some), some.data(), nullptr), 0);
  EXPECT_NE(cuda::LaunchArgMax(x.view(), nullptr, nullptr, some.data(), nullptr), 0);
}
#else
TEST(SelectGpu, NeedsABuildWithCuda) { GTEST_SKIP() << testing::WhyNoGpu(); }
#endif

}  // namespace
}  // namespace footnote::kernels
