// The rows of a pass whose logits are wanted, as a pass of their own.

#include "generator/blocks/pass_rows.h"

#include <gtest/gtest.h>

#include <array>

namespace footnote::generator {
namespace {

TEST(WantedRows, KeepTheirPositionsPagesAndRotation) {
  const std::array<int32_t, 2> first_pages = {4, 7}, second_pages = {1, 2};
  const std::array<kernels::KvSequence, 2> sequences = {
      kernels::KvSequence{0, 5, 10, first_pages, 0},
      kernels::KvSequence{5, 4, 0, second_pages, 90}};
  const std::array<int32_t, 9> positions = {10, 11, 12, 13, 14, 0, 1, 2, 3};
  const std::array<int64_t, 5> rows = {0, 3, 4, 5, 8};
  const WantedRows wanted({positions, sequences}, rows);
  const PassRows result = wanted.rows();
  EXPECT_EQ(std::vector<int32_t>(result.positions.begin(), result.positions.end()),
            (std::vector<int32_t>{10, 13, 14, 0, 3}));
  // Row 5 follows row 4, but is another sequence's.
  ASSERT_EQ(result.sequences.size(), 4u);
  const int64_t want[4][4] = {{0, 1, 10, 15}, {1, 2, 13, 15}, {3, 1, 0, 90}, {4, 1, 3, 90}};
  for (size_t i = 0; i < 4; ++i) {
    const kernels::KvSequence& part = result.sequences[i];
    EXPECT_EQ(part.first_row, want[i][0]) << i;
    EXPECT_EQ(part.rows, want[i][1]) << i;
    EXPECT_EQ(part.first_position, want[i][2]) << i;
    EXPECT_EQ(part.known_positions, want[i][3]) << i;
    EXPECT_EQ(part.pages.data(), i < 2 ? first_pages.data() : second_pages.data()) << i;
  }
}

TEST(WantedRows, OfNoneAreNone) {
  const std::array<kernels::KvSequence, 1> sequences = {kernels::KvSequence{0, 2, 0, {}, 0}};
  const std::array<int32_t, 2> positions = {0, 1};
  const WantedRows wanted({positions, sequences}, {});
  EXPECT_TRUE(wanted.rows().positions.empty());
  EXPECT_TRUE(wanted.rows().sequences.empty());
}

}  // namespace
}  // namespace footnote::generator
