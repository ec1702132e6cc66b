// Filtered search is complete and close to an exact scan, however the allowed rows lie.
#include "retriever/storage/vector_index.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <random>
#include <set>

#include "common/file.h"
#include "common/sha256.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace footnote::retriever {
namespace {

constexpr int kWidth = 32;
constexpr size_t kRows = 4000;

std::vector<float> RandomUnitVectors(size_t rows, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> vectors(rows * kWidth);
  for (size_t row = 0; row < rows; ++row) {
    double norm = 0;
    for (int i = 0; i < kWidth; ++i) {
      vectors[row * kWidth + i] = normal(random);
      norm += vectors[row * kWidth + i] * vectors[row * kWidth + i];
    }
    for (int i = 0; i < kWidth; ++i) vectors[row * kWidth + i] /= std::sqrt(norm);
  }
  return vectors;
}

StatusOr<std::string> BytesOf(const VectorIndex& index) {
  std::string bytes;
  FOOTNOTE_RETURN_IF_ERROR(index.WriteTo([&](std::string_view piece) {
    bytes += piece;
    return OkStatus();
  }));
  return bytes;
}

// All rows by falling inner product.
std::vector<uint32_t> Ranking(const std::vector<float>& vectors, std::span<const float> query) {
  std::vector<std::pair<double, uint32_t>> scored;
  for (uint32_t row = 0; row * kWidth < vectors.size(); ++row) {
    double sum = 0;
    for (int i = 0; i < kWidth; ++i) sum += double{query[i]} * vectors[row * kWidth + i];
    scored.emplace_back(-sum, row);
  }
  std::sort(scored.begin(), scored.end());
  std::vector<uint32_t> rows;
  for (const auto& [score, row] : scored) rows.push_back(row);
  return rows;
}

struct Allowed {
  std::vector<uint8_t> bits = std::vector<uint8_t>((kRows + 7) / 8, 0);
  size_t count = 0;
  void Set(uint32_t row) {
    bits[row / 8] |= static_cast<uint8_t>(1 << row % 8);
    ++count;
  }
  bool Has(uint32_t row) const { return (bits[row / 8] >> row % 8 & 1) != 0; }
};

class VectorIndexTest : public ::testing::TestWithParam<VectorIndexKind> {
 protected:
  void SetUp() override {
    vectors_ = RandomUnitVectors(kRows, 1);
    queries_ = RandomUnitVectors(20, 2);
    auto index = VectorIndex::Build(GetParam(), kWidth, vectors_);
    ASSERT_OK(index);
    index_ = std::move(*index);
  }

  // Orders by the true vectors and keeps ten, as the dense stage does.
  void Rescore(std::span<const float> query, std::vector<VectorHit>& hits) const {
    for (VectorHit& hit : hits) {
      double sum = 0;
      for (int i = 0; i < kWidth; ++i) sum += double{query[i]} * vectors_[hit.row * kWidth + i];
      hit.score = static_cast<float>(sum);
    }
    std::sort(hits.begin(), hits.end(),
              [](const VectorHit& a, const VectorHit& b) { return a.score > b.score; });
    hits.resize(std::min<size_t>(10, hits.size()));
  }

  // Mean recall@10 over the queries, with the allowed rows that `allow` makes of each ranking.
  template <typename Allow>
  double Recall(Allow allow, bool exact = false) {
    double found = 0;
    double wanted = 0;
    for (size_t q = 0; q * kWidth < queries_.size(); ++q) {
      const std::span<const float> query(queries_.data() + q * kWidth, kWidth);
      const std::vector<uint32_t> ranking = Ranking(vectors_, query);
      const Allowed allowed = allow(ranking);
      const size_t depth = index_->rounds() ? VectorIndex::RescoringDepth(10) : 10;
      auto hits = index_->Search(query, depth, allowed.bits, allowed.count, exact);
      EXPECT_OK(hits);
      EXPECT_EQ(hits->hits.size(), std::min<size_t>(depth, allowed.count));
      if (index_->rounds()) Rescore(query, hits->hits);
      std::set<uint32_t> best;
      for (uint32_t row : ranking) {
        if (allowed.Has(row) && best.size() < 10) best.insert(row);
      }
      std::set<uint32_t> seen;
      for (size_t i = 0; i < hits->hits.size(); ++i) {
        EXPECT_TRUE(allowed.Has(hits->hits[i].row));
        EXPECT_TRUE(seen.insert(hits->hits[i].row).second);
        if (i > 0) {
          EXPECT_LE(hits->hits[i].score, hits->hits[i - 1].score);
        }
        found += best.contains(hits->hits[i].row) ? 1 : 0;
      }
      wanted += static_cast<double>(best.size());
    }
    return wanted == 0 ? 1 : found / wanted;
  }

  std::vector<float> vectors_;
  std::vector<float> queries_;
  std::unique_ptr<VectorIndex> index_;
};

TEST_P(VectorIndexTest, FindsTheNearestWithoutAFilter) {
  EXPECT_GE(Recall([](const auto& ranking) {
              Allowed allowed;
              for (uint32_t row : ranking) allowed.Set(row);
              return allowed;
            }),
            0.95);
}

TEST_P(VectorIndexTest, HidingExactlyTheNearestRowsLosesNothing) {
  for (const double hidden : {0.01, 0.05, 0.3, 0.7, 0.96}) {
    EXPECT_GE(Recall([&](const auto& ranking) {
                Allowed allowed;
                for (size_t i = static_cast<size_t>(hidden * kRows); i < kRows; ++i) {
                  allowed.Set(ranking[i]);
                }
                return allowed;
              }),
              0.95)
        << hidden;
  }
}

TEST_P(VectorIndexTest, RandomlyAllowedRowsAreFoundWhateverTheirShare) {
  std::mt19937 random(3);
  for (const double share : {0.9, 0.5, 0.1, 0.04, 0.002}) {
    EXPECT_GE(Recall([&](const auto& ranking) {
                Allowed allowed;
                for (uint32_t row : ranking) {
                  if (random() < share * 4294967296.0) allowed.Set(row);
                }
                return allowed;
              }),
              0.95)
        << share;
  }
}

TEST_P(VectorIndexTest, FewerAllowedRowsThanAskedForAllCome) {
  for (const size_t count : {0, 1, 5}) {
    EXPECT_EQ(Recall([&](const auto& ranking) {
                Allowed allowed;
                for (size_t i = 0; i < count; ++i) allowed.Set(ranking[kRows - 1 - 7 * i]);
                return allowed;
              }),
              1);
  }
}

// A large flat index that was loaded looks at bytes first, and gives the hits and the scores of a
// scan of the floats.
TEST(LargeFlatIndex, FindsByBytesWhatAnExactScanFinds) {
  constexpr size_t kMany = 20000;
  const std::vector<float> vectors = RandomUnitVectors(kMany, 1);
  const std::vector<float> queries = RandomUnitVectors(20, 2);
  ASSERT_OK_AND_ASSIGN(const auto built,
                       VectorIndex::Build(VectorIndexKind::kFlat, kWidth, vectors));
  ASSERT_OK_AND_ASSIGN(const std::string bytes, BytesOf(*built));
  footnote::testing::TempDir folder;
  ASSERT_OK(WriteFileAtomically(folder / "1.faiss", bytes));
  ASSERT_OK_AND_ASSIGN(const auto index, VectorIndex::Load(folder / "1.faiss", Sha256Hex(bytes),
                                                           VectorIndexKind::kFlat, kWidth, kMany));
  std::vector<uint8_t> allowed((kMany + 7) / 8, 0xFF);
  for (const bool filtered : {false, true}) {
    if (filtered) std::fill(allowed.begin(), allowed.end(), 0x77);
    const size_t count = filtered ? kMany / 8 * 6 : kMany;
    for (size_t q = 0; q < 20; ++q) {
      const std::span<const float> query(queries.data() + q * kWidth, kWidth);
      ASSERT_OK_AND_ASSIGN(const VectorHits exact, index->Search(query, 50, allowed, count, true));
      ASSERT_OK_AND_ASSIGN(const VectorHits found, index->Search(query, 50, allowed, count, false));
      EXPECT_TRUE(exact.exact_scan);
      EXPECT_FALSE(found.exact_scan);
      ASSERT_EQ(found.hits.size(), 50u);
      for (size_t i = 0; i < 50; ++i) {
        EXPECT_EQ(found.hits[i].row, exact.hits[i].row) << q << ", " << i;
        EXPECT_EQ(found.hits[i].score, exact.hits[i].score) << q << ", " << i;
      }
    }
  }
}

TEST_P(VectorIndexTest, AFileGivesTheSameAnswersAndADamagedOneIsRefused) {
  footnote::testing::TempDir folder;
  const auto path = folder / "1.faiss";
  ASSERT_OK_AND_ASSIGN(const std::string bytes, BytesOf(*index_));
  ASSERT_OK(WriteFileAtomically(path, bytes));
  const std::string sha256 = Sha256Hex(bytes);
  ASSERT_OK_AND_ASSIGN(auto loaded, VectorIndex::Load(path, sha256, GetParam(), kWidth, kRows));
  const std::vector<uint8_t> all((kRows + 7) / 8, 0xFF);
  const std::span<const float> query(queries_.data(), kWidth);
  ASSERT_OK_AND_ASSIGN(const VectorHits before, index_->Search(query, 50, all, kRows, false));
  ASSERT_OK_AND_ASSIGN(const VectorHits after, loaded->Search(query, 50, all, kRows, false));
  ASSERT_EQ(before.hits.size(), after.hits.size());
  for (size_t i = 0; i < before.hits.size(); ++i) {
    EXPECT_EQ(before.hits[i].row, after.hits[i].row);
    EXPECT_EQ(before.hits[i].score, after.hits[i].score);
  }
  EXPECT_STATUS(VectorIndex::Load(path, sha256, GetParam(), kWidth, kRows + 1), kDataLoss,
                "another index");
  std::string damaged = bytes;
  damaged[damaged.size() / 2] ^= 1;
  ASSERT_OK(WriteFileAtomically(path, damaged));
  EXPECT_STATUS(VectorIndex::Load(path, sha256, GetParam(), kWidth, kRows), kDataLoss, "checksum");
  EXPECT_STATUS(VectorIndex::Load(folder / "none", sha256, GetParam(), kWidth, kRows), kNotFound,
                "none");
}

TEST_P(VectorIndexTest, BuildingTwiceGivesTheSameBytes) {
  auto again = VectorIndex::Build(GetParam(), kWidth, vectors_);
  ASSERT_OK(again);
  ASSERT_OK_AND_ASSIGN(const std::string first, BytesOf(*index_));
  ASSERT_OK_AND_ASSIGN(const std::string second, BytesOf(**again));
  EXPECT_TRUE(first == second);
}

INSTANTIATE_TEST_SUITE_P(Kinds, VectorIndexTest,
                         ::testing::Values(VectorIndexKind::kFlat, VectorIndexKind::kSq8,
                                           VectorIndexKind::kHnsw, VectorIndexKind::kIvf),
                         [](const auto& info) { return std::string(VectorIndexName(info.param)); });

TEST(VectorIndex, IsExactUpToTwoHundredThousandRowsUnlessSet) {
  EXPECT_EQ(ChooseVectorIndex(VectorIndexKind::kAuto, 200'000).kind, VectorIndexKind::kFlat);
  EXPECT_EQ(ChooseVectorIndex(VectorIndexKind::kAuto, 200'001).kind, VectorIndexKind::kHnsw);
  EXPECT_EQ(ChooseVectorIndex(VectorIndexKind::kIvf, 10).kind, VectorIndexKind::kIvf);
}

TEST(VectorIndex, AFewRowsMakeAnIndexOfEachKind) {
  const std::vector<float> one = RandomUnitVectors(1, 5);
  for (auto kind : {VectorIndexKind::kFlat, VectorIndexKind::kSq8, VectorIndexKind::kHnsw,
                    VectorIndexKind::kIvf}) {
    ASSERT_OK_AND_ASSIGN(auto index, VectorIndex::Build(kind, kWidth, one));
    const std::vector<uint8_t> all = {1};
    ASSERT_OK_AND_ASSIGN(const VectorHits found, index->Search(one, 5, all, 1, false));
    ASSERT_EQ(found.hits.size(), 1u);
    EXPECT_NEAR(found.hits[0].score, 1, 0.02);
    const std::vector<float> narrow(kWidth - 1);
    EXPECT_STATUS(index->Search(narrow, 5, all, 1, false), kInvalidArgument, "31 numbers");
  }
}

}  // namespace
}  // namespace footnote::retriever
