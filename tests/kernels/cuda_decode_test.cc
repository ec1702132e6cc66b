// The index arithmetic of CUDA products, run on the host: quantised blocks laid out anew and
// decoded again equal the reference decoder's numbers, and the maps of x and of the tensor cores'
// fragments multiply every weight with its own element once.
#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <vector>

#include "kernels/cuda/weight_layout.h"
#include "kernels/cuda/x_layout.h"
#include "tests/kernels/testing.h"

namespace footnote::kernels {
namespace {

template <typename Layout>
void CheckLayout() {
  SCOPED_TRACE(DTypeName(Layout::kType));
  ASSERT_EQ(Layout::kBlock.groups * cuda::kGroup, BlockElements(Layout::kType));
  ASSERT_EQ(Layout::kBlock.bytes, BlockBytes(Layout::kType));
  for (const int64_t blocks : {1, 2, 9, 18}) {
    const int64_t columns = blocks * BlockElements(Layout::kType);
    const int groups = static_cast<int>(columns / cuda::kGroup);
    const testing::OwnedWeight w(Layout::kType, 3, columns, 21);
    const reference::Values wanted = reference::Dequantized(w.weight);
    const int64_t bytes = Layout::RowBytes(groups);
    ASSERT_EQ(bytes, cuda::LaidRowBytes(Layout::kType, columns));
    ASSERT_EQ(bytes % 16, 0);
    EXPECT_LT(bytes, RowBytes(Layout::kType, columns) * 1.04 + 16) << "rows grow little";
    // Planes start where their loads are aligned.
    EXPECT_EQ(Layout::ExtraAt(groups) % (Layout::kExtraWords == 0 ? 1 : 4), 0);
    EXPECT_EQ(Layout::ScalesAt(groups) % Layout::kScaleBytes, 0);
    if (Layout::kSuperBytes > 0) {
      EXPECT_EQ(Layout::SuperAt(groups) % Layout::kSuperBytes, 0u);
    }
    for (int64_t n = 0; n < 3; ++n) {
      const auto* file = reinterpret_cast<const uint8_t*>(w.weight.row(n));
      // Every byte of the row is written, except its padding, and none behind it.
      std::vector<uint8_t> row(static_cast<size_t>(bytes + 16), 0xa5), other = row;
      std::fill(other.begin(), other.end(), 0x5a);
      for (int g = groups - 1; g >= 0; --g) Layout::Repack(file, row.data(), groups, g);
      for (int g = 0; g < groups; ++g) Layout::Repack(file, other.data(), groups, g);
      const auto used =
          static_cast<int64_t>(Layout::SuperAt(groups)) + groups / 8 * Layout::kSuperBytes;
      for (int64_t i = 0; i < bytes + 16; ++i) {
        const auto at = static_cast<size_t>(i);
        if (i < used) {
          ASSERT_EQ(row[at], other[at]) << "byte " << i;
        } else {
          ASSERT_EQ(row[at], 0xa5);
        }
      }
      for (int g = 0; g < groups; ++g) {
        const cuda::Codes codes = Layout::Unpack(Layout::Load(row.data(), groups, g));
        for (int e = 0; e < cuda::kGroup; ++e) {
          const uint32_t word = e < 16 ? codes.low[e / 4] : codes.high[(e - 16) / 4];
          const int code = static_cast<int8_t>((word >> (8 * (e % 4))) & 255u);
          if (Layout::kBits < 8) {
            EXPECT_TRUE(code >= 0 && code < (1 << Layout::kBits));
          }
          const double value = static_cast<double>(codes.step[e / 16]) * code +
                               static_cast<double>(codes.offset[e / 16]);
          const double expected = wanted[static_cast<size_t>(n * columns + g * cuda::kGroup + e)];
          ASSERT_NEAR(value, expected, 4 * testing::kEps * (std::fabs(value) + 1))
              << "group " << g << ", element " << e;
          // What the kernels rely on to leave terms out.
          if (Layout::kOneStep) {
            EXPECT_EQ(codes.step[0], codes.step[1]);
          }
          if (!Layout::kHasOffset) {
            EXPECT_EQ(codes.offset[e / 16], 0);
          }
          if (Layout::kZeroCode > 0) {
            EXPECT_EQ(codes.offset[e / 16], -Layout::kZeroCode * codes.step[e / 16]);
          }
        }
      }
    }
  }
}

TEST(CudaDecode, LaidOutRowsHoldTheNumbersOfTheFile) {
  CheckLayout<cuda::Q4_0Layout>();
  CheckLayout<cuda::Q4_1Layout>();
  CheckLayout<cuda::Q5_0Layout>();
  CheckLayout<cuda::Q5_1Layout>();
  CheckLayout<cuda::Q8_0Layout>();
  CheckLayout<cuda::Q4_KLayout>();
  CheckLayout<cuda::Q5_KLayout>();
  CheckLayout<cuda::Q6_KLayout>();
}

TEST(CudaDecode, EveryFormatHasALayoutOrIsPlainOrDecodedWhenUploaded) {
  for (const DType dtype : testing::AllFormats()) {
    SCOPED_TRACE(DTypeName(dtype));
    const bool laid = cuda::WithLayout(dtype, false, [](auto) { return true; });
    const bool decoded = dtype == DType::kQ2_K || dtype == DType::kQ3_K ||
                         dtype == DType::kIQ4_NL || dtype == DType::kIQ4_XS;
    EXPECT_EQ(laid, cuda::IsQuantised(dtype) && !decoded);
    EXPECT_EQ(cuda::HasLayout(dtype), !decoded);
    if (decoded) continue;
    if (!laid) {
      EXPECT_EQ(cuda::LaidRowBytes(dtype, 100), 100 * BlockBytes(dtype));
    }
  }
}

TEST(CudaDecode, StagedColumnsLieWhereLanesReadThem) {
  for (const int columns : {1, 7, 8, 100, 576, 1001}) {
    SCOPED_TRACE(columns);
    const int staged = cuda::StagedColumns(columns), half = staged / 2;
    std::set<int> seen;
    for (int k = 0; k < staged; ++k) {
      const int at = cuda::StagedAt(columns, k);
      ASSERT_TRUE(at >= 0 && at < staged && seen.insert(at).second) << "column " << k;
      // The kernel's own arithmetic, for 8 weights a lane and for 4.
      ASSERT_EQ(at, k % 8 / 4 * half + k / 8 * 4 + k % 4);
      const int index = k / 4;
      ASSERT_EQ(at, index % 2 * half + index / 2 * 4 + k % 4);
    }
  }
}

// Lanes as PTX defines them for m16n8k16: lane 4 g + q holds of A rows g and g + 8, columns 2 q, 2
// q
// + 1, 2 q + 8, 2 q + 9; of B the same rows k and column g; of C rows g, g + 8 and columns 2 q, 2 q
// + 1.
TEST(CudaDecode, FragmentsMultiplyEveryWeightWithItsElementOnce) {
  for (const bool by_groups : {false, true}) {
    for (const int columns : {32, 128, 160, 576}) {
      SCOPED_TRACE(std::string(by_groups ? "groups" : "pieces") + " K " + std::to_string(columns));
      const int tokens = 13, tiles = 2, chunks = cuda::Chunks(columns);
      const auto pad = static_cast<size_t>(chunks * cuda::kChunkColumns);
      const std::vector<float> w = testing::RandomFloats(16 * pad, 1);
      const std::vector<float> x = testing::RandomFloats(static_cast<size_t>(tokens * columns), 2);
      const auto weight = [&](int row, int k) {
        return k < columns ? w[static_cast<size_t>(row) * pad + static_cast<size_t>(k)] : 0.0f;
      };
      const auto pieces = static_cast<size_t>(cuda::FragmentBytes(columns, tiles) / 16);
      std::vector<std::vector<float>> fragments(pieces);
      for (int t = 0; t < tiles * 8; ++t) {
        for (int piece = 0; piece < chunks * 16; ++piece) {
          auto& to = fragments[static_cast<size_t>(cuda::FragmentAt(by_groups, tiles, t, piece))];
          ASSERT_TRUE(to.empty()) << "written twice";
          for (int k = 8 * piece; k < 8 * piece + 8; ++k) {
            to.push_back(t < tokens && k < columns ? x[static_cast<size_t>(t * columns + k)] : 0);
          }
        }
      }
      for (int tile = 0; tile < tiles; ++tile) {
        double sums[16][8] = {};
        for (int chunk = 0; chunk < chunks; ++chunk) {
          for (int step = 0; step < 8; ++step) {
            // What each lane holds of this multiplication: A[row][k], B[k][column].
            double a[16][16] = {}, b[16][8] = {};
            for (int lane = 0; lane < 32; ++lane) {
              const int g = lane / 4, q = lane % 4;
              const auto& held = fragments[static_cast<size_t>(
                  ((chunk * 4 + step / 2) * tiles + tile) * 32 + lane)];
              for (int i = 0; i < 4; ++i) {  // elements 4 s…4 s + 3 of the lane's 32
                const int k = i / 2 * 8 + 2 * q + i % 2;
                const int own =
                    by_groups ? 32 * q + 4 * step + i : 8 * (4 * (step / 2) + q) + step % 2 * 4 + i;
                a[g][k] = static_cast<double>(weight(g, chunk * 128 + own));
                a[g + 8][k] = static_cast<double>(weight(g + 8, chunk * 128 + own));
                b[k][g] = static_cast<double>(held[static_cast<size_t>(step % 2 * 4 + i)]);
              }
            }
            for (int m = 0; m < 16; ++m) {
              for (int n = 0; n < 8; ++n) {
                for (int k = 0; k < 16; ++k) sums[m][n] += a[m][k] * b[k][n];
              }
            }
          }
        }
        for (int m = 0; m < 16; ++m) {
          for (int n = 0; n < 8 && tile * 8 + n < tokens; ++n) {
            double wanted = 0;
            for (int k = 0; k < columns; ++k) {
              wanted += static_cast<double>(weight(m, k)) *
                        static_cast<double>(x[static_cast<size_t>((tile * 8 + n) * columns + k)]);
            }
            ASSERT_NEAR(sums[m][n], wanted, 1e-9) << "row " << m << ", token " << n;
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace footnote::kernels
