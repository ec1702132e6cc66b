// The query's own terms, each weighted by how often it occurs there.
#include <map>

#include "retriever/stages/stage.h"

namespace footnote::retriever {

Status RunTermsStage(Retrieval& retrieval) {
  retrieval.query_terms.clear();
  if (!retrieval.uses_lexical()) return OkStatus();
  std::map<std::string, double> weights;
  for (const std::string& term : retrieval.corpus.analyzer().Terms(retrieval.question)) {
    weights[term] += 1;
  }
  for (const auto& [term, weight] : weights) retrieval.query_terms.push_back({term, weight});
  return OkStatus();
}

}  // namespace footnote::retriever
