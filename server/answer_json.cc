#include "server/answer_json.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace footnote::server {
namespace {

using Json = nlohmann::ordered_json;

// What of an earlier answer's citations tells the place and its number.
StatusOr<std::vector<Citation>> CitationsFromJson(const nlohmann::json& list) {
  const Status wrong = InvalidArgumentError(
      "\"citations\" is not an array of {\"number\", \"document_id\", \"version\", "
      "\"start_byte\", \"end_byte\"}: give what `footnote ask --json` printed");
  if (!list.is_array()) return wrong;
  std::vector<Citation> citations;
  for (const auto& one : list) {
    const auto is_text = [&](const char* key) { return one.contains(key) && one[key].is_string(); };
    const auto is_number = [&](const char* key) {
      return one.contains(key) && one[key].is_number_integer() && one[key].get<int64_t>() >= 0;
    };
    if (!one.is_object() || !is_number("number") || !is_text("document_id") ||
        !is_text("version") || !is_number("start_byte") || !is_number("end_byte")) {
      return wrong;
    }
    Citation citation;
    citation.number = static_cast<int>(
        std::min<uint64_t>(one["number"].get<uint64_t>(), std::numeric_limits<int>::max()));
    citation.document_id = one["document_id"].get<std::string>();
    citation.version = one["version"].get<std::string>();
    citation.span = {one["start_byte"].get<uint64_t>(), one["end_byte"].get<uint64_t>()};
    citations.push_back(std::move(citation));
  }
  return citations;
}

// Four digits: enough to tell scores apart, few enough to read.
double Rounded(double value) { return std::round(value * 1e4) / 1e4; }
// No context holds more.
constexpr uint64_t kMostAnswerTokens = uint64_t{1} << 24;

double RoundedMs(double value) { return std::round(value * 1e2) / 1e2; }

}  // namespace

std::string Dump(const Json& value, int indent) {
  return value.dump(indent, ' ', false, Json::error_handler_t::replace);
}

Json ToJson(const Answer& answer) {
  Json passages = Json::array();
  int number = 0;
  for (const Passage& passage : answer.passages) {
    passages.push_back({{"number", ++number},
                        {"document_id", passage.document_id},
                        {"version", passage.version},
                        {"title", passage.title},
                        {"start_byte", passage.span.start},
                        {"end_byte", passage.span.end},
                        {"score", Rounded(passage.score)}});
  }
  Json sentences = Json::array();
  for (const AnswerSentence& sentence : answer.sentences) {
    sentences.push_back({{"text", sentence.text},
                         {"start_byte", sentence.span.start},
                         {"end_byte", sentence.span.end},
                         {"support", Rounded(sentence.support)},
                         {"origin", SentenceOriginName(sentence.origin)},
                         {"citations", sentence.citations}});
  }
  Json citations = Json::array();
  for (const Citation& citation : answer.citations) {
    citations.push_back({{"number", citation.number},
                         {"document_id", citation.document_id},
                         {"version", citation.version},
                         {"title", citation.title},
                         {"start_byte", citation.span.start},
                         {"end_byte", citation.span.end},
                         {"quote", citation.quote},
                         {"content_sha256", citation.content_sha256},
                         {"score", Rounded(citation.score)}});
  }
  Json conflicts = Json::array();
  for (const Conflict& conflict : answer.conflicts) {
    conflicts.push_back({{"citations", conflict.citations}, {"kind", conflict.kind}});
  }
  const AnswerRecord& record = answer.record;
  return {{"answer", answer.text},
          {"abstained", answer.abstained},
          {"reason", AbstainReasonName(answer.reason)},
          {"answerability", Rounded(answer.answerability)},
          {"grounding_score", Rounded(answer.grounding_score)},
          {"passages", passages},
          {"sentences", sentences},
          {"citations", citations},
          {"verdict", VerdictName(answer.verdict)},
          {"conflicts", conflicts},
          {"notes", answer.notes},
          {"record",
           {{"corpus", record.corpus},
            {"generation", record.generation},
            {"model_sha256", record.model_sha256},
            {"embedder_sha256", record.embedder_sha256},
            {"reranker_sha256", record.reranker_sha256},
            {"prompt_sha256", record.prompt_sha256},
            {"seed", record.seed},
            {"isa", record.isa},
            {"precision", record.precision},
            {"engine_version", record.engine_version},
            {"risk", RiskSettingName(record.risk)},
            {"prompt_time", record.prompt_time},
            {"max_answer_tokens", record.max_answer_tokens}}},
          {"tokens",
           {{"prompt", answer.tokens.prompt},
            {"completion", answer.tokens.completion},
            {"cached", answer.tokens.cached}}},
          {"timings_ms",
           {{"retrieve", RoundedMs(answer.timings.retrieve_ms)},
            {"prefill", RoundedMs(answer.timings.prefill_ms)},
            {"decode", RoundedMs(answer.timings.decode_ms)},
            {"verify", RoundedMs(answer.timings.verify_ms)},
            {"first_sentence", RoundedMs(answer.timings.first_sentence_ms)},
            {"total", RoundedMs(answer.timings.total_ms)}}}};
}

Json ToJson(const retriever::RetrievalResult& result) {
  Json passages = Json::array();
  for (const Passage& passage : result.passages) {
    passages.push_back({{"document_id", passage.document_id},
                        {"title", passage.title},
                        {"chunk_id", passage.chunk_id},
                        {"score", Rounded(passage.score)},
                        {"dense_score", Rounded(passage.dense_score)},
                        {"lexical_score", Rounded(passage.lexical_score)},
                        {"sentence_score", Rounded(passage.sentence_score)},
                        {"start_byte", passage.span.start},
                        {"end_byte", passage.span.end},
                        {"text", passage.text},
                        {"heading_path", passage.heading_path},
                        {"clause", passage.clause},
                        {"page", passage.page == 0 ? Json(nullptr) : Json(passage.page)}});
    Json& also_in = passages.back()["also_in"] = Json::array();
    for (const PassagePlace& place : passage.also_in) {
      also_in.push_back({{"document_id", place.document_id},
                         {"title", place.title},
                         {"start_byte", place.span.start},
                         {"end_byte", place.span.end}});
    }
  }
  const retriever::RetrievalTimings& timings = result.timings;
  return {{"passages", passages},
          {"generation", result.generation},
          {"timings_ms",
           {{"embed", RoundedMs(timings.embed_ms)},
            {"dense", RoundedMs(timings.dense_ms)},
            {"lexical", RoundedMs(timings.lexical_ms)},
            {"fuse", RoundedMs(timings.fuse_ms)},
            {"rerank", RoundedMs(timings.rerank_ms)},
            {"diversify", RoundedMs(timings.diversify_ms)},
            {"fetch", RoundedMs(timings.fetch_ms)},
            {"total", RoundedMs(timings.total_ms)}}}};
}

StatusOr<RiskSetting> ParseRisk(std::string_view name) {
  for (RiskSetting risk : {RiskSetting::kStrict, RiskSetting::kBalanced, RiskSetting::kOpen}) {
    if (name == RiskSettingName(risk)) return risk;
  }
  return InvalidArgumentError("the risk setting \"" + std::string(name) +
                              "\" is not known: use strict, balanced or open");
}

StatusOr<AnswerRecord> RecordFromJson(std::string_view text) {
  nlohmann::json json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object())
    return InvalidArgumentError(
        "the record is not a JSON object: give what `footnote ask --json` printed");
  if (json.contains("record")) json = json["record"];
  AnswerRecord record;
  auto read_string = [&](const char* key, std::string& value) -> Status {
    if (!json.contains(key) || !json[key].is_string()) {
      return InvalidArgumentError(std::string("the record has no text field \"") + key +
                                  "\": give what `footnote ask --json` printed");
    }
    value = json[key].get<std::string>();
    return OkStatus();
  };
  auto read_number = [&](const char* key, uint64_t& value) -> Status {
    if (!json.contains(key) || !json[key].is_number_unsigned()) {
      return InvalidArgumentError(std::string("the record has no whole number \"") + key +
                                  "\": give what `footnote ask --json` printed");
    }
    value = json[key].get<uint64_t>();
    return OkStatus();
  };
  std::string risk;
  // Records of builds before rerankers do not have it.
  if (json.contains("reranker_sha256")) {
    FOOTNOTE_RETURN_IF_ERROR(read_string("reranker_sha256", record.reranker_sha256));
  }
  // Nor those of builds before these two.
  if (json.contains("prompt_time")) {
    FOOTNOTE_RETURN_IF_ERROR(read_string("prompt_time", record.prompt_time));
  }
  if (json.contains("max_answer_tokens")) {
    uint64_t tokens = 0;
    FOOTNOTE_RETURN_IF_ERROR(read_number("max_answer_tokens", tokens));
    if (tokens > kMostAnswerTokens) {
      return InvalidArgumentError("the record's max_answer_tokens is " + std::to_string(tokens) +
                                  ": give what `footnote ask --json` printed");
    }
    record.max_answer_tokens = static_cast<int>(tokens);
  }
  FOOTNOTE_RETURN_IF_ERROR(read_number("generation", record.generation));
  FOOTNOTE_RETURN_IF_ERROR(read_number("seed", record.seed));
  FOOTNOTE_RETURN_IF_ERROR(read_string("model_sha256", record.model_sha256));
  FOOTNOTE_RETURN_IF_ERROR(read_string("embedder_sha256", record.embedder_sha256));
  FOOTNOTE_RETURN_IF_ERROR(read_string("prompt_sha256", record.prompt_sha256));
  FOOTNOTE_RETURN_IF_ERROR(read_string("isa", record.isa));
  FOOTNOTE_RETURN_IF_ERROR(read_string("precision", record.precision));
  FOOTNOTE_RETURN_IF_ERROR(read_string("engine_version", record.engine_version));
  FOOTNOTE_RETURN_IF_ERROR(read_string("risk", risk));
  FOOTNOTE_ASSIGN_OR_RETURN(record.risk, ParseRisk(risk));
  return record;
}

StatusOr<std::vector<ConversationTurn>> HistoryFromJson(const nlohmann::json& turns) {
  if (!turns.is_array()) {
    return InvalidArgumentError("the history is not a JSON array of {\"role\", \"content\"}");
  }
  std::vector<ConversationTurn> history;
  for (const auto& turn : turns) {
    const char* content = turn.is_object() && turn.contains("content") ? "content" : "text";
    if (!turn.is_object() || !turn.contains("role") || !turn["role"].is_string() ||
        !turn.contains(content) || !turn[content].is_string()) {
      return InvalidArgumentError("turn " + std::to_string(history.size() + 1) +
                                  " of the history lacks a text \"role\" or \"content\"");
    }
    const std::string role = turn["role"].get<std::string>();
    if (role != "user" && role != "assistant") {
      return InvalidArgumentError("turn " + std::to_string(history.size() + 1) +
                                  " of the history has the role \"" + role +
                                  "\": use user or assistant");
    }
    ConversationTurn read;
    read.role = role;
    read.content = turn[content].get<std::string>();
    if (turn.contains("citations")) {
      StatusOr<std::vector<Citation>> citations = CitationsFromJson(turn["citations"]);
      if (!citations.ok()) {
        return citations.status().WithContext("turn " + std::to_string(history.size() + 1) +
                                              " of the history");
      }
      read.citations = *std::move(citations);
    }
    history.push_back(std::move(read));
  }
  return history;
}

}  // namespace footnote::server
