// What a graph finds after kills: as much as one whose making nothing cut short.
#include <gmock/gmock.h>

#include <iostream>

#include "retriever/storage/local_corpus.h"
#include "tests/retriever/crash_harness.h"

namespace footnote::retriever {
namespace {

using testing::CrashHarness;
using testing::FakeEmbedder;
using testing::FaultsSeed;
using testing::kScenarioCorpus;
using testing::Loss;
using testing::ScenarioRun;
using testing::ScenarioWriter;

constexpr int kDocuments = 24;
constexpr int kChunks = 150;  // of a document
constexpr int kWords = 500;   // that texts are made of
constexpr int kQueries = 200;
constexpr size_t kTop = 10;

std::string RandomText(std::mt19937& random, int words) {
  std::string text;
  for (int i = 0; i < words; ++i) text += "word" + std::to_string(random() % kWords) + " ";
  return text;
}

// Documents [begin, end) of an edition, as one segment with a graph.
Status PublishGraph(const ScenarioRun& run, int begin, int end, int edition) {
  ScenarioWriter writer(run, VectorIndexKind::kHnsw);
  FOOTNOTE_RETURN_IF_ERROR(writer.Open());
  for (int i = begin; i < end; ++i) {
    std::mt19937 random(static_cast<uint32_t>(i * 10 + edition));
    std::string text;
    for (int c = 0; c < kChunks; ++c) text += (c > 0 ? "\n\n" : "") + RandomText(random, 8);
    FOOTNOTE_RETURN_IF_ERROR(writer.Put("doc" + std::to_string(i), text));
  }
  return writer.Publish();
}

Status Build(const ScenarioRun& run) { return PublishGraph(run, 0, kDocuments / 2, 0); }
// The last document of the first generation is replaced.
Status Extend(const ScenarioRun& run) {
  return PublishGraph(run, kDocuments / 2 - 1, kDocuments, 1);
}

// Mean share of the exact nearest that the graphs find.
double RecallAt10(const std::filesystem::path& corpora) {
  const FakeEmbedder embedder;
  const auto corpus = LocalCorpus::Open(corpora / kScenarioCorpus);
  EXPECT_OK(corpus);
  if (!corpus.ok()) return 0;
  const auto now = (*corpus)->Now();
  EXPECT_OK(now);
  const auto visible = (*corpus)->Visible(*now, Asker());
  std::mt19937 random(99);
  size_t found = 0;
  size_t wanted = 0;
  size_t by_graph = 0;  // searches; a walk that finds too little ends in a scan
  for (int q = 0; q < kQueries; ++q) {
    const std::string query = RandomText(random, 6);
    const std::string_view text = query;
    const auto vector = embedder.Embed(std::span(&text, 1), TextRole::kQuery, CallContext());
    for (size_t p = 0; p < now->view->parts.size(); ++p) {
      const VectorIndex& index = *now->view->parts[p].segment->vectors;
      // A narrow beam: a wide one would see most of so small a graph, sound or not.
      const_cast<VectorIndex&>(index).set_beam(24);
      const auto search = [&](bool exact) {
        const auto hits =
            index.Search(vector->values, kTop, visible->bits[p], visible->counts[p], exact);
        EXPECT_OK(hits);
        std::set<uint32_t> rows;
        for (const VectorHit& hit : hits->hits) rows.insert(hit.row);
        by_graph += hits->exact_scan ? 0 : 1;
        return rows;
      };
      const std::set<uint32_t> nearest = search(/*exact=*/true);
      wanted += nearest.size();
      for (const uint32_t row : search(/*exact=*/false)) found += nearest.contains(row) ? 1 : 0;
    }
  }
  EXPECT_GT(by_graph, kQueries * now->view->parts.size() * 9 / 10);
  return static_cast<double>(found) / static_cast<double>(wanted);
}

TEST(CrashRecall, AGraphMadeAfterAKillFindsAsMuch) {
  const uint64_t seed = FaultsSeed(1);
  std::mt19937_64 random(seed);
  CrashHarness harness({{"build", Build}, {"extend", Extend}});
  ASSERT_FALSE(HasFailure());
  const CrashHarness::Step& step = harness.steps()[1];
  const double uninterrupted = RecallAt10(step.corpora);
  EXPECT_GT(uninterrupted, 0.8);
  double worst = 1;
  harness.check_end = [&](const std::filesystem::path& corpora) {
    const double recall = RecallAt10(corpora);
    worst = std::min(worst, recall);
    EXPECT_GE(recall, uninterrupted - 0.01);
  };
  constexpr int kCrashes = 4;  // with each kind of loss
  for (const Loss loss : {Loss::kNone, Loss::kUnsynced, Loss::kSome}) {
    for (int i = 0; i < kCrashes; ++i) {
      harness.CheckCrash(step, random() % (step.operations.size() + 1), loss, random());
      ASSERT_FALSE(HasFailure()) << "repeat with FOOTNOTE_FAULTS_SEED=" << seed;
    }
  }
  std::cout << harness.checked() << " crashes: recall@10 at least " << worst << ", uninterrupted "
            << uninterrupted << "\n";
}

}  // namespace
}  // namespace footnote::retriever
