// Judged answers: what is read from a set, and what can be said of them without understanding.
#include "server/eval/grounding_set.h"

#include <gtest/gtest.h>

#include <fstream>

#include "server/eval/grounding_baselines.h"
#include "tests/testing/fake_embedder.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace footnote::server {
namespace {

class GroundingSetTest : public ::testing::Test {
 protected:
  void Write(const std::string& name, const std::string& text) {
    std::ofstream(dir_ / name, std::ios::binary) << text;
  }

  void SetUp() override {
    Write("corpus.jsonl",
          "{\"_id\":\"a\",\"title\":\"Café\",\"text\":\"It opens at nine.\"}\n"
          "{\"_id\":\"b\",\"title\":\"\",\"text\":\"Dogs may come in.\"}\n");
  }

  testing::TempDir dir_;
};

TEST_F(GroundingSetTest, MarksAreCharactersAndBecomeBytes) {
  Write("responses.jsonl",
        "{\"response_id\":\"r\",\"query_id\":\"q\",\"response\":\"Café nine. Closed.\","
        "\"label\":\"unsupported\",\"doc_ids\":[\"b\",\"a\"],\"spans\":[{\"start\":11,\"end\":17,"
        "\"label\":\"Evident Conflict\"}]}\n");
  ASSERT_OK_AND_ASSIGN(const GroundingSet set, LoadGroundingSet(dir_.path()));
  ASSERT_EQ(set.responses.size(), 1u);
  const JudgedResponse& response = set.responses[0];
  EXPECT_EQ(response.judgement, Judgement::kUnsupported);
  ASSERT_EQ(response.unsupported.size(), 1u);
  EXPECT_EQ(response.text.substr(response.unsupported[0].start, response.unsupported[0].size()),
            "Closed");
  EXPECT_EQ(JudgementOf(response, {0, 11}), Judgement::kSupported);
  EXPECT_EQ(JudgementOf(response, {12, 19}), Judgement::kUnsupported);
  const std::vector<Passage> documents = set.DocumentsOf(response);
  ASSERT_EQ(documents.size(), 2u);
  EXPECT_EQ(documents[0].document_id, "b");
  EXPECT_EQ(documents[1].title, "Café");
}

TEST_F(GroundingSetTest, DoubtAndPraiseAreNoFaults) {
  const std::string head =
      "{\"response_id\":\"r\",\"response\":\"One. Two.\",\"doc_ids\":[\"a\"],\"label\":";
  const std::string mark = ",\"spans\":[{\"start\":0,\"end\":4,\"label\":[";
  Write("responses.jsonl", head + "\"supported\"" + mark + "\"Benign\"]}]}\n" + head +
                               "\"unsupported\"" + mark + "\"Questionable\",\"Benign\"]}]}\n" +
                               head + "\"unsupported\"" + mark +
                               "\"Questionable\",\"Unwanted\"]}]}\n" + head + "\"partial\"}\n");
  ASSERT_OK_AND_ASSIGN(const GroundingSet set, LoadGroundingSet(dir_.path()));
  ASSERT_EQ(set.responses.size(), 4u);
  EXPECT_EQ(JudgementOf(set.responses[0], {0, 4}), Judgement::kSupported);
  EXPECT_EQ(JudgementOf(set.responses[1], {0, 4}), Judgement::kUnknown);
  EXPECT_EQ(JudgementOf(set.responses[1], {5, 9}), Judgement::kUnknown);
  EXPECT_EQ(JudgementOf(set.responses[2], {0, 4}), Judgement::kUnsupported);
  EXPECT_EQ(set.responses[3].judgement, Judgement::kUnknown);
  EXPECT_EQ(set.responses[3].query_id, "r");
}

TEST_F(GroundingSetTest, MistakesAreNamedWithTheirLine) {
  EXPECT_STATUS(LoadGroundingSet(dir_.path()), kNotFound, "responses.jsonl");
  Write("responses.jsonl", "{\"response_id\":\"r\"}\n");
  EXPECT_STATUS(LoadGroundingSet(dir_.path()), kInvalidArgument, "line 1");
  Write("responses.jsonl", "\n{\"response_id\":\"r\",\"response\":\"x\",\"doc_ids\":[\"z\"]}\n");
  EXPECT_STATUS(LoadGroundingSet(dir_.path()), kInvalidArgument, "line 2: the document \"z\"");
}

TEST_F(GroundingSetTest, OverlapIsTheShareOfWordsThatTheDocumentsHold) {
  Passage document;
  document.document_id = "d";
  document.title = "Opening hours";
  document.text = "The café opens at nine, except on Sundays.";
  EXPECT_DOUBLE_EQ(WordOverlap("It opens at NINE on Sundays.", {document}), 1.0);
  EXPECT_DOUBLE_EQ(WordOverlap("Opening: ten", {document}), 0.5);
  EXPECT_DOUBLE_EQ(WordOverlap("It is not.", {document}), 1.0) << "function words alone";
  EXPECT_DOUBLE_EQ(WordOverlap("nine", {}), 0.0);
}

TEST_F(GroundingSetTest, TheBestWindowCounts) {
  const testing::FakeEmbedder embedder;
  Passage document;
  document.document_id = "d";
  for (int i = 0; i < 200; ++i) document.text += "filler" + std::to_string(i) + " ";
  document.text += "the café opens at nine";
  WindowSimilarity windows(&embedder);
  ASSERT_OK_AND_ASSIGN(const double there,
                       windows.Of("filler160 filler170 café nine", {document}, {}));
  ASSERT_OK_AND_ASSIGN(const double not_there, windows.Of("dogs may come in", {document}, {}));
  EXPECT_GT(there, 0.2);
  EXPECT_LT(not_there, there);
  ASSERT_OK_AND_ASSIGN(const double none, windows.Of("x", {}, {}));
  EXPECT_EQ(none, -1);
}

}  // namespace
}  // namespace footnote::server
