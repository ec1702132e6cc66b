// The best allowed rows by BM25, with the statistics of what the asker may see.
#include "retriever/stages/stage.h"

namespace footnote::retriever {
namespace {

// A word of the title says what the whole document is about: docs/quality.md.
constexpr double kTitleWeight = 2;

}  // namespace

Status RunBm25Stage(Retrieval& retrieval) {
  retrieval.lexical.clear();
  retrieval.bm25.reset();
  if (!retrieval.uses_lexical()) return OkStatus();
  Bm25Parameters parameters = retrieval.bm25_parameters;
  parameters.fields[kTitle].weight = kTitleWeight;
  if (retrieval.leaves_out(kWithoutFields)) {
    parameters.fields[kTitle].weight = parameters.fields[kHeadings].weight = 0;
  }
  FOOTNOTE_ASSIGN_OR_RETURN(
      Bm25Query query, Bm25Query::Make(SourceOf(retrieval), retrieval.query_terms, parameters));
  retrieval.bm25.emplace(std::move(query));
  FOOTNOTE_ASSIGN_OR_RETURN(const std::vector<LexicalHit> hits,
                            retrieval.bm25->Best(retrieval.depth, *retrieval.allowed));
  for (const LexicalHit& hit : hits) {
    Candidate candidate;
    candidate.row = hit.row;
    candidate.lexical = hit.score;
    retrieval.lexical.push_back(candidate);
  }
  return OkStatus();
}

}  // namespace footnote::retriever
