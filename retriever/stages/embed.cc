// The query's vector.
#include "retriever/stages/stage.h"

namespace footnote::retriever {

Status RunEmbedStage(Retrieval& retrieval) {
  if (!retrieval.uses_dense() || !retrieval.query_vector.empty()) return OkStatus();
  const std::string_view text = retrieval.request.query;
  FOOTNOTE_ASSIGN_OR_RETURN(
      Embeddings embeddings,
      retrieval.embedder.Embed(std::span(&text, 1), TextRole::kQuery, retrieval.call));
  retrieval.query_vector = std::move(embeddings.values);
  return OkStatus();
}

}  // namespace footnote::retriever
