// Ranked retrieval under random access lists and filters, against a brute-force oracle; fusion,
// scope, diversity, refusals.
#include <gmock/gmock.h>

#include <cmath>
#include <random>
#include <set>

#include "tests/retriever/corpus_builder.h"
#include "tests/testing/fake_reranker.h"

namespace footnote::retriever {
namespace {

using testing::Ask;
using ::testing::ElementsAre;
using testing::FakeEmbedder;
using testing::IdsOf;
using ::testing::IsEmpty;
using testing::MakeDocument;
using testing::SettingsFor;
using testing::TempDir;

std::string Words(std::mt19937& random, int count) {
  std::string text;
  for (int i = 0; i < count; ++i) {
    // Squared, so that some words are common and some are rare, as in a language.
    const double u = random() / 4294967296.0;
    text += (i == 0 ? "w" : " w") + std::to_string(static_cast<int>(400 * u * u)) + "x";
  }
  return text;
}

struct Made {
  std::vector<IndexedDocument> documents;
};

// Documents of 1 to 3 chunks with random lists and a number to filter by.
std::vector<IndexedDocument> RandomDocuments(const Embedder& embedder, int count, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<IndexedDocument> documents;
  const std::vector<std::string> principals = {"user:ann", "user:bob", "group:a", "group:b",
                                               "everyone"};
  for (int i = 0; i < count; ++i) {
    std::string text = Words(random, 12);
    for (uint32_t more = random() % 3; more > 0; --more) text += "\n\n" + Words(random, 12);
    AccessList access;
    for (uint32_t n = random() % 3; n > 0; --n) access.allow.push_back(principals[random() % 5]);
    if (random() % 4 == 0) access.deny.push_back(principals[random() % 4]);
    documents.push_back(MakeDocument(embedder, "doc" + std::to_string(i), text,
                                     {{"year", {static_cast<double>(random() % 10)}}}, access));
  }
  return documents;
}

class RandomAccessTest : public ::testing::TestWithParam<VectorIndexKind> {};

TEST_P(RandomAccessTest, AnswersAreCompleteAndNothingHiddenComesOut) {
  TempDir folder;
  const FakeEmbedder embedder(32);
  const std::vector<IndexedDocument> documents = RandomDocuments(embedder, 600, 11);
  {
    ASSERT_OK_AND_ASSIGN(auto writer, CorpusWriter::Open(folder.path(), "docs",
                                                         SettingsFor(embedder, false, GetParam())));
    // Three segments, and documents replaced and deleted in them.
    for (size_t i = 0; i < documents.size(); ++i) {
      ASSERT_OK(writer->Put(documents[i], "f"));
      if (i == 250 || i == 450) {
        ASSERT_OK(writer->Put(MakeDocument(embedder, "gone" + std::to_string(i), "w1x w2x"), "f"));
        ASSERT_OK(writer->Publish());
        ASSERT_OK(writer->Delete("gone" + std::to_string(i)));
      }
    }
    ASSERT_OK(writer->Publish());
  }
  ASSERT_OK_AND_ASSIGN(auto corpus, Corpus::Open(folder.path(), "docs"));
  ASSERT_OK_AND_ASSIGN(auto backend, MakeLocalRetriever(corpus, &embedder));
  const footnote::testing::FakeReranker reranker(0.8);
  ASSERT_OK_AND_ASSIGN(auto reranking_backend,
                       MakeLocalRetriever(corpus, &embedder, {&reranker, 24}));
  const std::vector<Asker> askers = {{{"user:ann"}}, {{"user:bob", "group:a"}}, {}, {{"group:b"}}};
  ASSERT_OK_AND_ASSIGN(const Filter filter, Filter::Parse("year < 5 and not year = 2"));
  std::mt19937 random(12);
  double found = 0;
  double wanted = 0;
  size_t texts_read = 0;
  for (int round = 0; round < 40; ++round) {
    const Asker& asker = askers[random() % askers.size()];
    const Filter* used = random() % 2 == 0 ? &filter : nullptr;
    RetrievalRequest request;
    request.query = Words(random, 6);
    request.asker = asker;
    request.filter = used;
    request.top_k = 1 + static_cast<int>(random() % 20);
    request.fusion = round % 2 == 0 ? FusionKind::kDenseOnly : FusionKind::kCalibratedSum;
    ASSERT_OK_AND_ASSIGN(const RetrievalResult result, backend->Retrieve(request, CallContext()));

    const std::string_view text = request.query;
    auto query = embedder.Embed(std::span(&text, 1), TextRole::kQuery, CallContext());
    std::vector<std::pair<double, std::string>> oracle;
    std::set<std::string> visible;
    for (const IndexedDocument& document : documents) {
      if (!MaySee(asker, document.document.access, false)) continue;
      if (used != nullptr && !used->Matches(document.document.metadata)) continue;
      visible.insert(document.document.id);
      for (size_t c = 0; c < document.chunks.size(); ++c) {
        double sum = 0;
        for (int i = 0; i < 32; ++i) sum += query->values[i] * document.vectors[c * 32 + i];
        oracle.emplace_back(-sum, document.document.id + "#" + std::to_string(c));
      }
    }
    std::sort(oracle.begin(), oracle.end());
    const size_t expected = std::min<size_t>(request.top_k, oracle.size());
    EXPECT_EQ(result.passages.size(), expected);
    const auto check = [&](const std::vector<Passage>& passages) {
      std::set<std::string> seen;
      for (const Passage& passage : passages) {
        EXPECT_TRUE(visible.contains(passage.document_id)) << passage.document_id;
        EXPECT_TRUE(seen.insert(passage.chunk_id).second);
      }
      return seen;
    };
    const std::set<std::string> seen = check(result.passages);
    // A reranker neither returns nor reads what is hidden.
    ASSERT_OK_AND_ASSIGN(const RetrievalResult reranked,
                         reranking_backend->Retrieve(request, CallContext()));
    EXPECT_EQ(reranked.passages.size(), expected);
    check(reranked.passages);
    for (const auto& call : reranker.TakeCalls()) {
      for (const std::string& read : call.texts) {
        const std::string id = read.substr(9, read.find('\n') - 9);  // behind "Title of "
        EXPECT_TRUE(visible.contains(id)) << id;
        ++texts_read;
      }
    }
    // Nor does diversity, whoever ranked before it, and it loses nothing.
    for (const auto& [one, diversity] :
         {std::pair{backend.get(), 0.3}, {reranking_backend.get(), 0.7}, {backend.get(), 1.0}}) {
      RetrievalRequest diverse = request;
      diverse.diversity = diversity;
      ASSERT_OK_AND_ASSIGN(const RetrievalResult ordered, one->Retrieve(diverse, CallContext()));
      EXPECT_EQ(ordered.passages.size(), expected);
      check(ordered.passages);
      if (one != backend.get()) reranker.TakeCalls();
    }
    if (request.fusion != FusionKind::kDenseOnly) continue;
    for (size_t i = 0; i < expected; ++i) found += seen.contains(oracle[i].second) ? 1 : 0;
    wanted += static_cast<double>(expected);
  }
  EXPECT_GT(wanted, 100);
  EXPECT_GT(texts_read, 400u);
  EXPECT_GE(found / wanted, 0.95);
}

INSTANTIATE_TEST_SUITE_P(Kinds, RandomAccessTest,
                         ::testing::Values(VectorIndexKind::kFlat, VectorIndexKind::kSq8,
                                           VectorIndexKind::kHnsw, VectorIndexKind::kIvf));

// Ranks and scores of every passage, for each fusion and some queries full of ties.
std::vector<std::string> Rankings(const std::filesystem::path& root, const Embedder& embedder) {
  std::vector<std::string> lines;
  auto corpus = Corpus::Open(root, "docs");
  EXPECT_OK(corpus);
  auto backend = MakeLocalRetriever(*corpus, &embedder);
  EXPECT_OK(backend);
  for (FusionKind fusion : {FusionKind::kCalibratedSum, FusionKind::kReciprocalRank,
                            FusionKind::kDenseOnly, FusionKind::kLexicalOnly}) {
    for (const auto& [query, diversity] :
         std::vector<std::pair<std::string, double>>{{"shared words", 0},
                                                     {"seldom", 0},
                                                     {"shared seldom", 0},
                                                     {"shared seldom w77", 0.4}}) {
      RetrievalRequest request;
      request.query = query;
      request.diversity = diversity;
      request.fusion = fusion;
      request.top_k = 40;
      request.exact = true;
      const auto result = (*backend)->Retrieve(request, CallContext());
      EXPECT_OK(result);
      for (const Passage& passage : result->passages) {
        lines.push_back(query + " " + passage.document_id + " " +
                        std::to_string(passage.span.start) + " " + std::to_string(passage.score));
      }
    }
  }
  return lines;
}

TEST(Retrieval, ResultsDoNotDependOnHowTheCorpusWasPublished) {
  TempDir once;
  TempDir often;
  const FakeEmbedder embedder(16);
  ASSERT_OK_AND_ASSIGN(auto once_writer,
                       CorpusWriter::Open(once.path(), "docs", SettingsFor(embedder)));
  ASSERT_OK_AND_ASSIGN(auto often_writer,
                       CorpusWriter::Open(often.path(), "docs", SettingsFor(embedder)));
  // More rows than the calibration samples, and most of them score the same.
  constexpr int kCount = 900;
  for (int n = 0; n < kCount; ++n) {
    const int i = n * 7 % kCount;  // another order than that of the ids
    std::string text = "shared words\n\nshared words";
    text += i % 5 == 0 ? "\n\nseldom" : "\n\nnumber w" + std::to_string(i);
    IndexedDocument document = MakeDocument(embedder, "doc" + std::to_string(i), text);
    for (Chunk& chunk : document.chunks) chunk.embedded_text.clear();
    ASSERT_OK(once_writer->Put(document, "f"));
    ASSERT_OK(often_writer->Put(document, "f"));
    if (n % 200 == 0) ASSERT_OK(often_writer->Publish());
  }
  ASSERT_OK(once_writer->Publish());
  ASSERT_OK(often_writer->Publish());
  const std::vector<std::string> expected = Rankings(once.path(), embedder);
  const std::vector<std::string> got = Rankings(often.path(), embedder);
  ASSERT_EQ(got.size(), expected.size());
  for (size_t i = 0; i < got.size(); ++i) ASSERT_EQ(got[i], expected[i]) << i;
}

TEST(Retrieval, AHiddenDocumentAndAMissingOneLookTheSame) {
  TempDir folder;
  const FakeEmbedder embedder;
  const std::vector<IndexedDocument> documents = RandomDocuments(embedder, 200, 21);
  const Asker asker{{"user:ann", "group:b"}};
  for (const std::string name : {"all", "visible"}) {
    ASSERT_OK_AND_ASSIGN(auto writer,
                         CorpusWriter::Open(folder.path(), name, SettingsFor(embedder, false)));
    for (const IndexedDocument& document : documents) {
      if (name == "visible" && !MaySee(asker, document.document.access, false)) continue;
      ASSERT_OK(writer->Put(document, "f"));
    }
    ASSERT_OK(writer->Publish());
  }
  std::mt19937 random(22);
  const footnote::testing::FakeReranker reranker;
  for (int round = 0; round < 40; ++round) {
    const std::string query = Words(random, 5);
    const Reranking reranking{round % 2 == 0 ? nullptr : &reranker, 24};
    const double diversity = round % 4 < 2 ? 0 : 0.4;
    ASSERT_OK_AND_ASSIGN(auto all, testing::AskCorpus(folder.path(), "all", embedder, query, 15,
                                                      asker, reranking, diversity));
    ASSERT_OK_AND_ASSIGN(auto visible, testing::AskCorpus(folder.path(), "visible", embedder, query,
                                                          15, asker, reranking, diversity));
    ASSERT_EQ(IdsOf(all), IdsOf(visible));
    for (size_t i = 0; i < all.size(); ++i) {
      EXPECT_EQ(all[i].lexical_score, visible[i].lexical_score);
      EXPECT_EQ(all[i].dense_score, visible[i].dense_score);
      EXPECT_NEAR(all[i].score, visible[i].score, 1e-6);
    }
  }
}

class RetrievalTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(auto writer,
                         CorpusWriter::Open(folder_.path(), "docs", SettingsFor(embedder_)));
    ASSERT_OK(writer->Put(MakeDocument(embedder_, "lease",
                                       "Rent is due monthly.\n\nRent rises yearly.\n\nRepairs "
                                       "are the lessor's.",
                                       {{"kind", {std::string("contract")}}}),
                          ""));
    ASSERT_OK(writer->Put(
        MakeDocument(embedder_, "manual", "fork(2) creates a child process.", {{"section", {2.0}}}),
        ""));
    ASSERT_OK(writer->Put(MakeDocument(embedder_, "phones", "Rent a phone, or buy one."), ""));
    ASSERT_OK(writer->Publish());
    ASSERT_OK_AND_ASSIGN(corpus_, Corpus::Open(folder_.path(), "docs"));
    ASSERT_OK_AND_ASSIGN(backend_, MakeLocalRetriever(corpus_, &embedder_));
  }

  StatusOr<RetrievalResult> Run(RetrievalRequest request) {
    return backend_->Retrieve(request, CallContext());
  }

  TempDir folder_;
  FakeEmbedder embedder_;
  std::shared_ptr<Corpus> corpus_;
  std::unique_ptr<RetrievalBackend> backend_;
};

TEST_F(RetrievalTest, Bm25IsThePublishedFormula) {
  RetrievalRequest request;
  request.query = "rent";
  request.fusion = FusionKind::kLexicalOnly;
  ASSERT_OK_AND_ASSIGN(const RetrievalResult result, Run(request));
  // Matches only: 3 of 5 chunks, in the body. Terms of each body: rent-is-due-monthly 4,
  // rent-rises-yearly 3, repairs 4 ("lessor's" is one), fork 7 ("fork(2)" makes fork, 2 and
  // fork(2)), rent-a-phone 6.
  ASSERT_EQ(result.passages.size(), 3u);
  const double count = 5;
  const double mean = (4 + 3 + 4 + 7 + 6) / count;
  const double idf = std::log(1 + (count - 3 + 0.5) / (3 + 0.5));
  const auto score = [&](double length) {
    return idf * 1.9 / (1 + 0.9 * (0.6 + 0.4 * length / mean));
  };
  EXPECT_EQ(result.passages[0].chunk_id, "lease#1");
  EXPECT_NEAR(result.passages[0].score, score(3), 1e-5);
  EXPECT_EQ(result.passages[1].chunk_id, "lease#0");
  EXPECT_NEAR(result.passages[1].score, score(4), 1e-5);
  EXPECT_EQ(result.passages[2].chunk_id, "phones#0");
  EXPECT_NEAR(result.passages[2].score, score(6), 1e-5);
}

TEST_F(RetrievalTest, EveryFusionPutsTheBestOfBothListsFirst) {
  for (FusionKind fusion : {FusionKind::kCalibratedSum, FusionKind::kReciprocalRank,
                            FusionKind::kDenseOnly, FusionKind::kLexicalOnly}) {
    RetrievalRequest request;
    request.query = "child process of fork(2)";
    request.fusion = fusion;
    ASSERT_OK_AND_ASSIGN(const RetrievalResult result, Run(request));
    ASSERT_FALSE(result.passages.empty());
    EXPECT_EQ(result.passages[0].document_id, "manual");
    for (size_t i = 1; i < result.passages.size(); ++i) {
      EXPECT_LE(result.passages[i].score, result.passages[i - 1].score);
    }
    EXPECT_EQ(result.generation, 1u);
    EXPECT_GT(result.timings.total_ms, 0);
  }
}

TEST_F(RetrievalTest, ACalibratedScoreIsOneForTheBestOfBothRoutes) {
  RetrievalRequest request;
  request.query = "Title of manual fork(2) creates a child process.";  // the best title, too
  ASSERT_OK_AND_ASSIGN(const RetrievalResult result, Run(request));
  EXPECT_NEAR(result.passages[0].score, 1.0, 1e-6);
  EXPECT_NEAR(result.passages[0].dense_score, 1.0, 1e-3);
}

TEST_F(RetrievalTest, ScopeKeepsToOneDocument) {
  RetrievalRequest request;
  request.query = "phone";
  request.scope_document_id = "lease";
  ASSERT_OK_AND_ASSIGN(const RetrievalResult result, Run(request));
  EXPECT_THAT(IdsOf(result.passages), ElementsAre("lease", "lease", "lease"));
  request.scope_document_id = "unknown";
  ASSERT_OK_AND_ASSIGN(const RetrievalResult none, Run(request));
  EXPECT_THAT(none.passages, IsEmpty());
}

TEST_F(RetrievalTest, DiversityLimitsADocumentAndStillFillsTheAnswer) {
  RetrievalRequest request;
  request.query = "rent";
  request.max_per_document = 1;
  request.top_k = 3;
  ASSERT_OK_AND_ASSIGN(const RetrievalResult result, Run(request));
  EXPECT_THAT(IdsOf(result.passages), ::testing::UnorderedElementsAre("lease", "phones", "manual"));
}

TEST_F(RetrievalTest, FiltersSelectAndUnknownFieldsAreErrors) {
  const auto ask = [&](const std::string& expression) -> StatusOr<std::vector<std::string>> {
    FOOTNOTE_ASSIGN_OR_RETURN(const Filter filter, Filter::Parse(expression));
    FOOTNOTE_ASSIGN_OR_RETURN(const auto passages, Ask(*backend_, "rent", 1, {}, &filter));
    return IdsOf(passages);
  };
  ASSERT_OK_AND_ASSIGN(auto ids, ask("kind = \"contract\""));
  EXPECT_THAT(ids, ElementsAre("lease"));
  ASSERT_OK_AND_ASSIGN(ids, ask("not exists(kind) and not exists(section)"));
  EXPECT_THAT(ids, ElementsAre("phones"));
  ASSERT_OK_AND_ASSIGN(ids, ask("document_id = \"manual\""));
  EXPECT_THAT(ids, ElementsAre("manual"));
  ASSERT_OK_AND_ASSIGN(ids, ask("prefix(source, \"/sources/pho\")"));
  EXPECT_THAT(ids, ElementsAre("phones"));
  ASSERT_OK_AND_ASSIGN(ids, ask("section > 5"));
  EXPECT_THAT(ids, IsEmpty());
  EXPECT_STATUS(ask("sektion = 2"), kInvalidArgument, "there are: document_id, kind, section");
}

TEST_F(RetrievalTest, MeaninglessRequestsAreRefused) {
  RetrievalRequest request;
  request.query = " \n";
  EXPECT_STATUS(Run(request), kInvalidArgument, "empty");
  request.query = "rent";
  request.top_k = 0;
  EXPECT_STATUS(Run(request), kInvalidArgument, "1 to 1000");
  request.top_k = 1001;
  EXPECT_STATUS(Run(request), kInvalidArgument, "1 to 1000");
  request.top_k = 5;
  for (const double diversity : {-0.1, 1.01, std::nan(""), HUGE_VAL}) {
    request.diversity = diversity;
    EXPECT_STATUS(Run(request), kInvalidArgument, "diversity is ");
    EXPECT_STATUS(Run(request), kInvalidArgument, "0 (relevance alone) to 1");
  }
  request.diversity = 0;
  request.asker.principals = {"ann"};
  EXPECT_STATUS(Run(request), kInvalidArgument, "user:");
  request.asker = {};
  std::stop_source stop;
  stop.request_stop();
  EXPECT_STATUS(backend_->Retrieve(request, CallContext(stop.get_token())), kCancelled,
                "cancelled");
  EXPECT_STATUS(backend_->Retrieve(request, CallContext({}, CallContext::Clock::now())),
                kDeadlineExceeded, "deadline");
}

TEST_F(RetrievalTest, QueriesOfStrangeBytesAreAnswered) {
  for (const std::string& query : {std::string("\xFF\xFE\x00rent", 7), std::string("?!"),
                                   std::string(20000, 'a'), std::string("日本")}) {
    ASSERT_OK_AND_ASSIGN(const auto passages, Ask(*backend_, query));
    EXPECT_EQ(passages.size(), 5u);
  }
}

}  // namespace
}  // namespace footnote::retriever
