// The nearest allowed rows by cosine, over all parts.
#include <algorithm>

#include "retriever/stages/stage.h"

namespace footnote::retriever {

Status RunDenseStage(Retrieval& retrieval) {
  retrieval.dense.clear();
  if (!retrieval.uses_dense()) return OkStatus();
  const GenerationView& view = *retrieval.snapshot.view;
  const RowSet& allowed = *retrieval.allowed;
  bool exact = true;
  for (size_t p = 0; p < view.parts.size(); ++p) {
    const LoadedSegment& segment = *view.parts[p].segment;
    if (allowed.counts[p] == 0 || segment.vectors == nullptr) continue;
    FOOTNOTE_RETURN_IF_ERROR(retrieval.call.Check());
    const size_t depth =
        segment.vectors->rounds() ? VectorIndex::RescoringDepth(retrieval.depth) : retrieval.depth;
    FOOTNOTE_ASSIGN_OR_RETURN(
        VectorHits found, segment.vectors->Search(retrieval.query_vector, depth, allowed.bits[p],
                                                  allowed.counts[p], retrieval.request.exact));
    if (segment.vectors->rounds()) {
      std::vector<uint32_t> rows;
      for (const VectorHit& hit : found.hits) rows.push_back(hit.row);
      FOOTNOTE_ASSIGN_OR_RETURN(const std::vector<float> cosines, CosinesOf(retrieval, p, rows));
      for (size_t i = 0; i < cosines.size(); ++i) found.hits[i].score = cosines[i];
    }
    exact = exact && found.exact_scan;
    for (const VectorHit& hit : found.hits) {
      // The index is not trusted with who may see what.
      if (hit.row >= segment.lengths.size() || !allowed.Has(p, hit.row)) continue;
      Candidate candidate;
      candidate.row = view.parts[p].base_row + hit.row;
      candidate.dense = hit.score;
      retrieval.dense.push_back(candidate);
    }
  }
  std::sort(retrieval.dense.begin(), retrieval.dense.end(),
            [&](const Candidate& a, const Candidate& b) {
              return a.dense != b.dense ? a.dense > b.dense : view.Precedes(a.row, b.row);
            });
  if (retrieval.dense.size() > retrieval.depth) retrieval.dense.resize(retrieval.depth);
  retrieval.result.exact_scan = exact;
  return OkStatus();
}

}  // namespace footnote::retriever
