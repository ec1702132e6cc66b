// Parts of the same sources, built apart and joined, are what one build gives.
#include <gmock/gmock.h>

#include <fstream>

#include "indexer/indexer.h"
#include "retriever/corpus.h"
#include "retriever/retriever.h"
#include "tests/testing/fake_embedder.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace footnote::indexer {
namespace {

namespace fs = std::filesystem;
using testing::FakeEmbedder;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::TempDir;

constexpr int kDocuments = 60;
constexpr int kShards = 3;

retriever::CorpusSettings Settings(const Embedder& embedder, bool is_public) {
  retriever::CorpusSettings settings;
  settings.is_public = is_public;
  settings.embedder_name = embedder.name();
  settings.embedder_sha256 = embedder.model_sha256();
  settings.width = embedder.width();
  return settings;
}

class ShardTest : public ::testing::Test {
 protected:
  ShardTest() {
    std::ofstream lines(source_ / "set.jsonl");
    for (int i = 0; i < kDocuments; ++i) {
      lines << "{\"_id\":\"d" << i << "\",\"text\":\"Document " << i << " tells something.\"";
      if (i % 7 == 0) lines << ",\"acl\":{\"allow\":[\"user:ann\"]}";
      lines << "}\n";
    }
    std::ofstream(source_ / "a.md") << "# A\n\nText of a.\n";
  }

  StatusOr<IndexReport> Build(const fs::path& root, int shard, int shards, const Embedder& embedder,
                              bool is_public = true) {
    FOOTNOTE_ASSIGN_OR_RETURN(const auto writer, retriever::CorpusWriter::Open(
                                                     root, "docs", Settings(embedder, is_public)));
    IndexOptions options;
    options.sources = {source_.path()};
    options.shard = shard;
    options.shards = shards;
    return BuildIndex(options, embedder, *writer, {}, CallContext());
  }
  StatusOr<retriever::MergeReport> Merge(const std::string& name, bool prune = false) {
    std::vector<fs::path> folders;
    for (const TempDir& part : parts_) folders.push_back(part / "docs");
    return retriever::MergeCorpora(whole_.path(), name, folders, prune, nullptr);
  }
  std::vector<std::string> Ask(const std::string& corpus_name, const retriever::Asker& asker) {
    auto corpus = retriever::Corpus::Open(whole_.path(), corpus_name);
    EXPECT_OK(corpus);
    EXPECT_THAT((*corpus)->Verify(nullptr).value(), IsEmpty());
    auto backend = retriever::MakeLocalRetriever(*corpus, &embedder_);
    EXPECT_OK(backend);
    retriever::RetrievalRequest request;
    request.query = "document 12 tells";
    request.top_k = 100;
    request.asker = asker;
    auto result = (*backend)->Retrieve(request, CallContext());
    EXPECT_OK(result);
    std::vector<std::string> lines;
    for (const Passage& passage : result->passages) {
      lines.push_back(passage.chunk_id + " " + std::to_string(passage.score) + " " + passage.text);
    }
    return lines;
  }

  TempDir source_;
  TempDir whole_;
  std::array<TempDir, kShards> parts_;
  FakeEmbedder embedder_{16};
};

TEST_F(ShardTest, JoinedTheyAreWhatOneBuildGives) {
  ASSERT_OK(Build(whole_.path(), 0, 1, embedder_));
  int64_t added = 0;
  for (int i = 0; i < kShards; ++i) {
    ASSERT_OK_AND_ASSIGN(const IndexReport report,
                         Build(parts_[static_cast<size_t>(i)].path(), i, kShards, embedder_));
    EXPECT_GT(report.added, kDocuments / kShards / 2);
    EXPECT_LT(report.added, kDocuments / kShards * 2);
    added += report.added;
  }
  EXPECT_EQ(added, kDocuments + 1);
  ASSERT_OK_AND_ASSIGN(retriever::MergeReport merged, Merge("joined"));
  EXPECT_EQ(merged.added, kDocuments + 1);
  EXPECT_EQ(merged.generation, 1u);
  for (const retriever::Asker& asker : {retriever::Asker(), retriever::Asker{{"user:ann"}}}) {
    const std::vector<std::string> joined = Ask("joined", asker);
    EXPECT_EQ(joined, Ask("docs", asker));
    EXPECT_EQ(joined.size(), asker.principals.empty() ? 52u : 61u);
  }
  // Again: nothing to do. After a change in the sources: only that.
  ASSERT_OK_AND_ASSIGN(merged, Merge("joined"));
  EXPECT_EQ(merged.unchanged, kDocuments + 1);
  EXPECT_EQ(merged.generation, 1u);
  std::ofstream(source_ / "a.md") << "# A\n\nOther text of a.\n";
  for (int i = 0; i < kShards; ++i) {
    ASSERT_OK(Build(parts_[static_cast<size_t>(i)].path(), i, kShards, embedder_));
  }
  ASSERT_OK_AND_ASSIGN(merged, Merge("joined"));
  EXPECT_EQ(merged.updated, 1);
  EXPECT_EQ(merged.unchanged, kDocuments);
}

TEST_F(ShardTest, WhatDoesNotFitIsRefusedAndNothingIsMade) {
  ASSERT_OK(Build(parts_[0].path(), 0, 1, embedder_));
  ASSERT_OK(Build(parts_[1].path(), 1, 2, embedder_));
  ASSERT_OK(Build(parts_[2].path(), 0, 2, FakeEmbedder(16, 5)));
  EXPECT_STATUS(Merge("joined"), kFailedPrecondition, "embedders differ");
  EXPECT_FALSE(fs::exists(whole_ / "joined"));
  fs::remove_all(parts_[2] / "docs");
  EXPECT_STATUS(Merge("joined"), kNotFound, "not the folder of a corpus");
  // The same documents twice, in the same version, are taken once; in two versions they are not.
  ASSERT_OK(Build(parts_[2].path(), 0, 2, embedder_));
  ASSERT_OK_AND_ASSIGN(const retriever::MergeReport merged, Merge("joined"));
  EXPECT_EQ(merged.added, kDocuments + 1);
  std::ofstream(source_ / "a.md") << "# A\n\nOther text of a.\n";
  ASSERT_OK(Build(parts_[0].path(), 0, 1, embedder_));
  EXPECT_STATUS(Merge("joined"), kAlreadyExists, "a.md");
  // A document that nobody may see there would be seen by everyone here.
  fs::remove_all(parts_[1] / "docs");
  ASSERT_OK(Build(parts_[1].path(), 1, 2, embedder_, /*is_public=*/false));
  EXPECT_STATUS(Merge("joined"), kFailedPrecondition, "not public");
  EXPECT_STATUS(Build(parts_[1].path(), 2, 2, embedder_), kInvalidArgument, "does not exist");
}

}  // namespace
}  // namespace footnote::indexer
