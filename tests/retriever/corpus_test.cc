// A corpus from Put to passages: generations, updates, deletions, access, refusals.
#include "retriever/corpus.h"

#include <gmock/gmock.h>

#include "tests/retriever/corpus_builder.h"

namespace footnote::retriever {
namespace {

using testing::Ask;
using ::testing::Contains;
using ::testing::ElementsAre;
using testing::FakeEmbedder;
using testing::IdsOf;
using ::testing::IsEmpty;
using testing::MakeDocument;
using ::testing::Not;
using testing::SettingsFor;
using testing::TempDir;

class CorpusTest : public ::testing::Test {
 protected:
  std::unique_ptr<CorpusWriter> Writer(bool is_public = true) {
    auto writer = CorpusWriter::Open(folder_.path(), "docs", SettingsFor(embedder_, is_public));
    EXPECT_OK(writer);
    return std::move(*writer);
  }
  Status Put(CorpusWriter& writer, const std::string& id, const std::string& text,
             AccessList access = {}) {
    return writer.Put(MakeDocument(embedder_, id, text, {}, std::move(access)), "f");
  }
  std::vector<std::string> Search(const std::string& query, Asker asker = {}) {
    auto passages = testing::AskCorpus(folder_.path(), "docs", embedder_, query, 10, asker);
    EXPECT_OK(passages);
    return passages.ok() ? IdsOf(*passages) : std::vector<std::string>();
  }

  TempDir folder_;
  FakeEmbedder embedder_;
};

TEST_F(CorpusTest, APassageIsExactlyItsSpanOfTheDocument) {
  const std::string text = "The lessee pays rent monthly.\n\nThe lessor repairs the rööf.";
  {
    auto writer = Writer();
    ASSERT_OK(Put(*writer, "lease", text));
    ASSERT_OK(Put(*writer, "other", "Bees make honey in summer."));
    ASSERT_OK_AND_ASSIGN(const uint64_t generation, writer->Publish());
    EXPECT_EQ(generation, 1u);
  }
  ASSERT_OK_AND_ASSIGN(
      auto passages, testing::AskCorpus(folder_.path(), "docs", embedder_, "who repairs the rööf"));
  ASSERT_EQ(passages.size(), 3u);
  const Passage& best = passages.front();
  EXPECT_EQ(best.document_id, "lease");
  EXPECT_EQ(best.text, "The lessor repairs the rööf.");
  EXPECT_EQ(text.substr(best.span.start, best.span.size()), best.text);
  EXPECT_EQ(best.version, Sha256Hex(text));
  EXPECT_EQ(best.title, "Title of lease");
  EXPECT_EQ(best.chunk_id, "lease#1");
  EXPECT_EQ(best.clause, "7.3.1");
  EXPECT_EQ(best.page, 2);
  EXPECT_THAT(best.heading_path, ElementsAre("Part", "Section"));
  EXPECT_GT(best.lexical_score, 0);
  EXPECT_GT(best.dense_score, passages.back().dense_score);
}

TEST_F(CorpusTest, WhatIsStagedIsSeenAfterPublishOnly) {
  auto writer = Writer();
  ASSERT_OK(Put(*writer, "a", "alpha text"));
  ASSERT_OK(writer->Publish());
  ASSERT_OK(Put(*writer, "b", "beta text"));
  EXPECT_THAT(Search("beta"), ElementsAre("a"));
  ASSERT_OK_AND_ASSIGN(auto state, writer->Lookup("b"));
  ASSERT_TRUE(state.has_value());
  EXPECT_TRUE(state->staged);
  ASSERT_OK(writer->Publish());
  EXPECT_EQ(Search("beta").front(), "b");
  ASSERT_OK_AND_ASSIGN(state, writer->Lookup("b"));
  EXPECT_FALSE(state->staged);
  EXPECT_EQ(state->version, Sha256Hex("beta text"));
  EXPECT_EQ(state->fingerprint, "f");
}

TEST_F(CorpusTest, AnUpdateReplacesAndADeletionRemovesFromBothRoutes) {
  auto writer = Writer();
  ASSERT_OK(Put(*writer, "a", "zebra stripes"));
  ASSERT_OK(Put(*writer, "b", "giraffe neck"));
  ASSERT_OK(writer->Publish());
  ASSERT_OK(Put(*writer, "a", "penguin feathers"));
  ASSERT_OK(writer->Delete("b"));
  ASSERT_OK(writer->Delete("never there"));
  ASSERT_OK_AND_ASSIGN(auto lookup, writer->Lookup("b"));
  EXPECT_FALSE(lookup.has_value());
  ASSERT_OK_AND_ASSIGN(auto ids, writer->DocumentIds());
  EXPECT_THAT(ids, ElementsAre("a"));
  ASSERT_OK_AND_ASSIGN(const uint64_t generation, writer->Publish());
  EXPECT_EQ(generation, 2u);
  ASSERT_OK_AND_ASSIGN(auto passages,
                       testing::AskCorpus(folder_.path(), "docs", embedder_, "zebra giraffe"));
  ASSERT_EQ(passages.size(), 1u);
  EXPECT_EQ(passages[0].text, "penguin feathers");
  EXPECT_EQ(passages[0].lexical_score, 0);
  ASSERT_OK_AND_ASSIGN(auto corpus, Corpus::Open(folder_.path(), "docs"));
  EXPECT_STATUS(corpus->GetDocument("b", {}), kNotFound, "\"b\"");
  ASSERT_OK_AND_ASSIGN(const Document document, corpus->GetDocument("a", {}));
  EXPECT_EQ(document.text, "penguin feathers");
  EXPECT_EQ(document.source, "/sources/a");
}

TEST_F(CorpusTest, PublishingNothingKeepsTheGeneration) {
  auto writer = Writer();
  ASSERT_OK_AND_ASSIGN(const uint64_t empty, writer->Publish());
  EXPECT_EQ(empty, 1u);
  ASSERT_OK_AND_ASSIGN(const uint64_t again, writer->Publish());
  EXPECT_EQ(again, 1u);
  EXPECT_THAT(Search("anything"), IsEmpty());
}

TEST_F(CorpusTest, ManyPublicationsKeepAllDocumentsAndFewSegments) {
  auto writer = Writer();
  for (int i = 0; i < 40; ++i) {
    ASSERT_OK(Put(*writer, "doc" + std::to_string(i), "number n" + std::to_string(i) + " text"));
    if (i >= 10) {
      ASSERT_OK(Put(*writer, "doc" + std::to_string(i - 10), "changed n" + std::to_string(i)));
    }
    if (i % 7 == 6) {
      ASSERT_OK(writer->Delete("doc" + std::to_string(i - 3)));
    }
    ASSERT_OK(writer->Publish());
  }
  ASSERT_OK_AND_ASSIGN(auto expected, writer->DocumentIds());
  ASSERT_OK_AND_ASSIGN(auto corpus, Corpus::Open(folder_.path(), "docs"));
  ASSERT_OK_AND_ASSIGN(auto ids, corpus->DocumentIds());
  EXPECT_EQ(ids, expected);
  for (const std::string& id : ids) ASSERT_OK(corpus->GetDocument(id, {}));
  ASSERT_OK_AND_ASSIGN(auto findings, corpus->Verify(nullptr));
  EXPECT_THAT(findings, IsEmpty());
  EXPECT_EQ(corpus->Info().generations.size(), 3u);
  EXPECT_EQ(corpus->Info().documents, static_cast<int64_t>(ids.size()));
  size_t files = 0;
  for (const auto& file : std::filesystem::directory_iterator(folder_ / "docs/vectors")) {
    files += file.is_regular_file() ? 1 : 0;
  }
  EXPECT_LE(files, 11u);  // 8 of the current generation, and what the two before it need
}

TEST_F(CorpusTest, AccessListsHoldAtOnceAndInOldGenerations) {
  auto writer = Writer(/*is_public=*/false);
  const Asker ann{{"user:ann", "group:legal"}};
  ASSERT_OK(Put(*writer, "a", "secret plan", {{"group:legal"}, {}}));
  ASSERT_OK(Put(*writer, "b", "secret plan too", {{"everyone"}, {"user:ann"}}));
  ASSERT_OK(Put(*writer, "c", "secret plan of nobody"));
  ASSERT_OK(writer->Publish());
  ASSERT_OK_AND_ASSIGN(auto corpus, Corpus::Open(folder_.path(), "docs"));
  ASSERT_OK_AND_ASSIGN(auto backend, MakeLocalRetriever(corpus, &embedder_));
  const auto ask = [&](const Asker& asker) {
    auto passages = Ask(*backend, "secret plan", 10, asker);
    EXPECT_OK(passages);
    return IdsOf(*passages);
  };
  EXPECT_THAT(ask(ann), ElementsAre("a"));
  EXPECT_THAT(ask({{"user:bob"}}), ElementsAre("b"));
  EXPECT_THAT(ask({}), IsEmpty());
  EXPECT_STATUS(corpus->GetDocument("b", ann), kNotFound, "\"b\"");
  EXPECT_OK(corpus->GetDocumentAsOwner("c"));

  ASSERT_OK(writer->SetAccess("a", {{"user:bob"}, {}}));
  EXPECT_THAT(ask(ann), IsEmpty());
  EXPECT_THAT(ask({{"user:bob"}}), ::testing::UnorderedElementsAre("a", "b"));
  EXPECT_STATUS(writer->SetAccess("nobody knows", {}), kNotFound, "nobody knows");
  EXPECT_STATUS(writer->SetAccess("a", {{"ann"}, {}}), kInvalidArgument, "user:");

  // What the source says again does not undo what was set by hand; something new does.
  const auto given_to = [&](const char* principal) {
    const AccessList list = {{principal}, {}};
    return MakeDocument(embedder_, "a", "the secret plan of spring", {}, list);
  };
  ASSERT_OK(writer->Put(given_to("group:legal"), "f"));
  ASSERT_OK(writer->Publish());
  EXPECT_THAT(ask(ann), IsEmpty());
  const std::vector<AccessChange> again = {{"a", {{"group:legal"}, {}}}, {"unknown", {}}};
  ASSERT_OK(writer->GiveAccess(again));
  EXPECT_THAT(ask(ann), IsEmpty());
  const std::vector<AccessChange> other = {{"a", {{"group:legal", "user:eve"}, {}}}};
  ASSERT_OK(writer->GiveAccess(other));
  EXPECT_THAT(ask(ann), ElementsAre("a"));
  EXPECT_THAT(ask({{"user:eve"}}), ::testing::UnorderedElementsAre("a", "b"));
  ASSERT_OK(writer->Put(given_to("group:legal"), "f"));
  ASSERT_OK(writer->Publish());
  EXPECT_THAT(ask({{"user:eve"}}), ElementsAre("b"));
  ASSERT_OK(writer->SetAccess("a", {{"user:bob"}, {}}));

  ASSERT_OK(Put(*writer, "d", "unrelated"));
  ASSERT_OK(writer->Publish());
  writer.reset();
  ASSERT_OK_AND_ASSIGN(const uint64_t generation, RollbackCorpus(folder_.path(), "docs", 0));
  EXPECT_EQ(generation, 3u);
  EXPECT_THAT(ask(ann), IsEmpty());  // the list of now, not that of generation 1
}

TEST_F(CorpusTest, DocumentsAreFoundByTheirWordsUntilTheyHaveVectors) {
  auto writer = Writer();
  const auto document = [&](int i) {
    return MakeDocument(embedder_, "d" + std::to_string(i),
                        "words number" + std::to_string(i) + "\n\nshared text", {},
                        i == 3 ? AccessList{{"user:ann"}, {}} : AccessList());
  };
  for (int i = 0; i < 3; ++i) ASSERT_OK(writer->Put(document(i), "f"));
  std::vector<std::vector<float>> vectors;
  for (int i = 3; i < 6; ++i) {
    IndexedDocument waiting = document(i);
    vectors.push_back(std::exchange(waiting.vectors, {}));
    ASSERT_OK(writer->Put(waiting, "f"));
  }
  EXPECT_THAT(writer->Unembedded().value(), ElementsAre("d3", "d4", "d5"));
  ASSERT_OK(writer->Publish());
  EXPECT_THAT(writer->Unembedded().value(), ElementsAre("d3", "d4", "d5"));
  EXPECT_FALSE(writer->Lookup("d4").value()->embedded);
  EXPECT_TRUE(writer->Lookup("d0").value()->embedded);
  ASSERT_OK_AND_ASSIGN(auto corpus, Corpus::Open(folder_.path(), "docs"));
  ASSERT_OK_AND_ASSIGN(auto backend, MakeLocalRetriever(corpus, &embedder_));
  EXPECT_EQ(corpus->Info().unembedded_chunks, 6);
  EXPECT_THAT(corpus->Verify(nullptr).value(), IsEmpty());
  ASSERT_OK_AND_ASSIGN(auto passages, Ask(*backend, "number4", 20));
  ASSERT_FALSE(passages.empty());
  EXPECT_EQ(passages[0].document_id, "d4");
  EXPECT_EQ(passages[0].dense_score, 0);
  for (const Passage& passage : passages) EXPECT_NE(passage.document_id, "d3");
  RetrievalRequest dense;
  dense.query = "number4";
  dense.fusion = FusionKind::kDenseOnly;
  ASSERT_OK_AND_ASSIGN(auto by_meaning, backend->Retrieve(dense, CallContext()));
  for (const Passage& passage : by_meaning.passages) EXPECT_LT(passage.document_id, "d3");

  // A later publication, a deletion and an erasure go round what waits.
  ASSERT_OK(writer->Put(document(6), "f"));
  ASSERT_OK(writer->Delete("d5"));
  ASSERT_OK(writer->Publish());
  EXPECT_THAT(writer->Unembedded().value(), ElementsAre("d3", "d4"));
  IndexedDocument more = document(7);
  more.vectors.clear();
  ASSERT_OK(writer->Put(more, "f"));
  ASSERT_OK(writer->Publish());
  EXPECT_THAT(writer->Unembedded().value(), ElementsAre("d3", "d4", "d7"));
  writer.reset();
  ASSERT_OK(EraseDocument(folder_.path(), "docs", "d7"));
  EXPECT_THAT(corpus->Verify(nullptr).value(), IsEmpty());

  writer = Writer();
  EXPECT_STATUS(writer->ReadUnembedded("d0"), kNotFound, "does not wait");
  EXPECT_STATUS(writer->PutVectors("d3", std::vector<float>(3)), kInvalidArgument, "width");
  ASSERT_OK_AND_ASSIGN(const UnembeddedDocument waiting, writer->ReadUnembedded("d3"));
  EXPECT_THAT(waiting.texts, ElementsAre("Title of d3\nwords number3", "Title of d3\nshared text"));
  ASSERT_OK(writer->PutVectors("d3", vectors[0]));
  EXPECT_STATUS(writer->PutVectors("d3", vectors[0]), kNotFound, "does not wait");
  ASSERT_OK(writer->PutVectors("d4", vectors[1]));
  EXPECT_THAT(writer->Unembedded().value(), IsEmpty());
  ASSERT_OK(writer->Publish());
  EXPECT_EQ(corpus->Info().unembedded_chunks, 0);
  EXPECT_THAT(corpus->Verify(nullptr).value(), IsEmpty());
  // As if they had been embedded at once: lists, texts and scores.
  {
    auto at_once = CorpusWriter::Open(folder_.path(), "once", SettingsFor(embedder_)).value();
    for (int i : {0, 1, 2, 3, 4, 6}) ASSERT_OK(at_once->Put(document(i), "f"));
    ASSERT_OK(at_once->Publish());
  }
  for (const Asker& asker : {Asker(), Asker{{"user:ann"}}}) {
    ASSERT_OK_AND_ASSIGN(auto here, Ask(*backend, "number3 shared", 20, asker));
    ASSERT_OK_AND_ASSIGN(auto there, testing::AskCorpus(folder_.path(), "once", embedder_,
                                                        "number3 shared", 20, asker));
    ASSERT_EQ(IdsOf(here), IdsOf(there));
    for (size_t i = 0; i < here.size(); ++i) {
      EXPECT_EQ(here[i].score, there[i].score);
      EXPECT_EQ(here[i].dense_score, there[i].dense_score);
    }
    EXPECT_EQ(here.size(), asker.principals.empty() ? 10u : 12u);
  }
}

TEST_F(CorpusTest, RollbackBringsOldTextsBackAndTheNextGenerationBuildsOnThem) {
  {
    auto writer = Writer();
    ASSERT_OK(Put(*writer, "a", "first words"));
    ASSERT_OK(writer->Publish());
    ASSERT_OK(Put(*writer, "a", "second words"));
    ASSERT_OK(Put(*writer, "b", "more words"));
    ASSERT_OK(writer->Publish());
  }
  ASSERT_OK_AND_ASSIGN(auto corpus, Corpus::Open(folder_.path(), "docs"));
  EXPECT_EQ(corpus->Info().generation, 2u);
  ASSERT_OK_AND_ASSIGN(const uint64_t back, RollbackCorpus(folder_.path(), "docs", 0));
  EXPECT_EQ(back, 1u);
  EXPECT_EQ(corpus->Info().generation, 1u);
  ASSERT_OK_AND_ASSIGN(const Document document, corpus->GetDocument("a", {}));
  EXPECT_EQ(document.text, "first words");
  EXPECT_STATUS(RollbackCorpus(folder_.path(), "docs", 0), kNotFound, "before 1");
  EXPECT_STATUS(RollbackCorpus(folder_.path(), "docs", 9), kNotFound, "it keeps 1, 2");
  auto writer = Writer();
  ASSERT_OK(Put(*writer, "c", "other words"));
  ASSERT_OK_AND_ASSIGN(const uint64_t next, writer->Publish());
  EXPECT_EQ(next, 3u);
  ASSERT_OK_AND_ASSIGN(auto ids, corpus->DocumentIds());
  EXPECT_THAT(ids, ElementsAre("a", "c"));
}

TEST_F(CorpusTest, ASecondWriterIsToldWhoTheFirstIs) {
  auto writer = Writer();
  EXPECT_STATUS(CorpusWriter::Open(folder_.path(), "docs", SettingsFor(embedder_)), kAborted,
                "pid " + std::to_string(::getpid()));
  EXPECT_STATUS(RollbackCorpus(folder_.path(), "docs", 0), kAborted, "another process");
}

TEST_F(CorpusTest, AnotherEmbedderIsRefusedWithWhatToRun) {
  Writer()->Publish().status().IgnoreError();
  const FakeEmbedder other(64, /*seed=*/7);
  EXPECT_STATUS(CorpusWriter::Open(folder_.path(), "docs", SettingsFor(other)), kFailedPrecondition,
                "--embedder /models/fake-64");
  ASSERT_OK_AND_ASSIGN(auto corpus, Corpus::Open(folder_.path(), "docs"));
  EXPECT_STATUS(MakeLocalRetriever(corpus, &other), kFailedPrecondition,
                "--embedder /models/fake-64");
}

TEST_F(CorpusTest, NamesAreCheckedAndUnknownOnesAreToldWhatThereIs) {
  EXPECT_STATUS(CorpusWriter::Open(folder_.path(), "../up", SettingsFor(embedder_)),
                kInvalidArgument, "a-z");
  EXPECT_STATUS(CorpusWriter::Open(folder_.path(), "", SettingsFor(embedder_)), kInvalidArgument,
                "a-z");
  EXPECT_STATUS(Corpus::Open(folder_.path(), "docs"), kNotFound, "footnote index");
  auto writer = Writer();
  EXPECT_STATUS(Corpus::Open(folder_.path(), "docs"), kFailedPrecondition, "no generation yet");
  EXPECT_STATUS(Corpus::Open(folder_.path(), "dogs"), kNotFound, "there are: docs");
  ASSERT_OK_AND_ASSIGN(auto names, ListCorpora(folder_.path()));
  EXPECT_THAT(names, ElementsAre("docs"));
  ASSERT_OK_AND_ASSIGN(names, ListCorpora(folder_ / "nowhere"));
  EXPECT_THAT(names, IsEmpty());
}

TEST_F(CorpusTest, DocumentsThatContradictThemselvesAreRefused) {
  auto writer = Writer();
  IndexedDocument document = MakeDocument(embedder_, "a", "some text");
  document.vectors[0] += 1;
  EXPECT_STATUS(writer->Put(document, ""), kInvalidArgument, "length is not 1");
  document = MakeDocument(embedder_, "a", "some text");
  document.vectors.pop_back();
  EXPECT_STATUS(writer->Put(document, ""), kInvalidArgument, "width 64");
  document = MakeDocument(embedder_, "a", "some text");
  document.chunks[0].span.end = 100;
  EXPECT_STATUS(writer->Put(document, ""), kInvalidArgument, "outside its text");
  document = MakeDocument(embedder_, "a", "some text");
  document.document.version = Sha256Hex("other");
  EXPECT_STATUS(writer->Put(document, ""), kInvalidArgument, "SHA-256");
  document = MakeDocument(embedder_, "", "some text");
  EXPECT_STATUS(writer->Put(document, ""), kInvalidArgument, "id");
  document = MakeDocument(embedder_, "a", "some text", {}, {{"somebody"}, {}});
  EXPECT_STATUS(writer->Put(document, ""), kInvalidArgument, "somebody");
}

TEST_F(CorpusTest, ADocumentWithoutChunksIsKeptAndFoundByIdOnly) {
  auto writer = Writer();
  ASSERT_OK(Put(*writer, "empty", ""));
  ASSERT_OK(Put(*writer, "full", "some words"));
  ASSERT_OK(writer->Publish());
  EXPECT_THAT(Search("words"), ElementsAre("full"));
  ASSERT_OK_AND_ASSIGN(auto corpus, Corpus::Open(folder_.path(), "docs"));
  EXPECT_OK(corpus->GetDocument("empty", {}));
  ASSERT_OK_AND_ASSIGN(auto findings, corpus->Verify(nullptr));
  EXPECT_THAT(findings, IsEmpty());
}

TEST_F(CorpusTest, InfoTellsTheIndexAndWhy) {
  auto writer = Writer();
  ASSERT_OK(Put(*writer, "a", "one two three\n\nfour"));
  ASSERT_OK(writer->Publish());
  ASSERT_OK_AND_ASSIGN(auto corpus, Corpus::Open(folder_.path(), "docs"));
  const CorpusInfo info = corpus->Info();
  EXPECT_EQ(info.name, "docs");
  EXPECT_TRUE(info.is_public);
  EXPECT_EQ(info.vector_index, "flat");
  EXPECT_THAT(info.vector_index_reason, ::testing::HasSubstr("200,000"));
  EXPECT_EQ(info.documents, 1);
  EXPECT_EQ(info.chunks, 2);
  EXPECT_EQ(info.tokens, 4);
  EXPECT_EQ(info.width, 64);
  EXPECT_EQ(info.embedder_path, "/models/fake-64");
  EXPECT_GT(info.disk_bytes, 0);
}

}  // namespace
}  // namespace footnote::retriever
