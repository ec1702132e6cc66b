// Within one document, what names it says nothing: its title and parties stand on every page or on
// the first alone.
#include "retriever/text/naming.h"

#include "retriever/stages/stage.h"

namespace footnote::retriever {

Status RunNamingStage(Retrieval& retrieval) {
  const RetrievalRequest& request = retrieval.request;
  retrieval.question = request.query;
  if (request.scope_document_id.empty() || retrieval.leaves_out(kWithoutNaming)) return OkStatus();
  const GenerationView& view = *retrieval.snapshot.view;
  const auto scope = view.by_id.find(request.scope_document_id);
  if (scope == view.by_id.end() || retrieval.allowed->count == 0) return OkStatus();
  retrieval.question =
      WithoutNaming(request.query, view.document(scope->second).title, retrieval.corpus.analyzer());
  return OkStatus();
}

}  // namespace footnote::retriever
