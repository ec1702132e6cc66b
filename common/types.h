// The nouns of a question's life, shared by every room: spans, passages, citations, answers.
//
// Offsets are bytes into a document's UTF-8 text as extracted and stored, end exclusive. Plain
// data: no locks, no I/O, no protobuf.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace footnote {

// Half-open range of bytes.
struct ByteSpan {
  uint64_t start = 0;
  uint64_t end = 0;

  uint64_t size() const { return end - start; }
  bool empty() const { return end <= start; }
  bool operator==(const ByteSpan&) const = default;
};

// Where else a passage's words stand.
struct PassagePlace {
  std::string document_id;
  std::string version;
  std::string title;
  ByteSpan span;
};

// A retrieved chunk, or several that follow each other. `text` is exactly the bytes `span` of
// version `version` of the document; scores, headings and clause are the best chunk's.
struct Passage {
  std::string document_id;
  std::string version;  // hex SHA-256 of the document's text
  std::string title;
  std::string chunk_id;
  double score = 0;          // fused relevance, higher is better; comparable within one result only
  double dense_score = 0;    // cosine of query and chunk, -1…1
  double lexical_score = 0;  // BM25, 0 when no term matched
  double sentence_score = 0;  // cosine of query and the chunk's nearest sentence; 0: not known
  ByteSpan span;
  std::string text;
  std::vector<std::string> heading_path;  // outermost first
  std::string clause;                     // "7.3.2", "§ 4(b)"; empty when the text has none
  int page = 0;                           // 1-based; 0 when the format has no pages
  std::vector<PassagePlace> also_in;      // other chunks with the same words
};

enum class SentenceOrigin { kGenerated, kRegenerated, kQuoted };

// "generated", "regenerated" or "quoted".
const char* SentenceOriginName(SentenceOrigin origin);

struct Citation {
  int number = 0;  // the footnote's mark, from 1 in order of first use
  std::string document_id;
  std::string version;
  std::string title;
  ByteSpan span;               // at most two sentences or 400 bytes
  std::string quote;           // exactly the bytes `span` of that document version
  std::string content_sha256;  // of `quote`, hex
  double score = 0;            // support of the sentences that cite it, 0…1
};

struct AnswerSentence {
  std::string text;
  ByteSpan span;       // into Answer::text
  double support = 0;  // 0 unsupported … 1 supported
  SentenceOrigin origin = SentenceOrigin::kGenerated;
  std::vector<int> citations;  // numbers
};

// Why a question was not answered; kNone when it was.
enum class AbstainReason {
  kNone,
  kNoRelevantContent,  // retrieval found nothing relevant, or nothing that the asker may see
  kLowGrounding,       // what could be written was not supported by the passages
};

// "NO_RELEVANT_CONTENT", "LOW_GROUNDING"; empty for kNone.
const char* AbstainReasonName(AbstainReason reason);

enum class RiskSetting { kStrict, kBalanced, kOpen };
const char* RiskSettingName(RiskSetting risk);

// What is needed to give the same answer again.
struct AnswerRecord {
  uint64_t generation = 0;  // of the corpus
  std::string corpus;
  std::string model_sha256;
  std::string embedder_sha256;
  std::string reranker_sha256;  // empty: there was none
  std::string prompt_sha256;    // of the token ids sent to the model
  uint64_t seed = 0;
  std::string isa;        // CPU instruction set of the kernels
  std::string precision;  // "fast", "exact", "int8" or "bf16"
  std::string engine_version;
  RiskSetting risk = RiskSetting::kBalanced;
  std::string prompt_time;    // local, "2026-05-12T09:30:00"; empty: the prompt tells no time
  int max_answer_tokens = 0;  // 0: not known
};

struct TokenCounts {
  int64_t prompt = 0;
  int64_t completion = 0;
  int64_t cached = 0;  // prompt tokens whose keys and values were already computed
};

struct AnswerTimings {
  double retrieve_ms = 0;
  double prefill_ms = 0;
  double decode_ms = 0;
  double verify_ms = 0;
  double first_sentence_ms = 0;  // from the question's arrival to the first verified sentence
  double total_ms = 0;
};

// What a yes/no question comes to, where the cited text settles it.
enum class Verdict { kNone, kYes, kNo };
// "yes", "no"; empty for kNone.
const char* VerdictName(Verdict verdict);

// Two cited places that say different things of the same.
struct Conflict {
  std::vector<int> citations;  // their numbers
  std::string kind;            // "number", "name", "negation" or "modality"
};

struct Answer {
  std::string text;
  bool abstained = false;
  AbstainReason reason = AbstainReason::kNone;
  double answerability = 0;       // 0…1, also when abstained
  double grounding_score = 0;     // 0…1: support of the answer as a whole
  std::vector<Passage> passages;  // numbered from 1 in this order, also when abstained
  std::vector<AnswerSentence> sentences;
  std::vector<Citation> citations;
  Verdict verdict = Verdict::kNone;
  std::vector<Conflict> conflicts;
  // The service's own words about the answer, in English: that two places differ, that nothing is
  // said of one of two things compared. They are no part of `text`.
  std::vector<std::string> notes;
  AnswerRecord record;
  TokenCounts tokens;
  AnswerTimings timings;
};

// One turn of the conversation before the question.
struct ConversationTurn {
  std::string role;  // "user" or "assistant"
  std::string content;
  // Of an assistant's turn: what it cited. Places cited again keep their numbers.
  std::vector<Citation> citations = {};
};

}  // namespace footnote
