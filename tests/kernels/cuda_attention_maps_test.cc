// Index arithmetic of the attention kernels, run on the host: fragment maps against the PTX
// manual's definitions of ldmatrix and mma, and how decode splits keys.
#include <gtest/gtest.h>

#include <vector>

#include "kernels/cuda/attention_plan.h"
#include "kernels/cuda/mma.h"
#include "tests/kernels/testing.h"

namespace footnote::kernels::cuda {
namespace {

// A matrix of numbers in rows of `stride`.
struct Tile {
  std::vector<float> data;
  int stride;
  float at(int row, int column) const { return data[static_cast<size_t>(row * stride + column)]; }
};

Tile RandomTile(int rows, int columns, uint32_t seed) {
  const int stride = columns + kTilePad;
  return {testing::RandomFloats(static_cast<size_t>(rows * stride), seed), stride};
}

// Registers 0…3 of all lanes, two numbers each.
struct Fragments {
  float value[32][4][2];
};

// ldmatrix.x4: lane 8 i + r gives the address of row r of matrix i; register i of lane l gets
// elements 2 (l % 4) and + 1 of row l / 4 of matrix i, or with .trans of its column l / 4.
Fragments LoadMatrices(const Tile& tile, int row, int column, TilePlace (*place)(int),
                       bool transposed) {
  Fragments to;
  for (int lane = 0; lane < 32; ++lane) {
    for (int i = 0; i < 4; ++i) {
      for (int e = 0; e < 2; ++e) {
        const int in_row = transposed ? lane % 4 * 2 + e : lane / 4;
        const int in_column = transposed ? lane / 4 : lane % 4 * 2 + e;
        const TilePlace from = place(8 * i + in_row);
        to.value[lane][i][e] = tile.at(row + from.row, column + from.column + in_column);
      }
    }
  }
  return to;
}

// mma.m16n8k16 by its definition: group g = lane / 4, member t = lane % 4. B is the pair of
// registers `b` and b + 1.
void MultiplyAdd(float (&sums)[32][4], const Fragments& a, const Fragments& b_of, int b) {
  float left[16][16], right[16][8];
  for (int lane = 0; lane < 32; ++lane) {
    const int g = lane / 4, t = lane % 4;
    for (int e = 0; e < 2; ++e) {
      left[g][2 * t + e] = a.value[lane][0][e];
      left[g + 8][2 * t + e] = a.value[lane][1][e];
      left[g][2 * t + 8 + e] = a.value[lane][2][e];
      left[g + 8][2 * t + 8 + e] = a.value[lane][3][e];
      right[2 * t + e][g] = b_of.value[lane][b][e];
      right[2 * t + 8 + e][g] = b_of.value[lane][b + 1][e];
    }
  }
  for (int lane = 0; lane < 32; ++lane) {
    for (int i = 0; i < 4; ++i) {
      const int row = lane / 4 + i / 2 * 8, column = lane % 4 * 2 + i % 2;
      for (int k = 0; k < 16; ++k) sums[lane][i] += left[row][k] * right[k][column];
    }
  }
}

// 16 queries, 16 keys and values of width 32, as the kernels' AddScores and AddValues go about it.
TEST(CudaAttentionMaps, FragmentsGiveScoresAndWeightedSums) {
  constexpr int kWidth = 32;
  const Tile queries = RandomTile(16, kWidth, 1), keys = RandomTile(16, kWidth, 2),
             values = RandomTile(16, kWidth, 3);
  float scores[2][32][4] = {};  // result tiles of keys 0…7 and 8…15
  for (int step = 0; step < kWidth / 16; ++step) {
    const Fragments a = LoadMatrices(queries, 0, step * 16, LoadPlaceOfA, false);
    const Fragments b = LoadMatrices(keys, 0, step * 16, LoadPlaceOfB, false);
    MultiplyAdd(scores[0], a, b, 0);
    MultiplyAdd(scores[1], a, b, 2);
  }
  float wanted[16][16] = {};
  for (int row = 0; row < 16; ++row) {
    for (int key = 0; key < 16; ++key) {
      for (int d = 0; d < kWidth; ++d) wanted[row][key] += queries.at(row, d) * keys.at(key, d);
    }
  }
  Fragments a;
  for (int lane = 0; lane < 32; ++lane) {
    for (int i = 0; i < 4; ++i) {
      for (int n = 0; n < 2; ++n) {
        const TilePlace at = PlaceOfResult(lane, i);
        EXPECT_NEAR(scores[n][lane][i], wanted[at.row][n * 8 + at.column], 1e-4);
      }
      // Registers 0, 1: the first result tile's two rows; 2, 3: the second's.
      for (int e = 0; e < 2; ++e) {
        a.value[lane][i][e] = scores[i / 2][lane][i % 2 * 2 + e];
        const TilePlace at = PairPlaceOfA(lane, i);
        EXPECT_NEAR(a.value[lane][i][e], wanted[at.row][at.column + e], 1e-4);
      }
    }
  }
  for (int n = 0; n < kWidth / 16; ++n) {
    const Fragments b = LoadMatrices(values, 0, n * 16, LoadPlaceOfBTransposed, true);
    for (int half = 0; half < 2; ++half) {
      float sums[32][4] = {};
      MultiplyAdd(sums, a, b, 2 * half);
      for (int lane = 0; lane < 32; ++lane) {
        for (int i = 0; i < 4; ++i) {
          const TilePlace at = PlaceOfResult(lane, i);
          float sum = 0;
          for (int key = 0; key < 16; ++key) {
            sum += wanted[at.row][key] * values.at(key, n * 16 + half * 8 + at.column);
          }
          EXPECT_NEAR(sums[lane][i], sum, 1e-3);
        }
      }
    }
  }
}

// Eight rows that one phase of ldmatrix reads lie in different groups of four banks.
TEST(CudaAttentionMaps, PaddedRowsFallIntoDifferentBanks) {
  for (const int width : {32, 64, 80, 96, 112, 128, 256}) {
    unsigned used = 0;
    for (int row = 0; row < 8; ++row) used |= 1u << (row * (width + kTilePad) * 2 / 16 % 8);
    EXPECT_EQ(used, 0xffu) << width;
  }
}

TEST(CudaAttentionPlan, SplitsCoverEveryVisiblePageOnce) {
  for (const int64_t splits : {1, 2, 3, 43, 49, 132, 396}) {
    for (int64_t pages = 0; pages < 700; ++pages) {
      const int64_t each = SplitPages(pages, splits);
      ASSERT_GE(each, LeastSplitPages(pages));
      ASSERT_EQ(each % kSplitStep, 0);
      ASSERT_GE(each * splits, pages);
      const int64_t used = SplitsUsed(pages, splits);
      ASSERT_LE(used, splits);
      ASSERT_GE(used * each, pages);
      ASSERT_LT((used - 1) * each, std::max<int64_t>(pages, 1));
    }
  }
}

TEST(CudaAttentionPlan, VisiblePagesHoldTheWindowOfTheFirstRow) {
  for (int64_t length = 0; length < 100; ++length) {
    for (int64_t rows = 0; rows <= std::min<int64_t>(length, 9); ++rows) {
      for (const int64_t window : {0, 1, 7, 16, 33, 1000}) {
        const PageRange seen = VisiblePages(length, rows, window);
        const int64_t begin = window > 0 ? std::max<int64_t>(0, length - rows - window + 1) : 0;
        EXPECT_EQ(seen.first, begin / kPageTokens);
        EXPECT_GE(seen.end * kPageTokens, length);
        EXPECT_LT(seen.end * kPageTokens, length + kPageTokens);
      }
    }
  }
}

TEST(CudaAttentionPlan, FillsTheCardAndNeverSplitsTooFinely) {
  const int64_t processors = 132;
  EXPECT_EQ(PlanSplits(0, 8, processors), 1);
  EXPECT_EQ(PlanSplits(4, 8, processors), 1);      // 64 keys
  EXPECT_EQ(PlanSplits(2048, 8, processors), 49);  // 32k keys: 392 blocks of 396
  EXPECT_EQ(PlanSplits(64, 8, processors), 8);     // 1k keys: 128 a block
  EXPECT_EQ(PlanSplits(32, 8, processors), 8);     // 512 keys: 64 a block
  EXPECT_EQ(PlanSplits(33, 8, processors), 8);     // for sequences of 512 in that launch
  EXPECT_EQ(PlanSplits(64, 512, processors), 3);   // batch 64: some waves
  EXPECT_EQ(PlanSplits(64, 100000, processors), 1);
  for (const int64_t blocks : {1, 5, 8, 40, 64, 197, 198, 199, 400, 1187, 1188, 5000}) {
    for (const int64_t pages : {1, 7, 8, 9, 64, 2048}) {
      const int64_t splits = PlanSplits(pages, blocks, processors);
      EXPECT_GE(splits, 1);
      EXPECT_LE(splits, CeilDivide(pages, kSplitStep));
      EXPECT_LE(splits, std::max<int64_t>(1, CeilDivide(3 * 396, blocks)));
    }
  }
}

}  // namespace
}  // namespace footnote::kernels::cuda
