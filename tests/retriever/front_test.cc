// Questions about a document as a whole, and where the retriever looks for their answer.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retriever/text/whole_document.h"
#include "tests/retriever/corpus_builder.h"

namespace footnote::retriever {
namespace {

using testing::AskCorpus;
using testing::FakeEmbedder;
using testing::MakeDocument;
using testing::SettingsFor;
using testing::TempDir;

bool IsAsked(std::string_view question) {
  const auto analyzer = Analyzer::Make("english");
  return AsksAboutWholeDocument(question, **analyzer);
}

TEST(WholeDocumentTest, ItsDatePartiesAuthorsAndTitle) {
  for (const char* question :
       {"What is the date of the contract?", "On what date does the contract become effective?",
        "Who are the parties to this agreement?", "WHO SIGNED IT?", "When was the lease signed?",
        "What's the title?", "Who wrote the report and when was it published?",
        "When did the policy come into force and what is its version?"}) {
    EXPECT_TRUE(IsAsked(question)) << question;
  }
}

TEST(WholeDocumentTest, WhatAsksForMoreIsAboutItsContents) {
  for (const char* question :
       {"On what date does the initial term expire?", "When does the warranty become effective?",
        "Who are the parties' insurers?", "What is the effective date of termination?",
        "What is the date of the contract of 1999?", "Does the contract take force?",
        "Was ist das Datum des Vertrags?", "\xD0\x9A\xD1\x82\xD0\xBE signed it?", "What is it?",
        "the contract", ""}) {
    EXPECT_FALSE(IsAsked(question)) << question;
  }
}

class FrontTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(auto writer, CorpusWriter::Open(root_.path(), "c", settings_));
    // The clauses say "date" and "agreement" more often than the front does.
    std::string lease =
        "Between Alfa Corporation and Beta Limited\n\nMade on 3 May 2019 as follows";
    for (int i = 0; i < 30; ++i) {
      lease += "\n\nThe date of the agreement is the date of the date agreement number " +
               std::to_string(i);
    }
    ASSERT_OK(writer->Put(MakeDocument(embedder_, "lease", lease), "f"));
    ASSERT_OK(writer->Put(MakeDocument(embedder_, "other", "Front of another\n\nThe date"), "f"));
    ASSERT_OK(writer->Publish());
    ASSERT_OK_AND_ASSIGN(corpus_, Corpus::Open(root_.path(), "c"));
    ASSERT_OK_AND_ASSIGN(backend_, MakeLocalRetriever(corpus_, &embedder_));
  }

  StatusOr<std::vector<Passage>> Ask(const std::string& query, uint32_t off = kWithoutJoining) {
    RetrievalRequest request;
    request.query = query;
    request.scope_document_id = "lease";
    request.top_k = 5;
    request.off = off;
    FOOTNOTE_ASSIGN_OR_RETURN(RetrievalResult result, backend_->Retrieve(request, CallContext()));
    return std::move(result.passages);
  }

  TempDir root_;
  FakeEmbedder embedder_{8};
  CorpusSettings settings_ = SettingsFor(embedder_);
  std::shared_ptr<Corpus> corpus_;
  std::unique_ptr<RetrievalBackend> backend_;
};

std::vector<std::string> ChunksOf(const std::vector<Passage>& passages) {
  std::vector<std::string> ids;
  for (const Passage& passage : passages) ids.push_back(passage.chunk_id);
  return ids;
}

TEST_F(FrontTest, TheFrontLeadsInOrderWithScoresBetweenZeroAndOne) {
  ASSERT_OK_AND_ASSIGN(const auto passages, Ask("What is the date of the agreement?"));
  ASSERT_EQ(passages.size(), 5u);
  EXPECT_EQ(passages[0].chunk_id, "lease#0");
  EXPECT_EQ(passages[1].chunk_id, "lease#1");
  for (size_t i = 0; i < passages.size(); ++i) {
    EXPECT_GE(passages[i].score, 0);
    EXPECT_LE(passages[i].score, 1);
    if (i > 0) EXPECT_LE(passages[i].score, passages[i - 1].score);
  }
}

TEST_F(FrontTest, OtherQuestionsAndTheAblationLeaveTheOrderAlone) {
  ASSERT_OK_AND_ASSIGN(const auto other, Ask("What date has the agreement number 7?"));
  EXPECT_NE(other[0].chunk_id, "lease#0");
  ASSERT_OK_AND_ASSIGN(const auto without,
                       Ask("What is the date of the agreement?", kWithoutJoining | kWithoutFront));
  EXPECT_THAT(ChunksOf(without), ::testing::Not(::testing::Contains("lease#0")));
}

}  // namespace
}  // namespace footnote::retriever
