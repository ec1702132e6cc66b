// With the real store: a run that is killed, and the run after it.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include "indexer/indexer.h"
#include "retriever/corpus.h"
#include "tests/testing/fake_embedder.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace footnote::indexer {
namespace {

// More than the window of 512 chunks that is embedded before its documents are written.
constexpr int kDocuments = 700;

// Tells through a pipe when it was called so often, and then never returns.
class StallingEmbedder : public testing::FakeEmbedder {
 public:
  StallingEmbedder(int calls, int pipe) : FakeEmbedder(8), calls_(calls), pipe_(pipe) {}
  StatusOr<Embeddings> Embed(std::span<const std::string_view> texts, TextRole role,
                             const CallContext& call) const override {
    if (calls_-- == 0) {
      if (write(pipe_, "x", 1) != 1) _exit(3);
      while (true) pause();
    }
    return FakeEmbedder::Embed(texts, role, call);
  }

 private:
  mutable int calls_;
  int pipe_;
};

retriever::CorpusSettings Settings(const Embedder& embedder) {
  retriever::CorpusSettings settings;
  settings.is_public = true;
  settings.embedder_name = embedder.name();
  settings.embedder_sha256 = embedder.model_sha256();
  settings.width = embedder.width();
  return settings;
}

StatusOr<IndexReport> Index(const std::filesystem::path& root, const std::filesystem::path& source,
                            const Embedder& embedder) {
  FOOTNOTE_ASSIGN_OR_RETURN(const auto writer,
                            retriever::CorpusWriter::Open(root, "test", Settings(embedder)));
  return BuildIndex({.sources = {source}}, embedder, *writer, {}, CallContext());
}

TEST(Resume, AKilledRunAndTheNextGiveWhatOneRunGives) {
  const testing::TempDir folder;
  {
    std::ofstream lines(folder / "set.jsonl");
    for (int i = 0; i < kDocuments; ++i) {
      lines << "{\"_id\":\"d" << i << "\",\"text\":\"Document " << i << " tells something.\"}\n";
    }
  }
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const StallingEmbedder embedder(9, ends[1]);
    Index(folder / "killed", folder / "set.jsonl", embedder).status().IgnoreError();
    _exit(2);  // it never ends by itself
  }
  char told = 0;
  ASSERT_EQ(read(ends[0], &told, 1), 1);
  ASSERT_EQ(kill(child, SIGKILL), 0);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  close(ends[0]);
  close(ends[1]);

  const testing::FakeEmbedder embedder(8);
  ASSERT_OK_AND_ASSIGN(const IndexReport resumed,
                       Index(folder / "killed", folder / "set.jsonl", embedder));
  EXPECT_GT(resumed.unchanged, 0);  // what the killed run had finished was not done again
  EXPECT_EQ(resumed.unchanged + resumed.added, kDocuments);
  ASSERT_OK(Index(folder / "whole", folder / "set.jsonl", embedder));

  ASSERT_OK_AND_ASSIGN(const auto killed, retriever::Corpus::Open(folder / "killed", "test"));
  ASSERT_OK_AND_ASSIGN(const auto whole, retriever::Corpus::Open(folder / "whole", "test"));
  ASSERT_OK_AND_ASSIGN(const auto killed_ids, killed->DocumentIds());
  ASSERT_OK_AND_ASSIGN(const auto whole_ids, whole->DocumentIds());
  EXPECT_EQ(killed_ids, whole_ids);
  EXPECT_EQ(killed->Info().chunks, whole->Info().chunks);
  EXPECT_EQ(killed->Info().tokens, whole->Info().tokens);
  ASSERT_OK_AND_ASSIGN(const auto findings, killed->Verify([](double) {}));
  EXPECT_EQ(findings, std::vector<std::string>());
}

}  // namespace
}  // namespace footnote::indexer
