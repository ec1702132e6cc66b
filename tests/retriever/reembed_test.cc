// A corpus goes over to another embedder beside the generation that is served.
#include <gmock/gmock.h>

#include "tests/retriever/corpus_builder.h"

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

constexpr int kDocuments = 12;

class ReembedTest : public ::testing::Test {
 protected:
  static IndexedDocument DocumentOf(const Embedder& embedder, int i) {
    const std::string n = std::to_string(i);
    return MakeDocument(embedder, "d" + n, "words of number" + n + "\n\nmore words" + n, {},
                        i == 5 ? AccessList{{"user:ann"}, {}} : AccessList());
  }
  void Build(const std::string& name, const Embedder& embedder) {
    ASSERT_OK_AND_ASSIGN(auto writer,
                         CorpusWriter::Open(folder_.path(), name, SettingsFor(embedder)));
    for (int i = 0; i < kDocuments; ++i) {
      ASSERT_OK(writer->Put(DocumentOf(embedder, i), "f"));
      if (i % 5 == 4) ASSERT_OK(writer->Publish());
    }
    ASSERT_OK(writer->Delete("d2"));
    ASSERT_OK(writer->Publish());
  }
  // Embeds at most `most` of what waits.
  static Status EmbedSome(CorpusWriter& writer, const Embedder& embedder, size_t most) {
    FOOTNOTE_ASSIGN_OR_RETURN(const auto ids, writer.Unembedded());
    for (size_t i = 0; i < std::min(most, ids.size()); ++i) {
      FOOTNOTE_ASSIGN_OR_RETURN(const UnembeddedDocument waiting, writer.ReadUnembedded(ids[i]));
      const std::vector<std::string_view> texts(waiting.texts.begin(), waiting.texts.end());
      FOOTNOTE_ASSIGN_OR_RETURN(const Embeddings vectors,
                                embedder.Embed(texts, TextRole::kPassage, CallContext()));
      FOOTNOTE_RETURN_IF_ERROR(writer.PutVectors(ids[i], vectors.values));
    }
    return OkStatus();
  }
  StatusOr<std::unique_ptr<CorpusWriter>> OpenToReembed(const Embedder& embedder) {
    return CorpusWriter::OpenToReembed(folder_.path(), "docs", SettingsFor(embedder));
  }

  TempDir folder_;
  FakeEmbedder before_{64, 0};
  FakeEmbedder after_{32, 7};
};

TEST_F(ReembedTest, SwapsWhenAllIsEmbeddedAndTheOldGenerationServesUntilThen) {
  Build("docs", before_);
  Build("expected", after_);
  ASSERT_OK_AND_ASSIGN(auto corpus, Corpus::Open(folder_.path(), "docs"));
  ASSERT_OK_AND_ASSIGN(auto backend, MakeLocalRetriever(corpus, &before_));
  ASSERT_OK_AND_ASSIGN(const auto old_passages, Ask(*backend, "words of number3", 30));
  const uint64_t old_generation = corpus->Info().generation;

  EXPECT_STATUS(OpenToReembed(before_), kFailedPrecondition, "already");
  {
    ASSERT_OK_AND_ASSIGN(auto writer, OpenToReembed(after_));
    EXPECT_EQ(writer->Unembedded()->size(), kDocuments - 1u);
    ASSERT_OK(EmbedSome(*writer, after_, 4));
    EXPECT_STATUS(writer->Publish(), kFailedPrecondition, "7 documents have no vectors");
    EXPECT_STATUS(writer->Put(DocumentOf(before_, 1), "f"), kFailedPrecondition, "going over");
    EXPECT_STATUS(writer->PutVectors("d0", std::vector<float>(63)), kInvalidArgument, "width 32");
  }
  // Meanwhile the corpus lives on: a document changes, and its new vectors are of no use any more.
  {
    ASSERT_OK_AND_ASSIGN(auto writer,
                         CorpusWriter::Open(folder_.path(), "docs", SettingsFor(before_)));
    ASSERT_OK(writer->Put(DocumentOf(before_, 0), "other settings"));
    ASSERT_OK(writer->Publish());
  }
  {
    ASSERT_OK_AND_ASSIGN(auto writer, OpenToReembed(after_));
    EXPECT_EQ(writer->Unembedded()->size(), 8u);
    EXPECT_FALSE(writer->Lookup("d0").value()->embedded);
    EXPECT_TRUE(writer->Lookup("d1").value()->embedded);
    ASSERT_OK(EmbedSome(*writer, after_, 100));
    ASSERT_OK_AND_ASSIGN(const auto passages, Ask(*backend, "words of number3", 30));
    EXPECT_EQ(IdsOf(passages), IdsOf(old_passages));
    ASSERT_OK(writer->Publish());
  }
  EXPECT_EQ(corpus->EmbedderSha256().value(), after_.model_sha256());
  EXPECT_EQ(corpus->Info().width, 32);
  EXPECT_THAT(corpus->Verify(nullptr).value(), IsEmpty());
  // Who still holds the old embedder is served from the last generation of it.
  ASSERT_OK_AND_ASSIGN(const auto late, Ask(*backend, "words of number3", 30));
  EXPECT_EQ(IdsOf(late), IdsOf(old_passages));
  // But not who comes new.
  EXPECT_STATUS(MakeLocalRetriever(corpus, &before_), kFailedPrecondition, "--embedder");

  // As if it had been indexed with the new one.
  for (const Asker& asker : {Asker(), Asker{{"user:ann"}}}) {
    ASSERT_OK_AND_ASSIGN(const auto here, testing::AskCorpus(folder_.path(), "docs", after_,
                                                             "words of number3", 30, asker));
    ASSERT_OK_AND_ASSIGN(const auto there, testing::AskCorpus(folder_.path(), "expected", after_,
                                                              "words of number3", 30, asker));
    ASSERT_EQ(IdsOf(here), IdsOf(there));
    for (size_t i = 0; i < here.size(); ++i) EXPECT_EQ(here[i].score, there[i].score);
  }
  EXPECT_STATUS(CorpusWriter::Open(folder_.path(), "docs", SettingsFor(before_)),
                kFailedPrecondition, "reembed");

  // Back, and erased there, too.
  ASSERT_OK(EraseDocument(folder_.path(), "docs", "d7"));
  ASSERT_OK(RollbackCorpus(folder_.path(), "docs", 0));
  EXPECT_EQ(corpus->Info().generation, old_generation + 1);
  EXPECT_EQ(corpus->Info().width, 64);
  EXPECT_THAT(corpus->Verify(nullptr).value(), IsEmpty());
  ASSERT_OK_AND_ASSIGN(const auto back, Ask(*backend, "words of number3", 30));
  EXPECT_EQ(back.size(), old_passages.size() - 2);
  ASSERT_OK_AND_ASSIGN(auto writer,
                       CorpusWriter::Open(folder_.path(), "docs", SettingsFor(before_)));
  ASSERT_OK(writer->Put(DocumentOf(before_, 20), "f"));
  ASSERT_OK(writer->Publish());
  EXPECT_THAT(corpus->Verify(nullptr).value(), IsEmpty());
}

TEST_F(ReembedTest, AnotherNewEmbedderBeginsAnew) {
  Build("docs", before_);
  {
    ASSERT_OK_AND_ASSIGN(auto writer, OpenToReembed(after_));
    ASSERT_OK(EmbedSome(*writer, after_, 4));
  }
  const FakeEmbedder third(32, 9);
  ASSERT_OK_AND_ASSIGN(auto writer, OpenToReembed(third));
  EXPECT_EQ(writer->Unembedded()->size(), kDocuments - 1u);
  EXPECT_STATUS(CorpusWriter::OpenToReembed(folder_.path(), "nothing", SettingsFor(after_)),
                kNotFound, "docs");
}

}  // namespace
}  // namespace footnote::retriever
