// The query's vector; in a conversation, turned towards the newest answer.
#include <array>
#include <cmath>

#include "retriever/stages/stage.h"

namespace footnote::retriever {
namespace {

constexpr float kAnswerWeight = 0.6f;  // against the query's 1; measured: docs/quality.md

}  // namespace

Status RunEmbedStage(Retrieval& retrieval) {
  if (!retrieval.uses_dense() || !retrieval.query_vector.empty()) return OkStatus();
  const std::string_view answer =
      retrieval.uses_history() ? LastAnswer(retrieval.request) : std::string_view();
  const std::array<std::string_view, 2> texts = {retrieval.question, answer};
  FOOTNOTE_ASSIGN_OR_RETURN(const Embeddings embeddings,
                            retrieval.embedder.Embed(std::span(texts).first(answer.empty() ? 1 : 2),
                                                     TextRole::kQuery, retrieval.call));
  std::vector<float>& vector = retrieval.query_vector;
  vector.assign(embeddings.row(0).begin(), embeddings.row(0).end());
  if (answer.empty()) return OkStatus();
  double square = 0;
  for (size_t i = 0; i < vector.size(); ++i) {
    vector[i] += kAnswerWeight * embeddings.row(1)[i];
    square += double{vector[i]} * vector[i];
  }
  if (!(square > 0)) {
    vector.assign(embeddings.row(0).begin(), embeddings.row(0).end());
    return OkStatus();
  }
  for (float& value : vector) value /= static_cast<float>(std::sqrt(square));
  return OkStatus();
}

}  // namespace footnote::retriever
