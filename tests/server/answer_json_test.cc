#include "server/answer_json.h"

#include <gtest/gtest.h>

#include "tests/testing/status_matchers.h"

namespace footnote::server {
namespace {

Answer SampleAnswer() {
  Answer answer;
  answer.text = "It is due.";
  answer.answerability = 0.8;
  answer.grounding_score = 0.93333333;
  answer.sentences = {{"It is due.", {0, 10}, 0.93333333, SentenceOrigin::kQuoted, {1}}};
  Citation citation;
  citation.number = 1;
  citation.document_id = "a";
  citation.quote = "It is due.";
  answer.citations = {citation};
  answer.record.generation = 3;
  answer.record.seed = 18446744073709551615u;
  answer.record.isa = "avx2";
  answer.record.precision = "fast";
  answer.record.reranker_sha256 = "ce";
  answer.record.risk = RiskSetting::kStrict;
  answer.record.prompt_time = "2026-05-12T09:30:00";
  answer.record.max_answer_tokens = 96;
  return answer;
}

// The contract's fields, by name: a program that reads them must never find one gone.
TEST(AnswerJson, HasEveryFieldOfTheContract) {
  const nlohmann::ordered_json json = ToJson(SampleAnswer());
  for (const char* field : {"answer", "abstained", "reason", "answerability", "grounding_score",
                            "passages", "sentences", "citations", "verdict", "conflicts", "notes",
                            "record", "tokens", "timings_ms"}) {
    EXPECT_TRUE(json.contains(field)) << field;
  }
  for (const char* field : {"text", "start_byte", "end_byte", "support", "origin", "citations"}) {
    EXPECT_TRUE(json["sentences"][0].contains(field)) << field;
  }
  for (const char* field : {"number", "document_id", "version", "title", "start_byte", "end_byte",
                            "quote", "content_sha256", "score"}) {
    EXPECT_TRUE(json["citations"][0].contains(field)) << field;
  }
  for (const char* field : {"generation", "model_sha256", "embedder_sha256", "prompt_sha256",
                            "seed", "isa", "precision", "engine_version", "risk", "reranker_sha256",
                            "prompt_time", "max_answer_tokens"}) {
    EXPECT_TRUE(json["record"].contains(field)) << field;
  }
  for (const char* field : {"retrieve", "prefill", "decode", "verify", "total"})
    EXPECT_TRUE(json["timings_ms"].contains(field)) << field;
  EXPECT_EQ(json["sentences"][0]["origin"], "quoted");
}

TEST(AnswerJson, ARecordIsReadBackFromTheWholeAnswerOrAlone) {
  const nlohmann::ordered_json json = ToJson(SampleAnswer());
  for (const std::string& text : {json.dump(), json["record"].dump()}) {
    ASSERT_OK_AND_ASSIGN(const AnswerRecord record, RecordFromJson(text));
    EXPECT_EQ(record.generation, 3u);
    EXPECT_EQ(record.seed, 18446744073709551615u);
    EXPECT_EQ(record.isa, "avx2");
    EXPECT_EQ(record.risk, RiskSetting::kStrict);
    EXPECT_EQ(record.reranker_sha256, "ce");
    EXPECT_EQ(record.prompt_time, "2026-05-12T09:30:00");
    EXPECT_EQ(record.max_answer_tokens, 96);
  }
  // As builds before rerankers wrote it.
  nlohmann::ordered_json old = json["record"];
  for (const char* field : {"reranker_sha256", "prompt_time", "max_answer_tokens"}) {
    old.erase(field);
  }
  ASSERT_OK_AND_ASSIGN(const AnswerRecord record, RecordFromJson(old.dump()));
  EXPECT_EQ(record.reranker_sha256, "");
  old["reranker_sha256"] = 7;
  EXPECT_STATUS(RecordFromJson(old.dump()), kInvalidArgument, "reranker_sha256");
}

TEST(AnswerJson, AnEarlierAnswersCitationsAreReadBack) {
  const nlohmann::ordered_json answer = ToJson(SampleAnswer());
  nlohmann::json turns = nlohmann::json::array();
  turns.push_back({{"role", "user"}, {"content", "When?"}});
  turns.push_back(
      {{"role", "assistant"}, {"content", answer["answer"]}, {"citations", answer["citations"]}});
  ASSERT_OK_AND_ASSIGN(const auto history, HistoryFromJson(turns));
  ASSERT_EQ(history[1].citations.size(), 1u);
  EXPECT_EQ(history[1].citations[0].number, 1);
  EXPECT_EQ(history[1].citations[0].document_id, "a");
  EXPECT_TRUE(history[0].citations.empty());
  turns[1]["citations"][0].erase("start_byte");
  EXPECT_STATUS(HistoryFromJson(turns), kInvalidArgument, "turn 2 of the history");
  turns[1]["citations"] = "none";
  EXPECT_STATUS(HistoryFromJson(turns), kInvalidArgument, "citations");
}

TEST(AnswerJson, ADamagedRecordNamesTheField) {
  nlohmann::ordered_json json = ToJson(SampleAnswer())["record"];
  json["seed"] = "seven";
  EXPECT_STATUS(RecordFromJson(json.dump()), kInvalidArgument, "\"seed\"");
  EXPECT_STATUS(RecordFromJson("[]"), kInvalidArgument, "not a JSON object");
  EXPECT_STATUS(RecordFromJson("{"), kInvalidArgument, "not a JSON object");
}

TEST(AnswerJson, HistoryNamesTheTurn) {
  EXPECT_STATUS(HistoryFromJson(nlohmann::json::parse(
                    R"([{"role":"user","content":"a"},{"role":"system","content":"b"}])")),
                kInvalidArgument, "turn 2");
  ASSERT_OK_AND_ASSIGN(const auto history,
                       HistoryFromJson(nlohmann::json::parse(R"([{"role":"user","text":"a"}])")));
  EXPECT_EQ(history[0].content, "a");
}

}  // namespace
}  // namespace footnote::server
