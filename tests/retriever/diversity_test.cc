// Maximal marginal relevance: lists that do not say one thing many times, whatever ranked them.
#include <gmock/gmock.h>

#include <cmath>
#include <map>

#include "tests/retriever/corpus_builder.h"
#include "tests/testing/fake_reranker.h"

namespace footnote::retriever {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using testing::FakeEmbedder;
using testing::IdsOf;
using testing::MakeDocument;
using testing::SettingsFor;
using ::testing::SizeIs;
using testing::TempDir;
using ::testing::UnorderedElementsAre;

constexpr FusionKind kFusions[] = {FusionKind::kCalibratedSum, FusionKind::kReciprocalRank,
                                   FusionKind::kDenseOnly, FusionKind::kLexicalOnly};

class DiversityTest : public ::testing::Test {
 protected:
  // A segment for each group of documents; those whose ids begin with "no" have no vectors.
  void Open(const std::vector<std::vector<std::pair<std::string, std::string>>>& segments,
            const Embedder* embedder = nullptr) {
    if (embedder == nullptr) embedder = &embedder_;
    const std::string name = "docs" + std::to_string(corpora_++);
    {
      ASSERT_OK_AND_ASSIGN(auto writer,
                           CorpusWriter::Open(folder_.path(), name, SettingsFor(*embedder)));
      for (const auto& segment : segments) {
        for (const auto& [id, text] : segment) {
          IndexedDocument document = MakeDocument(*embedder, id, text);
          if (id.starts_with("no")) document.vectors.clear();
          ASSERT_OK(writer->Put(document, ""));
        }
        ASSERT_OK(writer->Publish());
      }
    }
    ASSERT_OK_AND_ASSIGN(corpus_, Corpus::Open(folder_.path(), name));
    ASSERT_OK_AND_ASSIGN(backend_, MakeLocalRetriever(corpus_, embedder));
  }

  RetrievalResult Run(const RetrievalRequest& request) {
    auto result = backend_->Retrieve(request, CallContext());
    EXPECT_OK(result.status());
    return result.ok() ? *std::move(result) : RetrievalResult();
  }
  std::vector<std::string> Ids(const RetrievalRequest& request) {
    return IdsOf(Run(request).passages);
  }

  TempDir folder_;
  FakeEmbedder embedder_;
  int corpora_ = 0;
  std::shared_ptr<Corpus> corpus_;
  std::unique_ptr<RetrievalBackend> backend_;
};

// Four clauses that say nearly the same, one about something else, and some that are beside the
// point.
const std::vector<std::vector<std::pair<std::string, std::string>>> kLeases = {
    {{"lease1", "The tenant pays the monthly rent in advance to the landlord by bank transfer."},
     {"lease2", "The tenant pays the monthly rent in advance to the landlord by bank order."},
     {"x1", "Birds of the northern forests feed on seeds and insects."}},
    {{"lease3", "The tenant pays the monthly rent in advance to the owner by bank transfer."},
     {"deposit", "Rent and deposit: before moving in, the tenant hands over three monthly sums."},
     {"x2", "Ships leave the southern harbour at high tide only."}},
    {{"lease4", "The tenant pays the monthly rent in advance to the landlord by standing order."},
     {"x3", "Copper melts at a higher temperature than lead."}}};

RetrievalRequest Rent() {
  RetrievalRequest request;
  request.query = "What monthly rent does the tenant pay in advance?";
  return request;
}

TEST_F(DiversityTest, NearCopiesInOtherDocumentsComeAfterWhatSaysSomethingElse) {
  Open(kLeases);
  for (const FusionKind fusion : kFusions) {
    for (const bool exact : {false, true}) {
      RetrievalRequest request = Rent();
      request.fusion = fusion;
      request.exact = exact;
      const RetrievalResult plain = Run(request);
      ASSERT_GE(plain.passages.size(), 5u);
      EXPECT_THAT(plain.passages[1].document_id, ::testing::StartsWith("lease"));
      request.diversity = 0.5;
      const RetrievalResult diverse = Run(request);
      EXPECT_EQ(diverse.passages[0].document_id, plain.passages[0].document_id);
      EXPECT_EQ(diverse.passages[1].document_id, "deposit");
      EXPECT_GT(diverse.timings.diversify_ms, 0);
      // The same passages with the same scores.
      std::map<std::string, double> scores;
      for (const Passage& passage : plain.passages) scores[passage.document_id] = passage.score;
      ASSERT_EQ(diverse.passages.size(), plain.passages.size());
      for (const Passage& passage : diverse.passages) {
        EXPECT_EQ(passage.score, scores.at(passage.document_id)) << passage.document_id;
      }
    }
  }
}

TEST_F(DiversityTest, MoreOfItGivesUpMoreRelevance) {
  Open(kLeases);
  RetrievalRequest request = Rent();
  request.top_k = 3;
  const std::string best = Ids(request)[0];
  std::map<double, double> scores;  // of the three together
  for (const double diversity : {0.0, 0.2, 0.5, 1.0}) {
    request.diversity = diversity;
    const std::vector<Passage> passages = Run(request).passages;
    ASSERT_THAT(passages, SizeIs(3));
    EXPECT_EQ(passages[0].document_id, best) << "however little scores count";
    for (const Passage& passage : passages) scores[diversity] += passage.score;
  }
  EXPECT_LE(scores[0.2], scores[0]);
  EXPECT_LT(scores[0.5], scores[0.2]);
  EXPECT_LT(scores[1], scores[0.5]);
}

TEST_F(DiversityTest, WithoutItTheListIsInTheOrderOfTheScores) {
  // A copy between whose place and the first one's another passage stands; all are asked for.
  Open({{{"rent due now", "Rent is due."},
         {"birds that cross many wide seas", "rent is due"},
         {"rent due", "The rent due rises."},
         {"x", "Copper melts."}}});
  RetrievalRequest request;
  request.query = "rent due now";
  request.top_k = 100;
  EXPECT_THAT(Ids(request),
              ElementsAre("rent due now", "rent due", "birds that cross many wide seas", "x"));
  request.diversity = 1e-9;
  EXPECT_THAT(Ids(request),
              ElementsAre("rent due now", "birds that cross many wide seas", "rent due", "x"));
}

TEST_F(DiversityTest, WhatSeveralPlacesSayInTheSameWordsStillNamesThemAll) {
  const std::string text = "The agreement is governed by the laws of the State.";
  Open({{{"agreement governed by laws", text},
         {"b", "THE AGREEMENT is governed\nby the laws of the State!"},
         {"other", "Which court decides is agreed elsewhere."}},
        {{"quite another matter of birds", text}, {"x", "Seeds and insects."}}});
  RetrievalRequest request;
  request.query = "which laws govern the agreement";
  request.top_k = 2;
  request.diversity = 0.8;
  const std::vector<Passage> passages = Run(request).passages;
  ASSERT_THAT(passages, SizeIs(2));
  EXPECT_THAT(passages[0].also_in, SizeIs(2));
  EXPECT_THAT(passages[1].also_in, SizeIs(0));
}

TEST_F(DiversityTest, WhatHasNoVectorYetIsMovedNeitherWay) {
  std::vector<std::vector<std::pair<std::string, std::string>>> segments = {
      {{"a", "The tenant pays the rent to the landlord each month."},
       {"b", "The tenant pays the rent to the landlord every month."},
       {"c", "The tenant pays the rent to the owner each month."},
       {"birds", "Birds feed on seeds and insects."}},
      {{"no vector", "Rent, says somebody, may be late."}}};
  Open(segments);
  RetrievalRequest request;
  request.query = "tenant pays rent month";
  const std::vector<std::string> plain = Ids(request);
  ASSERT_THAT(plain, SizeIs(5));
  ASSERT_EQ(plain[3], "no vector");
  for (const double diversity : {0.4, 0.7}) {
    request.diversity = diversity;
    std::vector<std::string> ids = Ids(request);
    EXPECT_THAT(ids, ::testing::UnorderedElementsAreArray(plain));
    // As alike as the others are, not as unlike as can be.
    std::erase(ids, "birds");
    EXPECT_EQ(ids[3], "no vector") << diversity;
  }
  // Where nothing has a vector, nothing is known to be alike.
  for (auto& segment : segments) {
    for (auto& [id, text] : segment) id = "no " + id;
  }
  Open(segments);
  request.diversity = 0;
  const std::vector<std::string> by_words = Ids(request);
  request.diversity = 0.9;
  EXPECT_EQ(Ids(request), by_words);
}

TEST_F(DiversityTest, QuotedPhrasesAndNamesStayFirst) {
  Open({{{"phrase1", "Notice: it must be given in writing within two weeks."},
         {"phrase2", "Notice: it must be given in writing within three weeks."},
         {"both", "It must be given in writing by the tenant, and writing means paper."},
         {"writing", "Two weeks of writing lessons are given."},
         {"birds", "Birds feed on seeds."},
         {"lib1", "The program is linked with libfoo.so.6 at run time."},
         {"lib2", "The program is linked with libfoo.so.6 when it runs."},
         {"foo", "A library called foo, of which so many, six, exist."}}});
  RetrievalRequest request;
  for (const double diversity : {0.3, 1.0}) {
    request.diversity = diversity;
    request.query = "\"must be given in writing\" \"means paper\" two weeks";
    std::vector<std::string> ids = Ids(request);
    ASSERT_GT(ids.size(), 3u);
    EXPECT_EQ(ids[0], "both") << "of two phrases, both before one";
    ids.erase(ids.begin());
    ids.resize(2);
    EXPECT_THAT(ids, UnorderedElementsAre("phrase1", "phrase2"));
    request.query = "libfoo.so.6";
    ids = Ids(request);
    ASSERT_GT(ids.size(), 2u);
    ids.resize(2);
    EXPECT_THAT(ids, UnorderedElementsAre("lib1", "lib2"));
  }
}

TEST_F(DiversityTest, OfADocumentTheBestPassagesAreKeptAndThenOrdered) {
  Open({{{"a", "Rent is due monthly.\n\nRent is due weekly.\n\nRent is due."},
         {"b", "Rent was due monthly."},
         {"c", "Wages are paid."}}});
  RetrievalRequest request;
  request.query = "rent due monthly";
  request.max_per_document = 1;
  const std::vector<Passage> plain = Run(request).passages;
  request.diversity = 0.5;
  const std::vector<Passage> diverse = Run(request).passages;
  ASSERT_THAT(diverse, SizeIs(3));
  std::vector<std::string> chunks;
  for (const Passage& passage : plain) chunks.push_back(passage.chunk_id);
  for (const Passage& passage : diverse) {
    EXPECT_THAT(chunks, ::testing::Contains(passage.chunk_id));
  }
}

// Cosines of the embedder below, pressed together towards 1 as those of some models are.
class PressingEmbedder : public FakeEmbedder {
 public:
  int width() const override { return FakeEmbedder::width() + 1; }
  StatusOr<Embeddings> Embed(std::span<const std::string_view> texts, TextRole role,
                             const CallContext& call) const override {
    FOOTNOTE_ASSIGN_OR_RETURN(const Embeddings plain, FakeEmbedder::Embed(texts, role, call));
    Embeddings pressed;
    pressed.width = width();
    pressed.truncated = plain.truncated;
    for (size_t i = 0; i < texts.size(); ++i) {
      for (const float value : plain.row(i)) pressed.values.push_back(value / 2);
      pressed.values.push_back(std::sqrt(0.75F));
    }
    return pressed;
  }
};

TEST_F(DiversityTest, ItMeansTheSameWhateverTheCosinesOfAnEmbedderAre) {
  RetrievalRequest request = Rent();
  request.fusion = FusionKind::kDenseOnly;
  std::map<double, std::vector<std::string>> orders;
  Open(kLeases);
  const std::vector<double> diversities = {0.15, 0.3, 0.45, 0.6, 0.75};
  for (const double diversity : diversities) {
    request.diversity = diversity;
    orders[diversity] = Ids(request);
  }
  EXPECT_NE(orders[0.15], orders[0.75]);
  const PressingEmbedder pressing;
  Open(kLeases, &pressing);
  for (const double diversity : diversities) {
    request.diversity = diversity;
    EXPECT_EQ(Ids(request), orders[diversity]) << diversity;
  }
}

TEST_F(DiversityTest, ComesAfterTheRerankerWhichThenReadsAllItMay) {
  std::vector<std::pair<std::string, std::string>> documents;
  for (int i = 0; i < 50; ++i) {
    documents.emplace_back("doc" + std::to_string(i), "rent of flat number f" + std::to_string(i));
  }
  Open({documents});
  footnote::testing::FakeReranker reranker(0.9);
  // What the words put last is best, and first to be read is what is not asked for.
  reranker.score = [](const std::string& text) {
    return text.find("f17") != std::string::npos ? 1.0F : 0.6F;
  };
  ASSERT_OK_AND_ASSIGN(auto backend,
                       MakeLocalRetriever(corpus_, &embedder_, Reranking{&reranker, 50}));
  RetrievalRequest request;
  request.query = "rent of flat";
  request.top_k = 3;
  request.diversity = 0.3;
  ASSERT_OK_AND_ASSIGN(const RetrievalResult result, backend->Retrieve(request, CallContext()));
  EXPECT_EQ(result.passages[0].document_id, "doc17");
  size_t read = 0;
  for (const auto& call : reranker.TakeCalls()) read += call.texts.size();
  EXPECT_EQ(read, 50u);
}

}  // namespace
}  // namespace footnote::retriever
