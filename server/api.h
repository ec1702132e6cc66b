// The calls of footnote.v1, whatever carries them: gRPC and HTTP are adapters over this interface.
//
// Messages in, messages out; no gRPC and no HTTP here. Calls block and belong on a thread of
// Admission; they end early, with CANCELLED or DEADLINE_EXCEEDED, when their CallContext says so.
// Errors are statuses whose codes go over the wire as they are. A corpus or document that the asker
// may not see is NOT_FOUND, like one that does not exist. Threads: all methods may be called
// concurrently; an ImportSession belongs to one caller at a time.
#pragma once

#include <functional>
#include <memory>

#include "common/call_context.h"
#include "common/status.h"
#include "footnote/v1/answers.pb.h"
#include "footnote/v1/corpora.pb.h"
#include "footnote/v1/models.pb.h"

namespace footnote::server {

namespace v1 = ::footnote::v1;

// One import: files arrive in pieces and wait on disk until all are there; then they are indexed.
class ImportSession {
 public:
  // Removes what is still waiting.
  virtual ~ImportSession() = default;

  // The next message of the stream, in order. Quick. Errors: INVALID_ARGUMENT (order, file name),
  // NOT_FOUND (corpus), RESOURCE_EXHAUSTED (too large, disk full).
  virtual Status Accept(const v1::ImportDocumentsRequest& part) = 0;

  // Indexes what came and publishes it. Blocks; `emit` is called on this thread, the report last.
  virtual Status Finish(const CallContext& call,
                        const std::function<void(const v1::ImportDocumentsResponse&)>& emit) = 0;
};

class Api {
 public:
  virtual ~Api() = default;

  // `emit` is called on this thread, in the order that AskResponse tells.
  virtual Status Ask(const v1::AskRequest& request, const CallContext& call,
                     const std::function<void(const v1::AskResponse&)>& emit) = 0;
  virtual Status Summarize(const v1::SummarizeRequest& request, const CallContext& call,
                           const std::function<void(const v1::AskResponse&)>& emit) = 0;
  virtual StatusOr<v1::SearchResponse> Search(const v1::SearchRequest& request,
                                              const CallContext& call) = 0;
  virtual StatusOr<v1::CheckGroundingResponse> CheckGrounding(
      const v1::CheckGroundingRequest& request, const CallContext& call) = 0;

  virtual StatusOr<v1::ListCorporaResponse> ListCorpora(const v1::ListCorporaRequest& request) = 0;
  virtual StatusOr<v1::Corpus> GetCorpus(const v1::GetCorpusRequest& request) = 0;
  virtual StatusOr<v1::Corpus> CreateCorpus(const v1::CreateCorpusRequest& request) = 0;

  virtual StatusOr<v1::ListDocumentsResponse> ListDocuments(
      const v1::ListDocumentsRequest& request) = 0;
  virtual StatusOr<v1::Document> GetDocument(const v1::GetDocumentRequest& request) = 0;
  virtual StatusOr<v1::DeleteDocumentResponse> DeleteDocument(
      const v1::DeleteDocumentRequest& request, const CallContext& call) = 0;
  virtual std::unique_ptr<ImportSession> StartImport() = 0;

  virtual StatusOr<v1::ListModelsResponse> ListModels(const v1::ListModelsRequest& request) = 0;
};

}  // namespace footnote::server
