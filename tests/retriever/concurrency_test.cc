// A reader beside a writer: what was acknowledged before a request began holds for its answer.
#include <gmock/gmock.h>

#include <array>
#include <atomic>
#include <random>
#include <thread>

#include "retriever/storage/local_corpus.h"
#include "tests/retriever/corpus_builder.h"

namespace footnote::retriever {
namespace {

using testing::Ask;
using testing::FakeEmbedder;
using testing::MakeDocument;
using testing::SettingsFor;
using testing::TempDir;

constexpr int kDocuments = 12;
constexpr int kGone = 1 << 20;  // an edition that no text has: the document was deleted for good

std::string IdOf(int i) { return "doc" + std::to_string(i); }
std::string TextOf(int i, int edition) {
  return "clause" + std::to_string(i) + " edition " + std::to_string(edition) + " shall apply";
}

int EditionIn(const std::string& text) {
  const size_t at = text.find("edition ");
  return at == std::string::npos ? -1 : std::stoi(text.substr(at + 8));
}

TEST(Concurrency, ADeletedDocumentNeverComesBackNorDoesAnOldText) {
  TempDir folder;
  const FakeEmbedder embedder;
  ASSERT_OK_AND_ASSIGN(auto writer,
                       CorpusWriter::Open(folder.path(), "docs", SettingsFor(embedder)));
  // The edition of each document whose publication was acknowledged.
  std::array<std::atomic<int>, kDocuments> acknowledged = {};
  for (int i = 0; i < kDocuments; ++i) {
    ASSERT_OK(writer->Put(MakeDocument(embedder, IdOf(i), TextOf(i, 0)), "f"));
  }
  ASSERT_OK(writer->Publish());

  // One corpus for all threads, of which none waits while another loads: those are answered from
  // the generation before.
  auto corpus = LocalCorpus::Open(folder / "docs", std::chrono::milliseconds(0));
  ASSERT_OK(corpus);
  std::atomic<bool> stop = false;
  std::atomic<int> answers = 0;
  const auto read = [&](uint32_t seed) {
    std::mt19937 random(seed);
    auto backend = MakeLocalRetriever(*corpus, &embedder);
    ASSERT_OK(backend);
    while (!stop) {
      std::array<int, kDocuments> before;
      for (int i = 0; i < kDocuments; ++i)
        before[static_cast<size_t>(i)] = acknowledged[static_cast<size_t>(i)];
      const auto at_least = [&](const std::string& id, const std::string& text) {
        const auto i = static_cast<size_t>(std::stoi(id.substr(3)));
        EXPECT_GE(EditionIn(text), before[i]) << id;
        EXPECT_NE(before[i], kGone) << id << " came back";
      };
      const int wanted = static_cast<int>(random() % kDocuments);
      auto passages = Ask(**backend, "clause" + std::to_string(wanted) + " shall apply", 20);
      ASSERT_OK(passages);
      for (const Passage& passage : *passages) at_least(passage.document_id, passage.text);
      const auto document = (*corpus)->GetDocument(IdOf(wanted), {});
      if (document.ok()) {
        at_least(document->id, document->text);
      } else {
        EXPECT_EQ(document.status().code(), StatusCode::kNotFound) << document.status().ToString();
      }
      ++answers;
    }
  };
  std::thread first(read, 1);
  std::thread second(read, 2);
  std::thread third(read, 4);

  std::mt19937 random(3);
  std::array<int, kDocuments> editions = {};
  for (int round = 1; round <= 60; ++round) {
    std::vector<int> changed;
    for (int n = 0; n < 3; ++n) {
      const int i = static_cast<int>(random() % kDocuments);
      int& edition = editions[static_cast<size_t>(i)];
      if (edition == kGone) continue;
      if (round > 20 && random() % 12 == 0) {
        ASSERT_OK(writer->Delete(IdOf(i)));
        edition = kGone;
      } else {
        edition = round;
        ASSERT_OK(writer->Put(MakeDocument(embedder, IdOf(i), TextOf(i, round)), "f"));
      }
      changed.push_back(i);
    }
    ASSERT_OK(writer->Publish());
    for (const int i : changed)
      acknowledged[static_cast<size_t>(i)] = editions[static_cast<size_t>(i)];
  }
  stop = true;
  first.join();
  second.join();
  third.join();
  EXPECT_GT(answers, 20);
  EXPECT_GT(std::count(editions.begin(), editions.end(), kGone), 0);
}

}  // namespace
}  // namespace footnote::retriever
