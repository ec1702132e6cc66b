// Scores passages against a question by reading both together, as the vectors of an Embedder
// cannot. An interface of its own, so that the retriever need not know models: the generator room
// has a cross-encoder and the generator's query likelihood behind it.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/call_context.h"
#include "common/status.h"

namespace footnote {

// Threads: every method may be called concurrently; a call uses all threads of its engine.
class Reranker {
 public:
  virtual ~Reranker() = default;

  // For people: "ms-marco-MiniLM-L-6-v2 (cross-encoder)".
  virtual const std::string& name() const = 0;

  // Hex SHA-256 that identifies what decides the scores: of the same model the same ranking.
  virtual const std::string& model_sha256() const = 0;

  // How much its scores count beside the ranking that was there before, 0…1.
  virtual double share() const = 0;

  // How well each text answers the query, 0…1, in order of `texts`; 0.5 and more: rather than not.
  // Scores of one query are comparable, of several calls too: a score does not depend on what else
  // is in the call. No
  // length fails: a long text loses its end, and an over-long query the end of its own. Works in
  // batches, between which it looks at `call`. Errors: CANCELLED, DEADLINE_EXCEEDED;
  // RESOURCE_EXHAUSTED when the engine's queue is full (with when to try again).
  virtual StatusOr<std::vector<float>> Score(std::string_view query,
                                             std::span<const std::string_view> texts,
                                             const CallContext& call) const = 0;
};

}  // namespace footnote
