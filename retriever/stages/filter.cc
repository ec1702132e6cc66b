// Which rows may be returned: live, visible to the asker, matching the filter, within the scope.
#include "retriever/stages/stage.h"

namespace footnote::retriever {

Status RunFilterStage(Retrieval& retrieval) {
  const RetrievalRequest& request = retrieval.request;
  const GenerationView& view = *retrieval.snapshot.view;
  if (request.filter != nullptr) {
    FOOTNOTE_RETURN_IF_ERROR(CheckFields(view, retrieval.corpus.name(), *request.filter));
  }
  retrieval.visible = retrieval.corpus.Visible(retrieval.snapshot, request.asker);
  retrieval.allowed = retrieval.corpus.Allowed(retrieval.snapshot, request.asker, request.filter);
  if (!request.scope_document_id.empty()) {
    retrieval.allowed = std::make_shared<const RowSet>(
        RowsOfDocument(view, *retrieval.allowed, request.scope_document_id));
  }
  return OkStatus();
}

}  // namespace footnote::retriever
