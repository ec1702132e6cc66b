#include "server/api_convert.h"

namespace footnote::server {
namespace {

v1::Sentence::Origin OriginToProto(SentenceOrigin origin) {
  switch (origin) {
    case SentenceOrigin::kGenerated:
      return v1::Sentence::GENERATED;
    case SentenceOrigin::kRegenerated:
      return v1::Sentence::REGENERATED;
    case SentenceOrigin::kQuoted:
      return v1::Sentence::QUOTED;
  }
  return v1::Sentence::ORIGIN_UNSPECIFIED;
}

SentenceOrigin OriginFromProto(v1::Sentence::Origin origin) {
  switch (origin) {
    case v1::Sentence::REGENERATED:
      return SentenceOrigin::kRegenerated;
    case v1::Sentence::QUOTED:
      return SentenceOrigin::kQuoted;
    default:
      return SentenceOrigin::kGenerated;
  }
}

// Spans are fields of the messages, not messages of their own.
template <typename Message>
void SetSpan(const ByteSpan& span, Message& message) {
  message.set_start_byte(static_cast<uint32_t>(span.start));
  message.set_end_byte(static_cast<uint32_t>(span.end));
}

template <typename Message>
ByteSpan SpanOf(const Message& message) {
  return {message.start_byte(), message.end_byte()};
}

}  // namespace

v1::Risk ToProto(RiskSetting risk) {
  switch (risk) {
    case RiskSetting::kStrict:
      return v1::STRICT;
    case RiskSetting::kBalanced:
      return v1::BALANCED;
    case RiskSetting::kOpen:
      return v1::OPEN;
  }
  return v1::RISK_UNSPECIFIED;
}

v1::AbstainReason ToProto(AbstainReason reason) {
  switch (reason) {
    case AbstainReason::kNone:
      return v1::ABSTAIN_REASON_UNSPECIFIED;
    case AbstainReason::kNoRelevantContent:
      return v1::NO_RELEVANT_CONTENT;
    case AbstainReason::kLowGrounding:
      return v1::LOW_GROUNDING;
  }
  return v1::ABSTAIN_REASON_UNSPECIFIED;
}

v1::ConversationTurn ToProto(const ConversationTurn& turn) {
  v1::ConversationTurn message;
  message.set_role(turn.role);
  message.set_content(turn.content);
  for (const Citation& citation : turn.citations) *message.add_citations() = ToProto(citation);
  return message;
}

v1::Passage ToProto(const Passage& passage, int number) {
  v1::Passage message;
  message.set_number(static_cast<uint32_t>(number));
  message.set_document_id(passage.document_id);
  message.set_version(passage.version);
  message.set_title(passage.title);
  message.set_chunk_id(passage.chunk_id);
  message.set_score(passage.score);
  message.set_dense_score(passage.dense_score);
  message.set_lexical_score(passage.lexical_score);
  message.set_sentence_score(passage.sentence_score);
  SetSpan(passage.span, message);
  message.set_text(passage.text);
  message.mutable_heading_path()->Assign(passage.heading_path.begin(), passage.heading_path.end());
  message.set_clause(passage.clause);
  message.set_page(static_cast<uint32_t>(passage.page));
  for (const PassagePlace& place : passage.also_in) {
    v1::PassagePlace* added = message.add_also_in();
    added->set_document_id(place.document_id);
    added->set_version(place.version);
    added->set_title(place.title);
    SetSpan(place.span, *added);
  }
  return message;
}

v1::Citation ToProto(const Citation& citation) {
  v1::Citation message;
  message.set_number(static_cast<uint32_t>(citation.number));
  message.set_document_id(citation.document_id);
  message.set_version(citation.version);
  message.set_title(citation.title);
  SetSpan(citation.span, message);
  message.set_quote(citation.quote);
  message.set_content_sha256(citation.content_sha256);
  message.set_score(citation.score);
  return message;
}

v1::Sentence ToProto(const AnswerSentence& sentence) {
  v1::Sentence message;
  message.set_text(sentence.text);
  SetSpan(sentence.span, message);
  message.set_support(sentence.support);
  message.set_origin(OriginToProto(sentence.origin));
  for (int number : sentence.citations) message.add_citations(static_cast<uint32_t>(number));
  return message;
}

v1::AnswerRecord ToProto(const AnswerRecord& record) {
  v1::AnswerRecord message;
  message.set_corpus(record.corpus);
  message.set_generation(record.generation);
  message.set_model_sha256(record.model_sha256);
  message.set_embedder_sha256(record.embedder_sha256);
  message.set_prompt_sha256(record.prompt_sha256);
  message.set_seed(record.seed);
  message.set_isa(record.isa);
  message.set_precision(record.precision);
  message.set_engine_version(record.engine_version);
  message.set_risk(ToProto(record.risk));
  message.set_reranker_sha256(record.reranker_sha256);
  message.set_prompt_time(record.prompt_time);
  message.set_max_answer_tokens(static_cast<uint32_t>(record.max_answer_tokens));
  return message;
}

v1::Answer ToProto(const Answer& answer) {
  v1::Answer message;
  message.set_answer(answer.text);
  message.set_abstained(answer.abstained);
  message.set_reason(ToProto(answer.reason));
  message.set_answerability(answer.answerability);
  message.set_grounding_score(answer.grounding_score);
  int number = 0;
  for (const Passage& passage : answer.passages) {
    v1::Passage* added = message.add_passages();
    *added = ToProto(passage, ++number);
    added->clear_text();
  }
  for (const AnswerSentence& sentence : answer.sentences) {
    *message.add_sentences() = ToProto(sentence);
  }
  for (const Citation& citation : answer.citations) *message.add_citations() = ToProto(citation);
  *message.mutable_record() = ToProto(answer.record);
  v1::TokenCounts& tokens = *message.mutable_tokens();
  tokens.set_prompt(static_cast<uint32_t>(answer.tokens.prompt));
  tokens.set_completion(static_cast<uint32_t>(answer.tokens.completion));
  tokens.set_cached(static_cast<uint32_t>(answer.tokens.cached));
  v1::AnswerTimings& timings = *message.mutable_timings_ms();
  timings.set_retrieve(answer.timings.retrieve_ms);
  timings.set_prefill(answer.timings.prefill_ms);
  timings.set_decode(answer.timings.decode_ms);
  timings.set_verify(answer.timings.verify_ms);
  timings.set_first_sentence(answer.timings.first_sentence_ms);
  timings.set_total(answer.timings.total_ms);
  message.set_verdict(answer.verdict == Verdict::kYes  ? v1::Answer::YES
                      : answer.verdict == Verdict::kNo ? v1::Answer::NO
                                                       : v1::Answer::UNSETTLED);
  for (const Conflict& conflict : answer.conflicts) {
    v1::Conflict& added = *message.add_conflicts();
    for (int citation : conflict.citations) added.add_citations(static_cast<uint32_t>(citation));
    added.set_kind(conflict.kind);
  }
  for (const std::string& note : answer.notes) message.add_notes(note);
  return message;
}

v1::SearchResponse ToProto(const retriever::RetrievalResult& result) {
  v1::SearchResponse message;
  int number = 0;
  for (const Passage& passage : result.passages) {
    *message.add_passages() = ToProto(passage, ++number);
  }
  message.set_generation(result.generation);
  v1::SearchTimings& timings = *message.mutable_timings_ms();
  timings.set_embed(result.timings.embed_ms);
  timings.set_dense(result.timings.dense_ms);
  timings.set_lexical(result.timings.lexical_ms);
  timings.set_fuse(result.timings.fuse_ms);
  timings.set_rerank(result.timings.rerank_ms);
  timings.set_diversify(result.timings.diversify_ms);
  timings.set_fetch(result.timings.fetch_ms);
  timings.set_total(result.timings.total_ms);
  return message;
}

RiskSetting FromProto(v1::Risk risk) {
  switch (risk) {
    case v1::STRICT:
      return RiskSetting::kStrict;
    case v1::OPEN:
      return RiskSetting::kOpen;
    default:
      return RiskSetting::kBalanced;
  }
}

AbstainReason FromProto(v1::AbstainReason reason) {
  switch (reason) {
    case v1::NO_RELEVANT_CONTENT:
      return AbstainReason::kNoRelevantContent;
    case v1::LOW_GROUNDING:
      return AbstainReason::kLowGrounding;
    default:
      return AbstainReason::kNone;
  }
}

ConversationTurn FromProto(const v1::ConversationTurn& turn) {
  ConversationTurn result;
  result.role = turn.role();
  result.content = turn.content();
  for (const v1::Citation& citation : turn.citations()) {
    result.citations.push_back(FromProto(citation));
  }
  return result;
}

Passage FromProto(const v1::Passage& passage) {
  Passage result;
  result.document_id = passage.document_id();
  result.version = passage.version();
  result.title = passage.title();
  result.chunk_id = passage.chunk_id();
  result.score = passage.score();
  result.dense_score = passage.dense_score();
  result.lexical_score = passage.lexical_score();
  result.sentence_score = passage.sentence_score();
  result.span = SpanOf(passage);
  result.text = passage.text();
  result.heading_path.assign(passage.heading_path().begin(), passage.heading_path().end());
  result.clause = passage.clause();
  result.page = static_cast<int>(passage.page());
  for (const v1::PassagePlace& place : passage.also_in()) {
    result.also_in.push_back({place.document_id(), place.version(), place.title(), SpanOf(place)});
  }
  return result;
}

Citation FromProto(const v1::Citation& citation) {
  Citation result;
  result.number = static_cast<int>(citation.number());
  result.document_id = citation.document_id();
  result.version = citation.version();
  result.title = citation.title();
  result.span = SpanOf(citation);
  result.quote = citation.quote();
  result.content_sha256 = citation.content_sha256();
  result.score = citation.score();
  return result;
}

AnswerSentence FromProto(const v1::Sentence& sentence) {
  AnswerSentence result;
  result.text = sentence.text();
  result.span = SpanOf(sentence);
  result.support = sentence.support();
  result.origin = OriginFromProto(sentence.origin());
  result.citations.assign(sentence.citations().begin(), sentence.citations().end());
  return result;
}

AnswerRecord FromProto(const v1::AnswerRecord& record) {
  AnswerRecord result;
  result.corpus = record.corpus();
  result.generation = record.generation();
  result.model_sha256 = record.model_sha256();
  result.embedder_sha256 = record.embedder_sha256();
  result.prompt_sha256 = record.prompt_sha256();
  result.seed = record.seed();
  result.isa = record.isa();
  result.precision = record.precision();
  result.engine_version = record.engine_version();
  result.risk = FromProto(record.risk());
  result.reranker_sha256 = record.reranker_sha256();
  result.prompt_time = record.prompt_time();
  result.max_answer_tokens = static_cast<int>(record.max_answer_tokens());
  return result;
}

Answer FromProto(const v1::Answer& answer) {
  Answer result;
  result.text = answer.answer();
  result.abstained = answer.abstained();
  result.reason = FromProto(answer.reason());
  result.answerability = answer.answerability();
  result.grounding_score = answer.grounding_score();
  for (const v1::Passage& passage : answer.passages()) {
    result.passages.push_back(FromProto(passage));
  }
  for (const v1::Sentence& sentence : answer.sentences()) {
    result.sentences.push_back(FromProto(sentence));
  }
  for (const v1::Citation& citation : answer.citations()) {
    result.citations.push_back(FromProto(citation));
  }
  result.record = FromProto(answer.record());
  result.tokens = {answer.tokens().prompt(), answer.tokens().completion(),
                   answer.tokens().cached()};
  const v1::AnswerTimings& timings = answer.timings_ms();
  result.timings = {timings.retrieve(), timings.prefill(),        timings.decode(),
                    timings.verify(),   timings.first_sentence(), timings.total()};
  result.verdict = answer.verdict() == v1::Answer::YES  ? Verdict::kYes
                   : answer.verdict() == v1::Answer::NO ? Verdict::kNo
                                                        : Verdict::kNone;
  for (const v1::Conflict& conflict : answer.conflicts()) {
    result.conflicts.push_back(
        {{conflict.citations().begin(), conflict.citations().end()}, conflict.kind()});
  }
  result.notes.assign(answer.notes().begin(), answer.notes().end());
  return result;
}

retriever::RetrievalResult FromProto(const v1::SearchResponse& response) {
  retriever::RetrievalResult result;
  for (const v1::Passage& passage : response.passages()) {
    result.passages.push_back(FromProto(passage));
  }
  result.generation = response.generation();
  const v1::SearchTimings& timings = response.timings_ms();
  result.timings = {.embed_ms = timings.embed(),
                    .dense_ms = timings.dense(),
                    .lexical_ms = timings.lexical(),
                    .fuse_ms = timings.fuse(),
                    .rerank_ms = timings.rerank(),
                    .diversify_ms = timings.diversify(),
                    .fetch_ms = timings.fetch(),
                    .total_ms = timings.total()};
  return result;
}

}  // namespace footnote::server
