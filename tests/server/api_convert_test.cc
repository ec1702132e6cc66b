#include "server/api_convert.h"

#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include <set>

#include "server/answer_json.h"

namespace footnote::server {
namespace {

Passage FullPassage() {
  Passage passage;
  passage.document_id = "lease.md";
  passage.version = "aa";
  passage.title = "Lease";
  passage.chunk_id = "c1";
  passage.score = 0.9;
  passage.dense_score = -0.25;
  passage.lexical_score = 12.5;
  passage.sentence_score = 0.375;
  passage.span = {10, 4000000000};
  passage.text = "Rent.";
  passage.heading_path = {"Lease", "Rent"};
  passage.clause = "7.3";
  passage.page = 3;
  passage.also_in = {{"copy.md", "cc", "Copy", {7, 9}}};
  return passage;
}

// Every field differs from its default, so that one that is forgotten shows.
Answer FullAnswer() {
  Answer answer;
  answer.text = "Rent is due.";
  answer.abstained = true;
  answer.reason = AbstainReason::kLowGrounding;
  answer.answerability = 0.5;
  answer.grounding_score = 0.75;
  answer.passages = {FullPassage(), FullPassage()};
  answer.sentences = {{"Rent is due.", {0, 12}, 0.8, SentenceOrigin::kQuoted, {1, 2}},
                      {"Yes.", {13, 17}, 0.7, SentenceOrigin::kRegenerated, {}}};
  Citation citation;
  citation.number = 1;
  citation.document_id = "lease.md";
  citation.version = "aa";
  citation.title = "Lease";
  citation.span = {10, 15};
  citation.quote = "Rent.";
  citation.content_sha256 = "bb";
  citation.score = 0.8;
  answer.citations = {citation};
  answer.record.corpus = "legal";
  answer.record.generation = 3;
  answer.record.model_sha256 = "m";
  answer.record.embedder_sha256 = "e";
  answer.record.prompt_sha256 = "p";
  answer.record.reranker_sha256 = "r";
  answer.record.seed = uint64_t{1} << 63;
  answer.record.isa = "avx2";
  answer.record.precision = "fast";
  answer.record.engine_version = "0.1";
  answer.record.risk = RiskSetting::kStrict;
  answer.record.prompt_time = "2026-05-12T09:30:00";
  answer.record.max_answer_tokens = 96;
  answer.verdict = Verdict::kNo;
  answer.conflicts = {{{1, 2}, "number"}};
  answer.notes = {"The documents differ."};
  answer.tokens = {100, 20, 30};
  answer.timings = {1, 2, 3, 4, 5, 6};
  return answer;
}

bool Same(const google::protobuf::Message& a, const google::protobuf::Message& b) {
  return google::protobuf::util::MessageDifferencer::Equals(a, b);
}

// Sub-messages with a field at its default, by name; repeated fields must not be empty.
void ExpectEveryFieldSet(const google::protobuf::Message& message,
                         const std::set<std::string>& except) {
  const auto& reflection = *message.GetReflection();
  for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
    const auto* field = message.GetDescriptor()->field(i);
    if (except.count(field->full_name()) != 0) continue;
    if (field->is_repeated()) {
      EXPECT_GT(reflection.FieldSize(message, field), 0) << field->full_name();
    } else {
      EXPECT_TRUE(reflection.HasField(message, field)) << field->full_name();
    }
    if (field->cpp_type() != google::protobuf::FieldDescriptor::CPPTYPE_MESSAGE) continue;
    if (field->is_repeated()) {
      ExpectEveryFieldSet(reflection.GetRepeatedMessage(message, field, 0), except);
    } else {
      ExpectEveryFieldSet(reflection.GetMessage(message, field), except);
    }
  }
}

TEST(ApiConvert, AnswerFillsEveryFieldButThePassagesText) {
  const v1::Answer message = ToProto(FullAnswer());
  // The first sentence starts at 0.
  ExpectEveryFieldSet(message, {"footnote.v1.Passage.text", "footnote.v1.Sentence.start_byte"});
  EXPECT_EQ(message.passages(1).number(), 2);
  EXPECT_TRUE(message.passages(0).text().empty());
}

TEST(ApiConvert, AnswerSurvivesTheRoundTrip) {
  const Answer answer = FullAnswer();
  const v1::Answer message = ToProto(answer);
  EXPECT_TRUE(Same(ToProto(FromProto(message)), message));
  // What `footnote ask --json` prints of it is the same too.
  EXPECT_EQ(Dump(ToJson(FromProto(message))), Dump(ToJson(answer)));
}

TEST(ApiConvert, SearchSurvivesTheRoundTrip) {
  retriever::RetrievalResult result;
  result.passages = {FullPassage()};
  result.generation = 9;
  result.timings = {1, 2, 3, 4, 5, 6, 7, 8};
  const v1::SearchResponse message = ToProto(result);
  ExpectEveryFieldSet(message, {});
  EXPECT_EQ(Dump(ToJson(FromProto(message))), Dump(ToJson(result)));
}

TEST(ApiConvert, EnumsSurviveTheRoundTrip) {
  for (RiskSetting risk : {RiskSetting::kStrict, RiskSetting::kBalanced, RiskSetting::kOpen}) {
    EXPECT_EQ(FromProto(ToProto(risk)), risk);
    EXPECT_NE(ToProto(risk), v1::RISK_UNSPECIFIED);
  }
  for (AbstainReason reason :
       {AbstainReason::kNone, AbstainReason::kNoRelevantContent, AbstainReason::kLowGrounding}) {
    EXPECT_EQ(FromProto(ToProto(reason)), reason);
  }
  for (SentenceOrigin origin :
       {SentenceOrigin::kGenerated, SentenceOrigin::kRegenerated, SentenceOrigin::kQuoted}) {
    AnswerSentence sentence;
    sentence.origin = origin;
    EXPECT_EQ(FromProto(ToProto(sentence)).origin, origin);
  }
}

TEST(ApiConvert, UnknownAndUnsetEnumsBecomeTheDefault) {
  EXPECT_EQ(FromProto(v1::RISK_UNSPECIFIED), RiskSetting::kBalanced);
  EXPECT_EQ(FromProto(static_cast<v1::Risk>(99)), RiskSetting::kBalanced);
  EXPECT_EQ(FromProto(static_cast<v1::AbstainReason>(99)), AbstainReason::kNone);
}

}  // namespace
}  // namespace footnote::server
