// The block decoders of CUDA kernels, run on the host: every element of every block, from the unit
// and column that the kernel's own index arithmetic names, equals the reference decoder's.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "kernels/cuda/block_decode.h"
#include "tests/kernels/testing.h"

namespace footnote::kernels {
namespace {

template <typename Unit>
void CheckUnits(DType dtype) {
  SCOPED_TRACE(DTypeName(dtype));
  ASSERT_EQ(Unit::kBlockElements, BlockElements(dtype));
  ASSERT_EQ(Unit::kBlockBytes, BlockBytes(dtype));
  for (const int64_t columns : {Unit::kBlockElements * 1, Unit::kBlockElements * 9}) {
    const testing::OwnedWeight w(dtype, 3, columns, 21);
    const reference::Values wanted = reference::Dequantized(w.weight);
    for (int64_t n = 0; n < 3; ++n) {
      std::vector<float> row(static_cast<size_t>(columns), NAN);
      const auto* bytes = reinterpret_cast<const uint8_t*>(w.weight.row(n));
      for (int64_t u = 0; u < cuda::UnitsPerRow<Unit>(columns); ++u) {
        const cuda::UnitPlace<Unit> place(u);
        EXPECT_EQ(place.first % 4, 0) << "x is read four at a time";
        EXPECT_EQ(place.second % 4, 0);
        ASSERT_LE(place.second + Unit::kPairs, columns);
        for (int i = 0; i < Unit::kPairs; ++i) {
          EXPECT_TRUE(std::isnan(row[static_cast<size_t>(place.first + i)])) << "decoded twice";
          EXPECT_TRUE(std::isnan(row[static_cast<size_t>(place.second + i)])) << "decoded twice";
        }
        Unit::Decode(bytes + place.block_offset, place.unit, row.data() + place.first,
                     row.data() + place.second);
      }
      for (int64_t k = 0; k < columns; ++k) {
        // One fused rounding instead of two.
        const double value = wanted[static_cast<size_t>(n * columns + k)];
        ASSERT_NEAR(row[static_cast<size_t>(k)], value, 4 * testing::kEps * (std::fabs(value) + 1))
            << "column " << k;
      }
    }
  }
}

TEST(CudaDecode, UnitsCoverEveryElementOfARowOnce) {
  CheckUnits<cuda::Q4_0Unit>(DType::kQ4_0);
  CheckUnits<cuda::Q4_1Unit>(DType::kQ4_1);
  CheckUnits<cuda::Q5_0Unit>(DType::kQ5_0);
  CheckUnits<cuda::Q5_1Unit>(DType::kQ5_1);
  CheckUnits<cuda::Q8_0Unit>(DType::kQ8_0);
  CheckUnits<cuda::Q4_KUnit>(DType::kQ4_K);
  CheckUnits<cuda::Q6_KUnit>(DType::kQ6_K);
}

}  // namespace
}  // namespace footnote::kernels
