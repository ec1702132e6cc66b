// The use case "answer a question": retrieve, gate, generate, verify sentence by sentence, cite,
// record.
//
// No gRPC and no HTTP here: commands and servers call it. Nothing that the passages do not support
// leaves: a sentence is handed to the listener only after its support was scored. An unsupported
// sentence is regenerated once, as a sentence of the spans that answer best, shortened; then
// replaced by a quotation, or dropped.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/call_context.h"
#include "common/embedder.h"
#include "common/status.h"
#include "common/types.h"
#include "generator/grounding.h"
#include "generator/text_generator.h"
#include "retriever/document.h"
#include "retriever/retriever.h"

namespace footnote::server {

// grounded: the product. plain: the usual prompt with passages, no gate, no check. closed-book: the
// model alone. The last two exist to be compared with.
enum class AnswerMode { kGrounded, kPlain, kClosedBook };
// "grounded", "plain", "closed-book".
const char* AnswerModeName(AnswerMode mode);

struct AnswerRequest {
  std::string question;                   // valid UTF-8, not blank, at most kMaxQuestionBytes
  std::vector<ConversationTurn> history;  // an assistant's with its citations keeps their numbers
  retriever::Asker asker;
  const retriever::Filter* filter = nullptr;
  std::string scope_document_id;
  RiskSetting risk = RiskSetting::kBalanced;
  AnswerMode mode = AnswerMode::kGrounded;
  uint64_t seed = 0;
  uint64_t generation = 0;     // 0: the corpus's current one
  std::optional<bool> rerank;  // nothing: where there is a reranker
  std::string tenant;
  // For a prompt that tells the date: what a record kept; empty: now.
  std::string prompt_time;
};

struct SummaryRequest {
  std::vector<retriever::Document> documents;  // that the asker may see; in this order
  uint64_t generation = 0;                     // of the corpus, for the record
  RiskSetting risk = RiskSetting::kBalanced;
  uint64_t seed = 0;
  std::string tenant;
  std::string prompt_time;  // as in AnswerRequest
};

// Of all earlier turns; numbers go up to the second.
inline constexpr size_t kMaxEarlierCitations = 1000;
inline constexpr int kMaxCitationNumber = 100000;
inline constexpr size_t kMaxQuestionBytes =
    16 * 1024;  // some 4,000 tokens: more than any context here leaves to a question

// Hears of an answer as it grows. Called on the thread that asked, in order: passages, then
// sentences.
class AnswerListener {
 public:
  virtual ~AnswerListener() = default;
  virtual void OnPassages(const std::vector<Passage>& /*passages*/, double /*answerability*/) {}
  // `new_citations` are those that this sentence is the first to use.
  virtual void OnSentence(const AnswerSentence& /*sentence*/,
                          const std::vector<Citation>& /*new_citations*/) {}
};

// Who and what answers: goes into every record.
struct AnswererIdentity {
  std::string corpus;
  std::string model_sha256;
  std::string embedder_sha256;
  std::string reranker_sha256;  // empty: there is none
  std::string isa;
  std::string precision;
  std::string engine_version;
};

struct AnswerServiceOptions {
  int passages = 6;          // retrieved and offered to the prompt
  int max_per_document = 3;  // of them, so that one document does not fill the list; 0: no limit
  int prompt_budget_tokens = 1100;
  int max_answer_tokens = 128;
  int max_sentences = 4;
  int summary_words = 600;           // of the documents, for the prompt
  int max_summary_sentences = 6;     // or one a document, where there are more
  int fewest_summary_sentences = 3;  // what the model leaves open is quoted
};

// Threads: Ask may be called concurrently.
class AnswerService {
 public:
  // The parts outlive the service. `generator` may be null only when every request is a retrieval.
  AnswerService(retriever::RetrievalBackend* retriever, generator::TextGenerator* generator,
                const Embedder* embedder, AnswererIdentity identity, AnswerServiceOptions options);

  // An abstention is an answer, not an error. Errors: INVALID_ARGUMENT (question, filter),
  // CANCELLED, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, and those of retrieval and generation.
  // `listener` may be null.
  StatusOr<Answer> Ask(const AnswerRequest& request, const CallContext& call,
                       AnswerListener* listener);

  // Sums up the documents. What is said is verified, and quoted or dropped where it is not
  // supported, as in an answer; gate 1 does not apply: answerability is 1 where there is any text.
  // Errors: as Ask's.
  StatusOr<Answer> Summarize(const SummaryRequest& request, const CallContext& call,
                             AnswerListener* listener);

  // What Ask retrieves and gate 1 makes of it; nothing is generated. `risk`, `mode` and `seed` say
  // nothing here. Errors: as Ask's.
  struct Assessment {
    std::string
        asked;  // what gate 1 and quotations go by: see RetrievalResult and CondenseQuestion
    std::vector<Passage> passages;
    generator::AnswerabilityFeatures features;
    double answerability = 0;
    uint64_t generation = 0;
    double retrieve_ms = 0;
  };
  StatusOr<Assessment> Assess(const AnswerRequest& request, const CallContext& call) const;

  // What Ask checks of a question, and of what a conversation cited, before doing anything.
  static Status CheckQuestion(std::string_view question);
  static Status CheckHistory(const std::vector<ConversationTurn>& history);

 private:
  retriever::RetrievalBackend* retriever_;
  generator::TextGenerator* generator_;
  const Embedder* embedder_;
  AnswererIdentity identity_;
  AnswerServiceOptions options_;
};

}  // namespace footnote::server
