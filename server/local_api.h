// The calls of footnote.v1 answered by this process: local corpora, our own engine.
#pragma once

#include <filesystem>
#include <memory>

#include "server/answer_service.h"
#include "server/api.h"
#include "server/catalog.h"
#include "server/corpus_editor.h"
#include "server/metrics.h"
#include "server/stack.h"

namespace footnote::server {

struct LocalApiOptions {
  // Requests may name the principals that ask. Without it, only public corpora exist.
  bool trust_principals = false;
  AnswerServiceOptions answers;
  std::filesystem::path upload_folder;  // where uploads wait
  uint64_t max_import_bytes = uint64_t{256} << 20;
};

class LocalApi final : public Api {
 public:
  // Everything given outlives the api. `metrics` may be null.
  LocalApi(Catalog* catalog, CorpusEditor* editor, const LoadedGenerator* generator,
           Metrics* metrics, LocalApiOptions options);

  Status Ask(const v1::AskRequest& request, const CallContext& call,
             const std::function<void(const v1::AskResponse&)>& emit) override;
  Status Summarize(const v1::SummarizeRequest& request, const CallContext& call,
                   const std::function<void(const v1::AskResponse&)>& emit) override;
  StatusOr<v1::SearchResponse> Search(const v1::SearchRequest& request,
                                      const CallContext& call) override;
  StatusOr<v1::CheckGroundingResponse> CheckGrounding(const v1::CheckGroundingRequest& request,
                                                      const CallContext& call) override;
  StatusOr<v1::ListCorporaResponse> ListCorpora(const v1::ListCorporaRequest& request) override;
  StatusOr<v1::Corpus> GetCorpus(const v1::GetCorpusRequest& request) override;
  StatusOr<v1::Corpus> CreateCorpus(const v1::CreateCorpusRequest& request) override;
  StatusOr<v1::ListDocumentsResponse> ListDocuments(
      const v1::ListDocumentsRequest& request) override;
  StatusOr<v1::Document> GetDocument(const v1::GetDocumentRequest& request) override;
  StatusOr<v1::DeleteDocumentResponse> DeleteDocument(const v1::DeleteDocumentRequest& request,
                                                      const CallContext& call) override;
  std::unique_ptr<ImportSession> StartImport() override;
  StatusOr<v1::ListModelsResponse> ListModels(const v1::ListModelsRequest& request) override;

 private:
  class Import;
  using Principals = google::protobuf::RepeatedPtrField<std::string>;

  StatusOr<retriever::Asker> AskerOf(const Principals& principals) const;
  AnswerService Answerer(const std::string& corpus, const Catalog::OpenCorpus& open) const;
  // The last event; counts the answer.
  void EmitAnswer(const Answer& answer,
                  const std::function<void(const v1::AskResponse&)>& emit) const;
  // The corpus, if this asker may know that it exists; else NOT_FOUND.
  StatusOr<std::shared_ptr<const Catalog::OpenCorpus>> Visible(const std::string& name,
                                                               const retriever::Asker& asker);

  Catalog* catalog_;
  CorpusEditor* editor_;
  const LoadedGenerator* generator_;
  Metrics* metrics_;
  const LocalApiOptions options_;
};

}  // namespace footnote::server
