#include "server/answer_service.h"

#include <chrono>
#include <utility>

#include "common/text/utf8.h"
#include "generator/prompt.h"
#include "generator/summary.h"
#include "server/answer_run.h"

namespace footnote::server {
namespace {

using Clock = std::chrono::steady_clock;

}  // namespace

const char* AnswerModeName(AnswerMode mode) {
  switch (mode) {
    case AnswerMode::kGrounded:
      return "grounded";
    case AnswerMode::kPlain:
      return "plain";
    case AnswerMode::kClosedBook:
      return "closed-book";
  }
  return "";
}

AnswerService::AnswerService(retriever::RetrievalBackend* retriever,
                             generator::TextGenerator* generator, const Embedder* embedder,
                             AnswererIdentity identity, AnswerServiceOptions options)
    : retriever_(retriever),
      generator_(generator),
      embedder_(embedder),
      identity_(std::move(identity)),
      options_(options) {}

Status AnswerService::CheckQuestion(std::string_view question) {
  if (question.size() > kMaxQuestionBytes) {
    return InvalidArgumentError("the question has " + std::to_string(question.size()) +
                                " bytes; at most " + std::to_string(kMaxQuestionBytes) +
                                " are accepted: put long text into a document and index it");
  }
  if (size_t offset = FindInvalidUtf8(question); offset != std::string_view::npos) {
    return InvalidArgumentError("the question is not valid UTF-8 at byte " +
                                std::to_string(offset) + ": send UTF-8");
  }
  if (question.find_first_not_of(" \t\r\n\f\v") == std::string_view::npos) {
    return InvalidArgumentError("the question is empty: ask something");
  }
  return OkStatus();
}

Status AnswerService::CheckHistory(const std::vector<ConversationTurn>& history) {
  size_t citations = 0;
  for (const ConversationTurn& turn : history) {
    citations += turn.citations.size();
    for (const Citation& citation : turn.citations) {
      if (citation.number < 1 || citation.number > kMaxCitationNumber) {
        return InvalidArgumentError("the history cites a footnote with the number " +
                                    std::to_string(citation.number) + ": they go from 1 to " +
                                    std::to_string(kMaxCitationNumber));
      }
    }
  }
  if (citations > kMaxEarlierCitations) {
    return InvalidArgumentError("the history has " + std::to_string(citations) +
                                " citations; at most " + std::to_string(kMaxEarlierCitations) +
                                " are read: send those of the last turns only");
  }
  return OkStatus();
}

StatusOr<AnswerService::Assessment> AnswerService::Assess(const AnswerRequest& request,
                                                          const CallContext& call) const {
  FOOTNOTE_RETURN_IF_ERROR(CheckQuestion(request.question));
  FOOTNOTE_RETURN_IF_ERROR(CheckHistory(request.history));
  const std::string condensed = generator::CondenseQuestion(request.question, request.history);
  retriever::RetrievalRequest retrieval;
  retrieval.query = request.question;
  retrieval.history = request.history;
  retrieval.top_k = options_.passages;
  // Single chunks, so that what does not fit into the prompt is little.
  retrieval.off = retriever::kWithoutJoining;
  retrieval.max_per_document = request.scope_document_id.empty() ? options_.max_per_document : 0;
  retrieval.filter = request.filter;
  retrieval.asker = request.asker;
  retrieval.scope_document_id = request.scope_document_id;
  retrieval.generation = request.generation;
  retrieval.rerank = request.rerank;
  retrieval.stand_alone_query = condensed;
  FOOTNOTE_ASSIGN_OR_RETURN(retriever::RetrievalResult result,
                            retriever_->Retrieve(retrieval, call));
  Assessment assessment;
  assessment.passages = std::move(result.passages);
  assessment.generation = result.generation;
  assessment.retrieve_ms = result.timings.total_ms;
  // Where the question names the document in scope, the rest of it; where it points back, all that
  // it means.
  assessment.asked =
      result.asked.empty() || condensed != request.question ? condensed : std::move(result.asked);
  assessment.features = generator::ReadAnswerability(assessment.asked, assessment.passages);
  if (!assessment.passages.empty()) {
    assessment.answerability = generator::Answerability(assessment.features);
  }
  return assessment;
}

StatusOr<Answer> AnswerService::Ask(const AnswerRequest& request, const CallContext& call,
                                    AnswerListener* listener) {
  return AnswerRun({generator_, embedder_, identity_, options_}, request, call, listener)
      .Ask(*this);
}

StatusOr<Answer> AnswerService::Summarize(const SummaryRequest& request, const CallContext& call,
                                          AnswerListener* listener) {
  AnswerRequest answer;
  answer.risk = request.risk;
  answer.seed = request.seed;
  answer.tenant = request.tenant;
  answer.prompt_time = request.prompt_time;
  answer.rerank = false;  // nothing is ranked
  std::vector<generator::SummarySource> sources;
  for (const retriever::Document& document : request.documents) {
    sources.push_back({document.id, document.version, document.title, document.text});
  }
  const Clock::time_point start = Clock::now();
  std::vector<Passage> passages =
      generator::RepresentativePassages(sources, options_.summary_words);
  FOOTNOTE_RETURN_IF_ERROR(call.Check());
  return AnswerRun({generator_, embedder_, identity_, options_}, answer, call, listener)
      .Summarize(std::move(passages), request.generation,
                 std::chrono::duration<double, std::milli>(Clock::now() - start).count());
}

}  // namespace footnote::server
