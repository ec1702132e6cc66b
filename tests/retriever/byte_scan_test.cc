// The scan by bytes against a scan in double precision.
#include "retriever/storage/byte_scan.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <set>

namespace footnote::retriever {
namespace {

struct Vectors {
  size_t count = 0;
  size_t width = 0;
  std::vector<float> values;

  std::span<const float> row(size_t i) const { return {values.data() + i * width, width}; }
};

// Unit vectors around a common direction, as embedders make them.
Vectors MakeVectors(size_t count, size_t width, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> common(width);
  for (float& value : common) value = normal(random);
  Vectors vectors{count, width, std::vector<float>(count * width)};
  for (size_t r = 0; r < count; ++r) {
    double square = 0;
    for (size_t i = 0; i < width; ++i) {
      float& value = vectors.values[r * width + i];
      value = 0.5f * common[i] + normal(random);
      square += double{value} * value;
    }
    for (size_t i = 0; i < width; ++i) {
      vectors.values[r * width + i] /= static_cast<float>(std::sqrt(square));
    }
  }
  return vectors;
}

std::vector<uint32_t> TrueOrder(const Vectors& vectors, std::span<const float> query,
                                const std::vector<uint8_t>& allowed) {
  std::vector<std::pair<double, uint32_t>> scored;
  for (uint32_t r = 0; r < vectors.count; ++r) {
    if ((allowed[r >> 3] >> (r & 7) & 1) == 0) continue;
    double sum = 0;
    for (size_t i = 0; i < vectors.width; ++i) sum += double{query[i]} * vectors.row(r)[i];
    scored.emplace_back(-sum, r);
  }
  std::sort(scored.begin(), scored.end());
  std::vector<uint32_t> order;
  for (const auto& [score, row] : scored) order.push_back(row);
  return order;
}

TEST(ByteScanTest, TheNearestAreAmongSomeMoreThanAreWanted) {
  for (const size_t width : {17, 384, 1024}) {
    const Vectors vectors = MakeVectors(5003, width, width);
    const Vectors queries = MakeVectors(8, width, width + 1);
    const ByteScan scan(vectors.values.data(), vectors.count, width);
    std::vector<uint8_t> allowed((vectors.count + 7) / 8);
    std::mt19937_64 random(3);
    for (uint8_t& byte : allowed) byte = static_cast<uint8_t>(random());
    for (size_t q = 0; q < queries.count; ++q) {
      const std::vector<uint32_t> order = TrueOrder(vectors, queries.row(q), allowed);
      const std::vector<uint32_t> found = scan.Nearest(queries.row(q), 150, allowed);
      EXPECT_EQ(found.size(), 150u);
      const std::set<uint32_t> rows(found.begin(), found.end());
      EXPECT_EQ(rows.size(), 150u);
      for (size_t i = 0; i < 50; ++i) EXPECT_TRUE(rows.contains(order[i])) << width << ", " << i;
      for (const uint32_t row : rows) EXPECT_TRUE(allowed[row >> 3] >> (row & 7) & 1);
    }
  }
}

TEST(ByteScanTest, FewerThanWantedAreAllThereAre) {
  const Vectors vectors = MakeVectors(300, 32, 1);
  const ByteScan scan(vectors.values.data(), vectors.count, 32);
  std::vector<uint8_t> allowed(38);
  EXPECT_TRUE(scan.Nearest(vectors.row(0), 10, allowed).empty());
  allowed[0] = 0x81;
  allowed[37] = 0x08;  // row 299
  EXPECT_THAT(scan.Nearest(vectors.row(0), 10, allowed),
              ::testing::UnorderedElementsAre(0, 7, 299));
  EXPECT_THAT(scan.Nearest(vectors.row(299), 1, allowed), ::testing::ElementsAre(299));
  EXPECT_TRUE(scan.Nearest(vectors.row(0), 0, allowed).empty());
  // Zeros are as near to all.
  EXPECT_EQ(scan.Nearest(std::vector<float>(32), 2, allowed).size(), 2u);
}

TEST(ByteScanTest, EveryInstructionSetSumsTheSame) {
  std::mt19937_64 random(5);
  for (const size_t width : {1, 31, 32, 33, 384, 385}) {
    std::vector<int8_t> codes(7 * width);
    std::vector<int16_t> query(width);
    for (int8_t& code : codes) code = static_cast<int8_t>(static_cast<int>(random() % 255) - 127);
    for (int16_t& value : query) {
      value = static_cast<int16_t>(static_cast<int>(random() % 65535) - 32767);
    }
    std::vector<int32_t> plain(7);
    std::vector<int32_t> fast(7);
    PlainByteDots()(codes.data(), 7, width, query.data(), plain.data());
    ByteDotsForThisMachine()(codes.data(), 7, width, query.data(), fast.data());
    EXPECT_EQ(plain, fast) << width;
    int64_t sum = 0;
    for (size_t i = 0; i < width; ++i) sum += int64_t{codes[i]} * query[i];
    EXPECT_EQ(plain[0], sum);
  }
}

}  // namespace
}  // namespace footnote::retriever
