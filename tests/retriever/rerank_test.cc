// The head of the list, ranked anew by a reranker that the test decides.
#include <gmock/gmock.h>

#include <algorithm>
#include <map>

#include "tests/retriever/corpus_builder.h"
#include "tests/testing/fake_reranker.h"

namespace footnote::retriever {
namespace {

using footnote::testing::FakeReranker;
using ::testing::Each;
using ::testing::ElementsAre;
using testing::FakeEmbedder;
using testing::IdsOf;
using ::testing::IsEmpty;
using testing::MakeDocument;
using testing::SettingsFor;
using ::testing::SizeIs;
using testing::TempDir;

// "Title of docN\n…" -> N.
int NumberIn(const std::string& text) { return std::stoi(text.substr(text.find("doc") + 3)); }

class RerankTest : public ::testing::Test {
 protected:
  // Documents doc0, doc1…, the earlier the more they say of rent.
  void SetUp() override {
    std::vector<IndexedDocument> documents;
    for (int i = 0; i < kDocuments; ++i) {
      std::string text = "rent";
      for (int word = 0; word < i; ++word) text += " filler" + std::to_string(i * 100 + word);
      documents.push_back(MakeDocument(embedder_, "doc" + std::to_string(i), text));
    }
    Open(documents);
  }

  void Open(const std::vector<IndexedDocument>& documents) {
    const std::string name = "docs" + std::to_string(++corpora_);
    ASSERT_OK_AND_ASSIGN(auto writer,
                         CorpusWriter::Open(folder_.path(), name, SettingsFor(embedder_)));
    for (const IndexedDocument& document : documents) ASSERT_OK(writer->Put(document, ""));
    ASSERT_OK(writer->Publish());
    ASSERT_OK_AND_ASSIGN(corpus_, Corpus::Open(folder_.path(), name));
  }

  StatusOr<RetrievalResult> Run(const RetrievalRequest& request, const Reranking& reranking,
                                const CallContext& call = {}) {
    FOOTNOTE_ASSIGN_OR_RETURN(const auto backend,
                              MakeLocalRetriever(corpus_, &embedder_, reranking));
    return backend->Retrieve(request, call);
  }

  RetrievalRequest Asking(int top_k) const {
    RetrievalRequest request;
    request.query = "what is the rent";
    request.top_k = top_k;
    return request;
  }

  static constexpr int kDocuments = 50;
  TempDir folder_;
  FakeEmbedder embedder_;
  int corpora_ = 0;
  std::shared_ptr<Corpus> corpus_;
};

TEST_F(RerankTest, TheScoreIsASumByTheRerankersShare) {
  FakeReranker reranker(0.4);
  ASSERT_OK_AND_ASSIGN(const RetrievalResult plain, Run(Asking(kDocuments), {}));
  ASSERT_OK_AND_ASSIGN(const RetrievalResult reranked,
                       Run(Asking(kDocuments), {&reranker, kDocuments}));
  ASSERT_THAT(plain.passages, SizeIs(kDocuments));
  ASSERT_THAT(reranked.passages, SizeIs(kDocuments));
  std::map<std::string, Passage> before;
  for (const Passage& passage : plain.passages) before[passage.document_id] = passage;
  std::map<std::string, float> scored;
  for (const FakeReranker::Call& call : reranker.TakeCalls()) {
    for (const std::string& text : call.texts) {
      scored["doc" + std::to_string(NumberIn(text))] = reranker.score(text);
    }
  }
  for (const Passage& passage : reranked.passages) {
    const Passage& was = before.at(passage.document_id);
    EXPECT_NEAR(passage.score, 0.6 * was.score + 0.4 * scored.at(passage.document_id), 1e-6);
    // What gate 1 judges by.
    EXPECT_EQ(passage.dense_score, was.dense_score);
    EXPECT_EQ(passage.lexical_score, was.lexical_score);
  }
  EXPECT_NE(IdsOf(reranked.passages), IdsOf(plain.passages));
  EXPECT_GT(reranked.timings.rerank_ms, 0);
}

TEST_F(RerankTest, ReadsTheBestInBatchesAndLeavesTheRestBehindThem) {
  FakeReranker reranker(0.9);
  ASSERT_OK_AND_ASSIGN(const RetrievalResult plain, Run(Asking(kDocuments), {}));
  ASSERT_OK_AND_ASSIGN(const RetrievalResult reranked, Run(Asking(kDocuments), {&reranker, 20}));
  std::vector<std::string> read;
  std::vector<size_t> sizes;
  for (const FakeReranker::Call& call : reranker.TakeCalls()) {
    EXPECT_EQ(call.query, "what is the rent");
    sizes.push_back(call.texts.size());
    for (const std::string& text : call.texts) {
      read.push_back("doc" + std::to_string(NumberIn(text)));
      EXPECT_TRUE(text.starts_with("Title of doc")) << "the title belongs to what is read";
    }
  }
  EXPECT_THAT(sizes, ElementsAre(8, 8, 4));
  const std::vector<std::string> before = IdsOf(plain.passages);
  const std::vector<std::string> after = IdsOf(reranked.passages);
  EXPECT_EQ(read, std::vector<std::string>(before.begin(), before.begin() + 20)) << "best first";
  EXPECT_TRUE(std::is_permutation(before.begin(), before.begin() + 20, after.begin()));
  EXPECT_TRUE(std::equal(before.begin() + 20, before.end(), after.begin() + 20));
  for (size_t i = 0; i < reranked.passages.size(); ++i) {
    EXPECT_GE(reranked.passages[i].score, 0);
    EXPECT_LE(reranked.passages[i].score, 1);
    if (i > 0) EXPECT_LE(reranked.passages[i].score, reranked.passages[i - 1].score);
  }
}

// Every fusion has another scale; the sum has one.
TEST_F(RerankTest, ScoresLieBetweenZeroAndOneWhateverTheFusion) {
  FakeReranker reranker(0.5);
  for (const FusionKind fusion : {FusionKind::kCalibratedSum, FusionKind::kReciprocalRank,
                                  FusionKind::kDenseOnly, FusionKind::kLexicalOnly}) {
    RetrievalRequest request = Asking(10);
    request.fusion = fusion;
    ASSERT_OK_AND_ASSIGN(const RetrievalResult result, Run(request, {&reranker, 40}));
    ASSERT_THAT(result.passages, SizeIs(10));
    EXPECT_LE(result.passages.front().score, 1);
    EXPECT_GE(result.passages.back().score, 0);
    EXPECT_THAT(reranker.TakeCalls(), ::testing::Not(IsEmpty()));
  }
}

TEST_F(RerankTest, TheBestOfAnyFusionCountsAsOne) {
  FakeReranker reranker(0.5);
  reranker.score = [](const std::string&) { return 0.2F; };
  for (const FusionKind fusion :
       {FusionKind::kReciprocalRank, FusionKind::kDenseOnly, FusionKind::kLexicalOnly}) {
    RetrievalRequest request = Asking(10);
    request.fusion = fusion;
    ASSERT_OK_AND_ASSIGN(const RetrievalResult result, Run(request, {&reranker, 40}));
    EXPECT_NEAR(result.passages.front().score, 0.5 * 1 + 0.5 * 0.2, 1e-6);
  }
}

TEST_F(RerankTest, EndsEarlyWhenTheRestCannotReachTheAnswer) {
  FakeReranker agrees(0.5);
  agrees.score = [](const std::string& text) { return 1.0F - 0.02F * NumberIn(text); };
  ASSERT_OK_AND_ASSIGN(const RetrievalResult early, Run(Asking(3), {&agrees, 48}));
  EXPECT_THAT(agrees.TakeCalls(), SizeIs(2)) << "two batches of six";
  ASSERT_OK_AND_ASSIGN(const RetrievalResult all, Run(Asking(kDocuments), {&agrees, 48}));
  EXPECT_THAT(agrees.TakeCalls(), SizeIs(6)) << "an answer of all needs all";
  for (size_t i = 0; i < early.passages.size(); ++i) {
    EXPECT_EQ(early.passages[i].chunk_id, all.passages[i].chunk_id);
    EXPECT_EQ(early.passages[i].score, all.passages[i].score);
  }
  // One is relevant: as many more could be as the answer has room for.
  FakeReranker one(0.9);
  one.score = [](const std::string& text) { return NumberIn(text) == 0 ? 1.0F : 0.1F; };
  EXPECT_OK(Run(Asking(3), {&one, 48}));
  EXPECT_THAT(one.TakeCalls(), SizeIs(6));
  // None is yet: the best may still come, and here it does.
  FakeReranker late(0.5);
  const std::string last = all.passages[40].document_id;
  late.score = [&](const std::string& text) {
    return "doc" + std::to_string(NumberIn(text)) == last ? 1.0F : 0.1F;
  };
  ASSERT_OK_AND_ASSIGN(const RetrievalResult found, Run(Asking(1), {&late, 48}));
  EXPECT_THAT(late.TakeCalls(), SizeIs(::testing::Gt(2u)));
  EXPECT_EQ(found.passages[0].document_id, last);
}

TEST_F(RerankTest, WhatDiversityTakesAwayDoesNotFillTheAnswer) {
  std::vector<IndexedDocument> documents;
  std::string text;
  for (int i = 0; i < 24; ++i) {
    text += (i == 0 ? "rent r" : "\n\nrent r") + std::to_string(i);
  }
  documents.push_back(MakeDocument(embedder_, "doc0", text));
  for (int i = 1; i < 12; ++i) {
    documents.push_back(MakeDocument(embedder_, "doc" + std::to_string(i),
                                     "some other words about nothing n" + std::to_string(i)));
  }
  Open(documents);
  FakeReranker reranker(0.5);
  reranker.score = [](const std::string& read) { return NumberIn(read) == 0 ? 1.0F : 0.3F; };
  RetrievalRequest request = Asking(3);
  ASSERT_OK(Run(request, {&reranker, 32}));
  EXPECT_THAT(reranker.TakeCalls(), SizeIs(2));
  request.max_per_document = 1;
  ASSERT_OK_AND_ASSIGN(const RetrievalResult result, Run(request, {&reranker, 32}));
  EXPECT_THAT(result.passages, SizeIs(3));
  EXPECT_THAT(reranker.TakeCalls(), SizeIs(4)) << "24 passages of doc0 are one of the answer";
}

TEST_F(RerankTest, ChunksThatMayBecomeOnePassageFillOnePlace) {
  for (const bool together : {true, false}) {
    std::vector<IndexedDocument> documents;
    if (together) {
      documents.push_back(
          MakeDocument(embedder_, "doc0", "what is the rent a\n\nwhat is the rent b"));
    } else {
      documents.push_back(MakeDocument(embedder_, "doc0", "what is the rent a"));
      documents.push_back(MakeDocument(embedder_, "doc1", "what is the rent b"));
    }
    for (int i = 2; i < 50; ++i) {
      documents.push_back(MakeDocument(embedder_, "doc" + std::to_string(i),
                                       "some other words about nothing n" + std::to_string(i)));
    }
    Open(documents);
    FakeReranker reranker(0.5);
    reranker.score = [](const std::string& read) { return NumberIn(read) < 2 ? 1.0F : 0.3F; };
    ASSERT_OK(Run(Asking(2), {&reranker, 32}));
    EXPECT_THAT(reranker.TakeCalls(), SizeIs(together ? 4 : 2));
  }
}

// A list that was too short is made again longer; what was read is not read again.
TEST_F(RerankTest, ReadsNoPassageTwice) {
  std::vector<IndexedDocument> documents;
  for (int i = 0; i < 300; ++i) {
    documents.push_back(MakeDocument(embedder_, "doc" + std::to_string(i), "rent"));
  }
  documents.push_back(MakeDocument(embedder_, "doc300", "another thing"));
  Open(documents);
  FakeReranker reranker(0.5);
  reranker.score = [](const std::string&) { return 0.1F; };  // nothing ends it early
  RetrievalRequest request = Asking(2);
  request.query = "rent";
  request.fusion = FusionKind::kDenseOnly;
  ASSERT_OK_AND_ASSIGN(const RetrievalResult result, Run(request, {&reranker, 32}));
  ASSERT_THAT(result.passages, SizeIs(2));
  EXPECT_EQ(result.passages[1].document_id, "doc300") << "what all others say is one passage";
  size_t read = 0;
  for (const FakeReranker::Call& call : reranker.TakeCalls()) read += call.texts.size();
  EXPECT_EQ(read, 32u);
}

TEST_F(RerankTest, CancelledAndLateCallsEndBetweenBatches) {
  FakeReranker reranker(0.99);
  std::stop_source stop;
  int calls = 0;
  reranker.before = [&] {
    if (++calls == 2) stop.request_stop();
    return OkStatus();
  };
  EXPECT_STATUS(Run(Asking(50), {&reranker, 48}, CallContext(stop.get_token())), kCancelled,
                "cancelled");
  EXPECT_EQ(calls, 2);
  reranker.before = [] { return DeadlineExceededError("too late"); };
  reranker.TakeCalls();
  EXPECT_STATUS(Run(Asking(50), {&reranker, 48}), kDeadlineExceeded, "too late");
  EXPECT_THAT(reranker.TakeCalls(), SizeIs(1));
  reranker.before = [] { return ResourceExhaustedError("the queue is full"); };
  EXPECT_STATUS(Run(Asking(50), {&reranker, 48}), kResourceExhausted, "queue");
}

TEST_F(RerankTest, ARequestTurnsItOffAndCannotTurnOnWhatIsNotThere) {
  FakeReranker reranker(0.9);
  RetrievalRequest request = Asking(10);
  ASSERT_OK_AND_ASSIGN(const RetrievalResult plain, Run(request, {}));
  request.rerank = false;
  ASSERT_OK_AND_ASSIGN(const RetrievalResult off, Run(request, {&reranker}));
  EXPECT_THAT(reranker.TakeCalls(), IsEmpty());
  EXPECT_EQ(IdsOf(off.passages), IdsOf(plain.passages));
  EXPECT_EQ(off.passages[0].score, plain.passages[0].score);
  EXPECT_OK(Run(request, {}));
  request.rerank = true;
  EXPECT_OK(Run(request, {&reranker}));
  EXPECT_THAT(reranker.TakeCalls(), ::testing::Not(IsEmpty()));
  EXPECT_STATUS(Run(request, {}), kFailedPrecondition, "--reranker PATH");
  EXPECT_STATUS(Run(request, {&reranker, 0}), kInvalidArgument, "1 to 1000");
  EXPECT_STATUS(Run(request, {&reranker, 1001}), kInvalidArgument, "1 to 1000");
}

TEST_F(RerankTest, ReadsTheQuestionAsItStandsAlone) {
  FakeReranker reranker;
  RetrievalRequest request = Asking(5);
  request.stand_alone_query = "what is the rent of \xFF the flat";
  ASSERT_OK(Run(request, {&reranker}));
  std::vector<std::string> queries;
  for (const FakeReranker::Call& call : reranker.TakeCalls()) queries.push_back(call.query);
  EXPECT_THAT(queries, Each("what is the rent of \xEF\xBF\xBD the flat"));
}

// Lead would undo it: such a query is answered by its words alone.
TEST_F(RerankTest, IsNotAskedWhereAQueryIsNamesAlone) {
  Open({MakeDocument(embedder_, "doc0", "the flag O_CLOEXEC of open"),
        MakeDocument(embedder_, "doc1", "another flag")});
  FakeReranker reranker;
  RetrievalRequest request = Asking(2);
  request.query = "O_CLOEXEC";
  ASSERT_OK_AND_ASSIGN(const RetrievalResult result, Run(request, {&reranker}));
  EXPECT_EQ(result.passages.at(0).document_id, "doc0");
  EXPECT_THAT(reranker.TakeCalls(), IsEmpty());
}

}  // namespace
}  // namespace footnote::retriever
