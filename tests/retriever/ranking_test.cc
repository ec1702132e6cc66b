// What ranks besides the two lists: sentences, titles, the conversation, repeated words.
#include <gmock/gmock.h>

#include <cmath>

#include "retriever/storage/sentence_vectors.h"
#include "tests/retriever/corpus_builder.h"

namespace footnote::retriever {
namespace {

using ::testing::ElementsAre;
using testing::FakeEmbedder;
using testing::IdsOf;
using ::testing::IsEmpty;
using testing::MakeDocument;
using testing::SettingsFor;
using ::testing::SizeIs;
using testing::TempDir;
using ::testing::UnorderedElementsAre;

ChunkSentences SentencesOf(const Embedder& embedder, const std::string& text,
                           const std::vector<ByteSpan>& spans) {
  ChunkSentences sentences;
  sentences.spans = spans;
  for (const ByteSpan& span : spans) {
    const std::string piece = text.substr(span.start, span.size());
    const std::string_view view = piece;
    const auto made = embedder.Embed(std::span(&view, 1), TextRole::kPassage, CallContext());
    for (const float value : made->values) {
      sentences.values.push_back(static_cast<int8_t>(value * 127));
    }
  }
  return sentences;
}

TEST(SentenceVectorsTest, ComeBackAsTheyWereStored) {
  const ChunkSentences sentences{{{2, 5}, {5, 300}, {310, 311}}, {1, -2, 127, -127, 0, 3}};
  const std::string bytes = EncodeSentences(sentences);
  ASSERT_OK_AND_ASSIGN(const ChunkSentences read, DecodeSentences(bytes, 2));
  EXPECT_EQ(read.spans, sentences.spans);
  EXPECT_EQ(read.values, sentences.values);
  EXPECT_EQ(EncodeSentences({}), "");
  ASSERT_OK_AND_ASSIGN(const ChunkSentences none, DecodeSentences("", 2));
  EXPECT_THAT(none.spans, IsEmpty());
  // Cut short, too long, or of another width.
  for (size_t size = 1; size < bytes.size(); ++size) {
    EXPECT_STATUS(DecodeSentences(bytes.substr(0, size), 2), kDataLoss, "damaged");
  }
  EXPECT_STATUS(DecodeSentences(bytes + "x", 2), kDataLoss, "damaged");
  EXPECT_STATUS(DecodeSentences(bytes, 3), kDataLoss, "damaged");
}

TEST(SentenceVectorsTest, TheNearestIsByDirectionNotByLength) {
  const ChunkSentences sentences{{{0, 1}, {1, 2}, {2, 3}}, {127, 127, 10, 1, 0, 0}};
  const std::vector<float> query = {1, 0};
  const NearestSentence nearest = FindNearestSentence(sentences, query);
  EXPECT_EQ(nearest.index, 1u);
  EXPECT_NEAR(nearest.cosine, 10 / std::sqrt(101.0), 1e-6);
}

class RankingTest : public ::testing::Test {
 protected:
  void Open(const std::vector<IndexedDocument>& documents) {
    ASSERT_OK_AND_ASSIGN(auto writer,
                         CorpusWriter::Open(folder_.path(), "docs", SettingsFor(embedder_)));
    for (const IndexedDocument& document : documents) ASSERT_OK(writer->Put(document, ""));
    ASSERT_OK(writer->Publish());
    ASSERT_OK_AND_ASSIGN(corpus_, Corpus::Open(folder_.path(), "docs"));
    ASSERT_OK_AND_ASSIGN(backend_, MakeLocalRetriever(corpus_, &embedder_));
  }

  std::vector<Passage> Ask(const RetrievalRequest& request) {
    auto result = backend_->Retrieve(request, CallContext());
    EXPECT_OK(result.status());
    return result.ok() ? result->passages : std::vector<Passage>();
  }

  TempDir folder_;
  FakeEmbedder embedder_;
  std::shared_ptr<Corpus> corpus_;
  std::unique_ptr<RetrievalBackend> backend_;
};

TEST_F(RankingTest, OneSentenceThatSaysItBeatsAChunkThatTouchesIt) {
  const std::string says = "unrelated opening words here. pumps fail when valves leak. closing.";
  const std::string touches = "pumps and valves leak in many places. more about plants and soil.";
  IndexedDocument a = MakeDocument(embedder_, "says", says);
  IndexedDocument b = MakeDocument(embedder_, "touches", touches);
  a.sentences = {SentencesOf(embedder_, says, {{0, 29}, {30, 58}, {59, 67}})};
  b.sentences = {SentencesOf(embedder_, touches, {{0, 37}, {38, 65}})};
  Open({a, b});
  RetrievalRequest request;
  request.query = "pumps fail when valves leak";
  request.off = kWithoutTitles;
  const std::vector<Passage> with = Ask(request);
  request.off |= kWithoutSentences;
  const std::vector<Passage> without = Ask(request);
  ASSERT_THAT(with, SizeIs(2));
  ASSERT_THAT(without, SizeIs(2));
  EXPECT_EQ(with[0].document_id, "says");
  // Further ahead than without them.
  EXPECT_GT(with[0].score - with[1].score, without[0].score - without[1].score + 0.05);
}

TEST_F(RankingTest, SentencesOutsideTheirChunkAreRefused) {
  IndexedDocument document = MakeDocument(embedder_, "d", "One. Two.");
  document.sentences = {SentencesOf(embedder_, "One. Two.", {{0, 4}, {5, 9}})};
  document.sentences[0].spans[1].end = 10;
  ASSERT_OK_AND_ASSIGN(auto writer,
                       CorpusWriter::Open(folder_.path(), "docs", SettingsFor(embedder_)));
  EXPECT_STATUS(writer->Put(document, ""), kInvalidArgument, "outside its chunk");
  document.sentences[0].spans[1].end = 9;
  document.sentences[0].values.pop_back();
  EXPECT_STATUS(writer->Put(document, ""), kInvalidArgument, "one vector for each sentence");
  document.sentences.emplace_back();
  EXPECT_STATUS(writer->Put(document, ""), kInvalidArgument, "for each chunk");
}

TEST_F(RankingTest, ADocumentThatTheQuestionNamesComesFirst) {
  std::vector<IndexedDocument> documents;
  for (const char* name : {"acme", "bolt", "corp"}) {
    documents.push_back(MakeDocument(embedder_, name, "The notice period is thirty days.\n\nPay."));
    documents.back().document.title = std::string(name) + " lease";
  }
  Open(documents);
  RetrievalRequest request;
  request.query = "What is the notice period in the lease of Bolt?";
  const std::vector<Passage> passages = Ask(request);
  ASSERT_FALSE(passages.empty());
  EXPECT_EQ(passages[0].document_id, "bolt");
  EXPECT_EQ(passages[0].title, "bolt lease");
  // Further ahead of the next than its words alone bring it.
  const double ahead = passages[0].score - passages[1].score;
  request.off = kWithoutTitles;
  const std::vector<Passage> by_words = Ask(request);
  EXPECT_GT(ahead, by_words[0].score - by_words[1].score + 0.02);
}

TEST_F(RankingTest, AFollowUpIsUnderstoodFromTheAnswerBefore) {
  Open({MakeDocument(embedder_, "one", "Aspirin: four grams. The limit of a dose."),
        MakeDocument(embedder_, "two", "Ibuprofen: two grams. The limit of a dose.")});
  RetrievalRequest request;
  request.query = "limit of a dose";
  request.top_k = 1;
  const auto first_after = [&](const std::string& answer) {
    request.history = {{"user", "What helps against pain?"}, {"assistant", answer}};
    return IdsOf(Ask(request)).at(0);
  };
  EXPECT_EQ(first_after("Aspirin helps."), "one");
  EXPECT_EQ(first_after("Ibuprofen helps."), "two");
  request.off = kWithoutConversation;
  EXPECT_EQ(first_after("Aspirin helps."), first_after("Ibuprofen helps."));
}

TEST_F(RankingTest, WhatSeveralPlacesSayIsOnePassageThatNamesThemAll) {
  const std::string boilerplate = "This agreement is governed by the laws of the State.";
  Open({MakeDocument(embedder_, "a", boilerplate + "\n\nRent is due."),
        MakeDocument(embedder_, "b", "Wages are due.\n\n" + boilerplate),
        MakeDocument(embedder_, "c", "THIS AGREEMENT is governed by the laws\nof the State!"),
        MakeDocument(embedder_, "d", "Fees are due by law of the State.")});
  RetrievalRequest request;
  request.query = "which laws govern the agreement";
  request.top_k = 3;
  const std::vector<Passage> passages = Ask(request);
  ASSERT_THAT(passages, SizeIs(3));
  std::vector<std::string> places = {passages[0].document_id};
  for (const PassagePlace& place : passages[0].also_in) places.push_back(place.document_id);
  EXPECT_THAT(places, UnorderedElementsAre("a", "b", "c"));
  for (size_t i = 1; i < 3; ++i) {
    EXPECT_EQ(passages[i].text.find("governed"), std::string::npos) << passages[i].text;
  }
  // Never fewer than there are: the copies fill a list that nothing else fills.
  request.top_k = 100;
  EXPECT_THAT(Ask(request), SizeIs(6));
}

TEST_F(RankingTest, PlacesThatTheAskerMayNotSeeAreNotNamed) {
  const std::string text = "The merger closes in May.";
  AccessList for_ann;
  for_ann.allow = {"user:ann"};
  AccessList for_bob;
  for_bob.allow = {"user:bob"};
  Open({MakeDocument(embedder_, "mine", text, {}, for_ann),
        MakeDocument(embedder_, "his", text, {}, for_bob)});
  RetrievalRequest request;
  request.query = "when does the merger close";
  request.asker.principals = {"user:ann"};
  const std::vector<Passage> passages = Ask(request);
  EXPECT_THAT(IdsOf(passages), ElementsAre("mine"));
  EXPECT_THAT(passages[0].also_in, IsEmpty());
}

TEST_F(RankingTest, WithinADocumentWhatNamesItIsNotLookedFor) {
  Open({MakeDocument(embedder_, "lease",
                     "Title of lease between Alfa and Beta, the parties to it.\n\n"
                     "Repairs are paid by Beta within a month.\n\nRent is due in May.")});
  RetrievalRequest request;
  request.query = "Consider the \"Title of lease\" between Alfa and Beta. Who pays for repairs?";
  request.scope_document_id = "lease";
  request.top_k = 1;
  request.off = kWithoutJoining;
  EXPECT_EQ(Ask(request).at(0).text, "Repairs are paid by Beta within a month.");
  request.off = kWithoutJoining | kWithoutNaming;
  EXPECT_NE(Ask(request).at(0).text, "Repairs are paid by Beta within a month.");
}

TEST_F(RankingTest, AQuotedTitleIsNoPhraseThatPassagesMustHold) {
  Open({MakeDocument(embedder_, "lease", "Title of lease of a house.\n\nRepairs: Beta pays them."),
        MakeDocument(embedder_, "other", "The phrase of lease is nothing.\n\nRent is due.")});
  RetrievalRequest request;
  request.query = "Who pays for repairs by \"Title of lease\"?";
  EXPECT_EQ(Ask(request).at(0).text, "Repairs: Beta pays them.");
  request.query = "Who pays for repairs by \"phrase of lease\"?";
  EXPECT_EQ(Ask(request).at(0).document_id, "other");
}

class JoiningTest : public RankingTest {
 protected:
  // Twelve chunks of some 400 bytes, more than a list of three may hold; each third one says
  // something of dogs.
  void SetUp() override {
    for (int i = 0; i < 12; ++i) {
      text_ += i == 0 ? "" : "\n\n";
      text_ += "Rule " + std::to_string(i) + ". " + (i % 6 < 2 ? "Dogs bark in the garden. " : "");
      for (int w = 0; w < 50; ++w) text_ += "word" + std::to_string(i * 50 + w) + " ";
    }
    Open({MakeDocument(embedder_, "rules", text_)});
    request_.query = "dogs that bark in the garden";
    request_.top_k = 3;
  }

  std::string text_;
  RetrievalRequest request_;
};

TEST_F(JoiningTest, ChunksThatFollowEachOtherAreOnePassageOfTheDocumentsBytes) {
  const std::vector<Passage> passages = Ask(request_);
  ASSERT_THAT(passages, SizeIs(3));
  size_t joined = 0;
  size_t bytes = 0;
  for (const Passage& passage : passages) {
    EXPECT_EQ(passage.text, text_.substr(passage.span.start, passage.span.size()));
    bytes += passage.text.size();
    if (passage.text.find("\n\n") != std::string::npos) ++joined;
    // It begins on the page of its first chunk: each paragraph is one.
    const std::string before = text_.substr(0, passage.span.start);
    size_t paragraphs = 0;
    for (size_t at = before.find("\n\n"); at != std::string::npos; at = before.find("\n\n", at + 1))
      ++paragraphs;
    EXPECT_EQ(passage.page, static_cast<int>(paragraphs) + 1);
  }
  EXPECT_GE(joined, 2u);
  EXPECT_LE(bytes, 3 * 1090u);
  // Rules 0 and 1, 6 and 7 speak of dogs.
  std::string front = passages[0].text + passages[1].text;
  for (const char* rule : {"Rule 0.", "Rule 1.", "Rule 6.", "Rule 7."}) {
    EXPECT_NE(front.find(rule), std::string::npos) << rule;
  }
  request_.off = kWithoutJoining;
  for (const Passage& passage : Ask(request_)) {
    EXPECT_EQ(passage.text.find("\n\n"), std::string::npos);
  }
}

TEST_F(JoiningTest, NothingIsReturnedTwiceAndNothingIsMissing) {
  for (int top_k = 1; top_k <= 14; ++top_k) {
    request_.top_k = top_k;
    const std::vector<Passage> passages = Ask(request_);
    EXPECT_THAT(passages, SizeIs(std::min(top_k, 12))) << top_k;
    std::vector<bool> seen(text_.size());
    for (const Passage& passage : passages) {
      for (size_t i = passage.span.start; i < passage.span.end; ++i) {
        EXPECT_FALSE(seen[i]) << top_k;
        seen[i] = true;
      }
    }
  }
}

TEST_F(JoiningTest, ChunksThatSayTheSameAreNotJoined) {
  std::string same;
  for (int i = 0; i < 301; ++i) same += (i == 0 ? "" : "\n\n") + std::string("Dogs bark.");
  Open({MakeDocument(embedder_, "a", same), MakeDocument(embedder_, "b", "Dogs sleep.")});
  request_.query = "dogs bark";
  request_.top_k = 2;
  const std::vector<Passage> passages = Ask(request_);
  EXPECT_THAT(IdsOf(passages), ElementsAre("a", "b"));
  EXPECT_EQ(passages[0].text, "Dogs bark.");
}

TEST_F(JoiningTest, WithinADocumentAChunkBesideGoodOnesIsBetterThanOneAlone) {
  // "Nothing" is as far from the question everywhere.
  Open({MakeDocument(embedder_, "a",
                     "Nothing one.\n\nDogs bark.\n\nNothing two.\n\nDogs bark loud.\n\n"
                     "Cats.\n\nNothing three.\n\nBirds.\n\nFish.")});
  request_.query = "dogs bark nothing";
  request_.scope_document_id = "a";
  request_.off = kWithoutJoining;
  request_.top_k = 3;
  const auto texts = [&] {
    std::vector<std::string> found;
    for (const Passage& passage : Ask(request_)) found.push_back(passage.text);
    return found;
  };
  EXPECT_THAT(texts(), UnorderedElementsAre("Dogs bark.", "Dogs bark loud.", "Nothing two."));
}

}  // namespace
}  // namespace footnote::retriever
