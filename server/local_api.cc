#include "server/local_api.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "common/text/utf8.h"
#include "generator/prompt.h"
#include "retriever/filter.h"
#include "server/api_convert.h"
#include "server/grounding_check.h"
#include "server/import_spool.h"
#include "server/summary_sources.h"

namespace footnote::server {
namespace {

constexpr uint32_t kDefaultTopK = 10;
constexpr uint32_t kDefaultPageSize = 100;
constexpr uint32_t kMaxPageSize = 1000;
constexpr size_t kMaxHistoryTurns = 100;
constexpr size_t kMaxHistoryBytes = 256 * 1024;

StatusOr<std::optional<retriever::Filter>> ParseFilter(const std::string& expression) {
  if (expression.empty()) return std::optional<retriever::Filter>();
  FOOTNOTE_ASSIGN_OR_RETURN(retriever::Filter filter, retriever::Filter::Parse(expression));
  return std::optional<retriever::Filter>(std::move(filter));
}

template <typename Request>
StatusOr<std::vector<ConversationTurn>> HistoryOf(const Request& request) {
  std::vector<ConversationTurn> history;
  size_t bytes = 0;
  for (const v1::ConversationTurn& turn : request.history()) {
    const std::string which = "turn " + std::to_string(history.size() + 1) + " of the history";
    if (turn.role() != "user" && turn.role() != "assistant") {
      return InvalidArgumentError(which + " has the role \"" + turn.role() +
                                  "\": use user or assistant");
    }
    bytes += turn.content().size();
    if (history.size() == kMaxHistoryTurns || bytes > kMaxHistoryBytes) {
      return InvalidArgumentError(
          "the history is longer than 100 turns or 256 KiB: send the last turns only");
    }
    history.push_back(FromProto(turn));
  }
  return history;
}

v1::Corpus ToProto(const retriever::CorpusInfo& info) {
  v1::Corpus corpus;
  corpus.set_name(info.name);
  corpus.set_is_public(info.is_public);
  corpus.set_generation(info.generation);
  corpus.set_documents(static_cast<uint32_t>(info.documents));
  corpus.set_chunks(static_cast<uint32_t>(info.chunks));
  corpus.set_tokens(static_cast<uint64_t>(info.tokens));
  corpus.set_embedder(info.embedder_name);
  corpus.set_embedder_sha256(info.embedder_sha256);
  corpus.set_vector_index(info.vector_index);
  corpus.set_disk_bytes(static_cast<uint64_t>(info.disk_bytes));
  for (const std::string& field : info.metadata_fields) corpus.add_metadata_fields(field);
  return corpus;
}

v1::Model ToProto(const generator::ModelInfo& info, v1::Model::Role role,
                  const std::string& sha256) {
  v1::Model model;
  model.set_role(role);
  model.set_name(info.name);
  model.set_architecture(info.architecture);
  model.set_sha256(sha256);
  model.set_parameters(static_cast<uint64_t>(info.parameters));
  model.set_context_tokens(static_cast<uint32_t>(info.context_tokens));
  model.set_device(info.device);
  return model;
}

// Askers of different rights never share cached prompts, nor do corpora.
std::string TenantOf(const std::string& corpus, const retriever::Asker& asker) {
  std::string tenant = corpus;
  for (const std::string& principal : asker.principals) tenant += "\n" + principal;
  return tenant;
}

// An answer's events, as messages.
class EmittingListener final : public AnswerListener {
 public:
  explicit EmittingListener(const std::function<void(const v1::AskResponse&)>& emit)
      : emit_(emit) {}

  void OnPassages(const std::vector<Passage>& passages, double answerability) override {
    v1::AskResponse response;
    v1::RetrievedPassages& retrieved = *response.mutable_passages();
    retrieved.set_answerability(answerability);
    int number = 0;
    for (const Passage& passage : passages) {
      *retrieved.add_passages() = server::ToProto(passage, ++number);
    }
    emit_(response);
  }

  void OnSentence(const AnswerSentence& sentence,
                  const std::vector<Citation>& new_citations) override {
    v1::AskResponse response;
    v1::VerifiedSentence& verified = *response.mutable_sentence();
    *verified.mutable_sentence() = server::ToProto(sentence);
    for (const Citation& citation : new_citations) {
      *verified.add_new_citations() = server::ToProto(citation);
    }
    emit_(response);
  }

 private:
  const std::function<void(const v1::AskResponse&)>& emit_;
};

}  // namespace

LocalApi::LocalApi(Catalog* catalog, CorpusEditor* editor, const LoadedGenerator* generator,
                   Metrics* metrics, LocalApiOptions options)
    : catalog_(catalog),
      editor_(editor),
      generator_(generator),
      metrics_(metrics),
      options_(std::move(options)) {}

StatusOr<retriever::Asker> LocalApi::AskerOf(const Principals& principals) const {
  // Ignoring them would answer as somebody else than the caller thinks.
  if (!principals.empty() && !options_.trust_principals) {
    return InvalidArgumentError(
        "the request names principals, which this server does not trust: leave them out, or start "
        "it with --trust-principals");
  }
  retriever::Asker asker;
  for (const std::string& principal : principals) {
    FOOTNOTE_RETURN_IF_ERROR(retriever::CheckPrincipal(principal));
    asker.principals.push_back(principal);
  }
  return asker;
}

StatusOr<std::shared_ptr<const Catalog::OpenCorpus>> LocalApi::Visible(
    const std::string& name, const retriever::Asker& asker) {
  if (name.empty()) return InvalidArgumentError("the request names no corpus: set `corpus`");
  FOOTNOTE_ASSIGN_OR_RETURN(std::shared_ptr<const Catalog::OpenCorpus> open, catalog_->Open(name));
  if (asker.principals.empty()) {
    FOOTNOTE_ASSIGN_OR_RETURN(const bool is_public, open->corpus->IsPublic());
    if (!is_public) {
      // The words of Catalog::Open: a private corpus and a missing one look the same.
      return NotFoundError("there is no corpus \"" + name + "\": list the corpora that there are");
    }
  }
  return open;
}

Status LocalApi::Ask(const v1::AskRequest& request, const CallContext& call,
                     const std::function<void(const v1::AskResponse&)>& emit) {
  FOOTNOTE_RETURN_IF_ERROR(AnswerService::CheckQuestion(request.question()));
  AnswerRequest ask;
  ask.question = request.question();
  FOOTNOTE_ASSIGN_OR_RETURN(ask.asker, AskerOf(request.principals()));
  FOOTNOTE_ASSIGN_OR_RETURN(const auto open, Visible(request.corpus(), ask.asker));
  FOOTNOTE_ASSIGN_OR_RETURN(ask.history, HistoryOf(request));
  FOOTNOTE_ASSIGN_OR_RETURN(const auto filter, ParseFilter(request.filter()));
  ask.filter = filter.has_value() ? &*filter : nullptr;
  ask.scope_document_id = request.document_id();
  ask.risk = FromProto(request.risk());
  ask.seed = request.seed();
  if (request.has_rerank()) ask.rerank = request.rerank();
  ask.tenant = TenantOf(request.corpus(), ask.asker);
  EmittingListener listener(emit);
  FOOTNOTE_ASSIGN_OR_RETURN(const Answer answer,
                            Answerer(request.corpus(), *open).Ask(ask, call, &listener));
  EmitAnswer(answer, emit);
  return OkStatus();
}

Status LocalApi::Summarize(const v1::SummarizeRequest& request, const CallContext& call,
                           const std::function<void(const v1::AskResponse&)>& emit) {
  SummaryRequest summary;
  FOOTNOTE_ASSIGN_OR_RETURN(const retriever::Asker asker, AskerOf(request.principals()));
  FOOTNOTE_ASSIGN_OR_RETURN(const auto open, Visible(request.corpus(), asker));
  FOOTNOTE_ASSIGN_OR_RETURN(const auto filter, ParseFilter(request.filter()));
  summary.generation = open->corpus->Info().generation;
  FOOTNOTE_ASSIGN_OR_RETURN(
      summary.documents,
      SummarySources(*open->corpus, {request.document_ids().begin(), request.document_ids().end()},
                     filter.has_value() ? &*filter : nullptr, asker));
  summary.risk = FromProto(request.risk());
  summary.seed = request.seed();
  summary.tenant = TenantOf(request.corpus(), asker);
  EmittingListener listener(emit);
  FOOTNOTE_ASSIGN_OR_RETURN(const Answer answer,
                            Answerer(request.corpus(), *open).Summarize(summary, call, &listener));
  EmitAnswer(answer, emit);
  return OkStatus();
}

AnswerService LocalApi::Answerer(const std::string& corpus, const Catalog::OpenCorpus& open) const {
  const Embedder& embedder = *open.embedder->embedder;
  return {open.retriever.get(), generator_->generator.get(), &embedder,
          IdentityOf(corpus, *generator_, embedder, catalog_->reranker()), options_.answers};
}

void LocalApi::EmitAnswer(const Answer& answer,
                          const std::function<void(const v1::AskResponse&)>& emit) const {
  if (metrics_ != nullptr) {
    metrics_->ObserveAnswer(answer.abstained ? AbstainReasonName(answer.reason) : "answered",
                            answer.timings.first_sentence_ms / 1000);
  }
  v1::AskResponse last;
  *last.mutable_answer() = server::ToProto(answer);
  emit(last);
}

StatusOr<v1::SearchResponse> LocalApi::Search(const v1::SearchRequest& request,
                                              const CallContext& call) {
  FOOTNOTE_RETURN_IF_ERROR(AnswerService::CheckQuestion(request.query()));
  retriever::RetrievalRequest retrieval;
  FOOTNOTE_ASSIGN_OR_RETURN(retrieval.asker, AskerOf(request.principals()));
  FOOTNOTE_ASSIGN_OR_RETURN(const auto open, Visible(request.corpus(), retrieval.asker));
  FOOTNOTE_ASSIGN_OR_RETURN(const auto filter, ParseFilter(request.filter()));
  retrieval.query = request.query();
  FOOTNOTE_ASSIGN_OR_RETURN(retrieval.history, HistoryOf(request));
  retrieval.stand_alone_query = generator::CondenseQuestion(retrieval.query, retrieval.history);
  if (request.has_rerank()) retrieval.rerank = request.rerank();
  // Above any limit of int it is wrong all the same; the retriever names the range.
  retrieval.top_k =
      static_cast<int>(std::min(request.top_k() == 0 ? kDefaultTopK : request.top_k(), 1000000U));
  retrieval.filter = filter.has_value() ? &*filter : nullptr;
  retrieval.scope_document_id = request.document_id();
  retrieval.exact = request.exact();
  retrieval.diversity = request.diversity();
  // Above any limit of int it is none.
  retrieval.max_per_document = static_cast<int>(std::min(request.max_per_document(), 1000000U));
  FOOTNOTE_ASSIGN_OR_RETURN(const retriever::RetrievalResult result,
                            open->retriever->Retrieve(retrieval, call));
  return server::ToProto(result);
}

StatusOr<v1::CheckGroundingResponse> LocalApi::CheckGrounding(
    const v1::CheckGroundingRequest& request, const CallContext& call) {
  return server::CheckGrounding(*catalog_->default_embedder()->embedder, request, call);
}

StatusOr<v1::ListCorporaResponse> LocalApi::ListCorpora(const v1::ListCorporaRequest& request) {
  FOOTNOTE_ASSIGN_OR_RETURN(const retriever::Asker asker, AskerOf(request.principals()));
  FOOTNOTE_ASSIGN_OR_RETURN(const std::vector<std::string> names, catalog_->Names());
  v1::ListCorporaResponse response;
  for (const std::string& name : names) {
    // One that cannot be opened (still without a generation, another embedder) hides no other.
    const auto open = Visible(name, asker);
    if (open.ok()) *response.add_corpora() = ToProto((*open)->corpus->Info());
  }
  return response;
}

StatusOr<v1::Corpus> LocalApi::GetCorpus(const v1::GetCorpusRequest& request) {
  FOOTNOTE_ASSIGN_OR_RETURN(const retriever::Asker asker, AskerOf(request.principals()));
  FOOTNOTE_ASSIGN_OR_RETURN(const auto open, Visible(request.corpus(), asker));
  return ToProto(open->corpus->Info());
}

StatusOr<v1::Corpus> LocalApi::CreateCorpus(const v1::CreateCorpusRequest& request) {
  FOOTNOTE_RETURN_IF_ERROR(editor_->Create(request.name(), *catalog_->default_embedder()));
  FOOTNOTE_ASSIGN_OR_RETURN(const auto open, Visible(request.name(), {}));
  return ToProto(open->corpus->Info());
}

StatusOr<v1::ListDocumentsResponse> LocalApi::ListDocuments(
    const v1::ListDocumentsRequest& request) {
  FOOTNOTE_ASSIGN_OR_RETURN(const retriever::Asker asker, AskerOf(request.principals()));
  FOOTNOTE_ASSIGN_OR_RETURN(const auto open, Visible(request.corpus(), asker));
  if (request.page_size() > kMaxPageSize) {
    return InvalidArgumentError("page_size is " + std::to_string(request.page_size()) +
                                "; it may be 1 to 1000");
  }
  const size_t limit = request.page_size() == 0 ? kDefaultPageSize : request.page_size();
  // One more tells whether there is a next page.
  FOOTNOTE_ASSIGN_OR_RETURN(std::vector<retriever::DocumentSummary> found,
                            open->corpus->ListDocuments(asker, request.page_token(), limit + 1));
  v1::ListDocumentsResponse response;
  if (found.size() > limit) {
    found.resize(limit);
    response.set_next_page_token(found.back().id);
  }
  for (retriever::DocumentSummary& summary : found) {
    v1::DocumentSummary& document = *response.add_documents();
    document.set_document_id(std::move(summary.id));
    document.set_version(std::move(summary.version));
    document.set_title(std::move(summary.title));
    document.set_source(std::move(summary.source));
  }
  return response;
}

StatusOr<v1::Document> LocalApi::GetDocument(const v1::GetDocumentRequest& request) {
  FOOTNOTE_ASSIGN_OR_RETURN(const retriever::Asker asker, AskerOf(request.principals()));
  FOOTNOTE_ASSIGN_OR_RETURN(const auto open, Visible(request.corpus(), asker));
  FOOTNOTE_ASSIGN_OR_RETURN(retriever::Document found,
                            open->corpus->GetDocument(request.document_id(), asker));
  size_t begin = request.start_byte();
  size_t end = request.end_byte();
  const size_t total = found.text.size();
  if (begin == 0 && end == 0) end = total;
  if (begin > end) {
    return InvalidArgumentError("start_byte (" + std::to_string(begin) + ") is above end_byte (" +
                                std::to_string(end) + ")");
  }
  begin = Utf8Floor(found.text, std::min(begin, total));
  end = std::min(end, total);
  while (end < total && Utf8Floor(found.text, end) != end) ++end;
  v1::Document document;
  document.set_document_id(std::move(found.id));
  document.set_version(std::move(found.version));
  document.set_title(std::move(found.title));
  document.set_source(std::move(found.source));
  document.set_start_byte(static_cast<uint32_t>(begin));
  document.set_end_byte(static_cast<uint32_t>(end));
  document.set_total_bytes(static_cast<uint32_t>(total));
  document.set_text(found.text.substr(begin, end - begin));
  return document;
}

StatusOr<v1::DeleteDocumentResponse> LocalApi::DeleteDocument(
    const v1::DeleteDocumentRequest& request, const CallContext& call) {
  FOOTNOTE_RETURN_IF_ERROR(call.Check());
  FOOTNOTE_ASSIGN_OR_RETURN(const auto open, Visible(request.corpus(), {}));
  // A document that nobody may see is not one that anybody may delete.
  FOOTNOTE_RETURN_IF_ERROR(open->corpus->GetDocument(request.document_id(), {}).status());
  FOOTNOTE_ASSIGN_OR_RETURN(
      const uint64_t generation,
      editor_->Delete(request.corpus(), *open->embedder, request.document_id(), call));
  v1::DeleteDocumentResponse response;
  response.set_generation(generation);
  return response;
}

class LocalApi::Import final : public ImportSession {
 public:
  explicit Import(LocalApi* api)
      : api_(api), spool_(api->options_.upload_folder, api->options_.max_import_bytes) {}

  Status Accept(const v1::ImportDocumentsRequest& part) override {
    if (part.has_start()) {
      if (open_ != nullptr) return InvalidArgumentError("`start` came twice: send it once, first");
      FOOTNOTE_ASSIGN_OR_RETURN(open_, api_->Visible(part.start().corpus(), {}));
      corpus_ = part.start().corpus();
      return OkStatus();
    }
    if (open_ == nullptr) {
      return InvalidArgumentError(
          "the import begins without `start`: send it first, with the "
          "corpus's name");
    }
    if (part.has_file()) return spool_.BeginFile(part.file().file_name());
    if (part.part_case() == v1::ImportDocumentsRequest::kContent) {
      return spool_.Append(part.content());
    }
    return InvalidArgumentError("a message of the import is empty: send `file` or `content`");
  }

  Status Finish(const CallContext& call,
                const std::function<void(const v1::ImportDocumentsResponse&)>& emit) override {
    if (open_ == nullptr) return InvalidArgumentError("the import holds nothing: send `start`");
    FOOTNOTE_RETURN_IF_ERROR(spool_.Close());
    const auto progress = [&](const indexer::IndexProgress& now) {
      v1::ImportDocumentsResponse response;
      v1::ImportProgress& shown = *response.mutable_progress();
      shown.set_phase(now.phase);
      shown.set_documents_done(static_cast<uint32_t>(now.documents_done));
      shown.set_chunks_done(static_cast<uint32_t>(now.chunks_done));
      shown.set_share(now.share);
      emit(response);
    };
    FOOTNOTE_ASSIGN_OR_RETURN(
        const indexer::IndexReport report,
        api_->editor_->Import(corpus_, *open_->embedder, spool_.folder(), progress, call));
    v1::ImportDocumentsResponse response;
    v1::ImportReport& last = *response.mutable_report();
    last.set_generation(report.generation);
    last.set_added(static_cast<uint32_t>(report.added));
    last.set_updated(static_cast<uint32_t>(report.updated));
    last.set_unchanged(static_cast<uint32_t>(report.unchanged));
    last.set_failed(static_cast<uint32_t>(report.failed));
    last.set_chunks(static_cast<uint32_t>(report.chunks));
    last.set_tokens(static_cast<uint32_t>(report.tokens));
    last.set_seconds(report.seconds);
    for (const indexer::IndexFailure& failure : report.failures) {
      v1::ImportReport::Failure& shown = *last.add_failures();
      shown.set_file_name(failure.source);
      shown.set_error(failure.error);
    }
    emit(response);
    return OkStatus();
  }

 private:
  LocalApi* api_;
  ImportSpool spool_;
  std::string corpus_;
  std::shared_ptr<const Catalog::OpenCorpus> open_;
};

std::unique_ptr<ImportSession> LocalApi::StartImport() { return std::make_unique<Import>(this); }

StatusOr<v1::ListModelsResponse> LocalApi::ListModels(const v1::ListModelsRequest&) {
  v1::ListModelsResponse response;
  *response.add_models() = ToProto(generator_->info, v1::Model::GENERATOR, generator_->sha256);
  const EmbedderEntry& embedder = *catalog_->default_embedder();
  *response.add_models() =
      ToProto(embedder.info, v1::Model::EMBEDDER, embedder.embedder->model_sha256());
  return response;
}

}  // namespace footnote::server
