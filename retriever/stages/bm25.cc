// The best allowed rows by BM25, with the statistics of what the asker may see.
#include <algorithm>

#include "retriever/stages/stage.h"
#include "retriever/storage/lexical_index.h"

namespace footnote::retriever {

Status RunBm25Stage(Retrieval& retrieval) {
  retrieval.lexical.clear();
  retrieval.lexical_scores.clear();
  if (!retrieval.uses_lexical()) return OkStatus();
  const GenerationView& view = *retrieval.snapshot.view;
  std::vector<LexicalPart> parts;
  for (size_t p = 0; p < view.parts.size(); ++p) {
    const LoadedSegment& segment = *view.parts[p].segment;
    parts.push_back({segment.record.id(), segment.lengths, retrieval.visible->bits[p]});
  }
  FOOTNOTE_ASSIGN_OR_RETURN(
      retrieval.lexical_scores,
      ScoreBm25(*retrieval.snapshot.store, parts, retrieval.visible->count,
                retrieval.visible->terms,
                retrieval.corpus.analyzer().Terms(retrieval.request.query), Bm25Parameters()));
  for (size_t p = 0; p < view.parts.size(); ++p) {
    if (retrieval.allowed->counts[p] == 0) continue;
    const size_t base = view.parts[p].base_row;
    for (uint32_t row = 0; row < view.parts[p].segment->lengths.size(); ++row) {
      const float score = retrieval.lexical_scores[base + row];
      if (score <= 0 || !retrieval.allowed->Has(p, row)) continue;
      Candidate candidate;
      candidate.row = base + row;
      candidate.lexical = score;
      retrieval.lexical.push_back(candidate);
    }
  }
  const size_t kept = std::min(retrieval.depth, retrieval.lexical.size());
  std::partial_sort(
      retrieval.lexical.begin(), retrieval.lexical.begin() + static_cast<std::ptrdiff_t>(kept),
      retrieval.lexical.end(), [&](const Candidate& a, const Candidate& b) {
        return a.lexical != b.lexical ? a.lexical > b.lexical : view.Precedes(a.row, b.row);
      });
  retrieval.lexical.resize(kept);
  return OkStatus();
}

}  // namespace footnote::retriever
