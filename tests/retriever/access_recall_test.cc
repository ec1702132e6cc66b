// Search under stored access lists, however they hide: complete, safe, and close to an exact scan
// of what the asker may see. With a graph, where hiding is hardest.
#include <gmock/gmock.h>

#include <numeric>
#include <random>
#include <set>

#include "tests/retriever/corpus_builder.h"

namespace footnote::retriever {
namespace {

using testing::FakeEmbedder;
using testing::MakeDocument;
using testing::SettingsFor;
using testing::TempDir;

constexpr size_t kRows = 20'000;  // as many documents
constexpr size_t kQueries = 12;
constexpr size_t kTop = 10;
constexpr size_t kHidden = 1000;
constexpr int kWidth = 32;
constexpr double kShares[] = {0.5, 0.1, 0.01, 0.001};

// Words of one of 40 fields, so that documents have topics.
std::string RandomText(std::mt19937& random, int words) {
  const uint32_t field = random() % 40;
  std::string text;
  for (int i = 0; i < words; ++i) {
    const uint32_t word = random() % 3 == 0 ? random() % 2000 : field * 50 + random() % 50;
    text += "word" + std::to_string(word) + "x ";
  }
  return text;
}

std::string Group(const std::string& kind, double share) {
  return "group:" + kind + std::to_string(static_cast<int>(share * 1000));
}

class AccessRecallTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::mt19937 random(5);
    ASSERT_OK_AND_ASSIGN(writer_,
                         CorpusWriter::Open(folder_.path(), "docs",
                                            SettingsFor(embedder_, false, VectorIndexKind::kHnsw)));
    for (size_t row = 0; row < kRows; ++row) {
      const IndexedDocument document =
          MakeDocument(embedder_, "doc" + std::to_string(row), RandomText(random, 12));
      ASSERT_EQ(document.vectors.size(), size_t{kWidth});
      vectors_.insert(vectors_.end(), document.vectors.begin(), document.vectors.end());
      ASSERT_OK(writer_->Put(document, "f"));
    }
    ASSERT_OK(writer_->Publish());
    for (size_t q = 0; q < kQueries; ++q) queries_.push_back(RandomText(random, 8));
    GiveLists(random);
    ASSERT_OK_AND_ASSIGN(corpus_, Corpus::Open(folder_.path(), "docs"));
    ASSERT_OK_AND_ASSIGN(backend_, MakeLocalRetriever(corpus_, &embedder_));
  }

  std::vector<float> VectorOf(const std::string& text) const {
    const std::string_view view = text;
    return embedder_.Embed(std::span(&view, 1), TextRole::kQuery, CallContext())->values;
  }

  // All rows by falling inner product.
  std::vector<size_t> Ranking(const std::vector<float>& query) const {
    std::vector<double> scores(kRows, 0);
    for (size_t row = 0; row < kRows; ++row) {
      for (size_t i = 0; i < kWidth; ++i) {
        scores[row] += double{query[i]} * vectors_[row * kWidth + i];
      }
    }
    std::vector<size_t> rows(kRows);
    std::iota(rows.begin(), rows.end(), size_t{0});
    std::stable_sort(rows.begin(), rows.end(),
                     [&](size_t a, size_t b) { return scores[a] > scores[b]; });
    return rows;
  }

  // Groups that see a random share, groups that see a topic, and for each query a user from whom
  // its nearest thousand are hidden.
  void GiveLists(std::mt19937& random) {
    lists_.assign(kRows, {{"group:all"}, {}});
    const std::vector<size_t> by_topic = Ranking(VectorOf(RandomText(random, 10)));
    for (const double share : kShares) {
      for (AccessList& list : lists_) {
        if (random() < share * 4294967296.0) list.allow.push_back(Group("random", share));
      }
      for (size_t i = 0; i < static_cast<size_t>(share * kRows); ++i) {
        lists_[by_topic[i]].allow.push_back(Group("topic", share));
      }
    }
    for (size_t q = 0; q < kQueries; ++q) {
      const std::vector<size_t> nearest = Ranking(VectorOf(queries_[q]));
      for (size_t i = 0; i < kHidden; ++i) {
        lists_[nearest[i]].deny.push_back("user:q" + std::to_string(q));
      }
    }
    // Most by what the sources say, some by hand; all after publication.
    std::vector<AccessChange> changes;
    for (size_t row = 0; row < kRows; ++row) {
      const std::string id = "doc" + std::to_string(row);
      if (row % 100 == 0) {
        ASSERT_OK(writer_->SetAccess(id, lists_[row]));
      } else {
        changes.push_back({id, lists_[row]});
      }
    }
    ASSERT_OK(writer_->GiveAccess(changes));
  }

  // Mean recall@10 of all queries, each asked by `asker_of` it.
  double Recall(const std::function<Asker(size_t query)>& asker_of) {
    double recall = 0;
    for (size_t q = 0; q < kQueries; ++q) {
      RetrievalRequest request;
      request.query = queries_[q];
      request.top_k = static_cast<int>(kTop);
      request.fusion = FusionKind::kDenseOnly;
      request.asker = asker_of(q);
      const auto result = backend_->Retrieve(request, CallContext());
      EXPECT_OK(result);
      if (!result.ok()) return 0;
      std::set<std::string> nearest;
      size_t visible = 0;
      for (const size_t row : Ranking(VectorOf(queries_[q]))) {
        if (!MaySee(request.asker, lists_[row], /*corpus_is_public=*/false)) continue;
        ++visible;
        if (nearest.size() < kTop) nearest.insert("doc" + std::to_string(row));
      }
      EXPECT_EQ(result->passages.size(), std::min(kTop, visible));
      size_t found = 0;
      for (const Passage& passage : result->passages) {
        const size_t row = std::stoul(passage.document_id.substr(3));
        EXPECT_TRUE(MaySee(request.asker, lists_[row], false)) << passage.document_id;
        found += nearest.erase(passage.document_id);
      }
      const size_t wanted = std::min(kTop, visible);
      recall += wanted == 0 ? 1 : static_cast<double>(found) / static_cast<double>(wanted);
    }
    return recall / kQueries;
  }

  TempDir folder_;
  FakeEmbedder embedder_{kWidth};
  std::unique_ptr<CorpusWriter> writer_;
  std::vector<float> vectors_;     // [kRows, kWidth]
  std::vector<AccessList> lists_;  // of each document
  std::vector<std::string> queries_;
  std::shared_ptr<Corpus> corpus_;
  std::unique_ptr<RetrievalBackend> backend_;
};

TEST_F(AccessRecallTest, StoredListsLoseNothingHoweverTheyHide) {
  ASSERT_EQ(corpus_->Info().vector_index, "hnsw");
  for (const double share : kShares) {
    for (const char* kind : {"random", "topic"}) {
      const double recall = Recall([&](size_t) { return Asker{{Group(kind, share)}}; });
      EXPECT_GE(recall, 0.95) << kind << " " << share;
    }
    const double recall = Recall([&](size_t q) {
      return Asker{{Group("random", share), "user:q" + std::to_string(q)}};
    });
    EXPECT_GE(recall, 0.95) << "nearest hidden, " << share;
  }
  const double recall = Recall([](size_t q) {
    return Asker{{"group:all", "user:q" + std::to_string(q)}};
  });
  EXPECT_GE(recall, 0.95) << "nearest hidden, the rest visible";
  EXPECT_EQ(Recall([](size_t) { return Asker{{"user:nobody"}}; }), 1) << "nothing is visible";
}

}  // namespace
}  // namespace footnote::retriever
