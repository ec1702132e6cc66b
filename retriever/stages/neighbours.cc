// Within one document, what stands beside good chunks: a clause and the exceptions behind it, an
// answer that goes on. Each chunk's score takes in a part of its neighbours'.
#include <unordered_map>

#include "retriever/stages/stage.h"

namespace footnote::retriever {
namespace {

constexpr double kShare = 0.15;  // of each neighbour's score, against its own 1; docs/quality.md

}  // namespace

Status RunNeighboursStage(Retrieval& retrieval) {
  if (retrieval.request.scope_document_id.empty() ||
      retrieval.request.fusion != FusionKind::kCalibratedSum ||
      retrieval.leaves_out(kWithoutNeighbours)) {
    return OkStatus();
  }
  // All rows are of one document, so those beside each other are neighbours in it.
  std::unordered_map<size_t, double> scores;
  for (const Candidate& candidate : retrieval.ranked) scores[candidate.row] = candidate.score;
  const auto score_of = [&](size_t row) {
    const auto found = scores.find(row);
    return found == scores.end() ? 0.0 : found->second;
  };
  for (Candidate& candidate : retrieval.ranked) {
    const double beside =
        (candidate.row > 0 ? score_of(candidate.row - 1) : 0.0) + score_of(candidate.row + 1);
    candidate.score = (candidate.score + kShare * beside) / (1 + 2 * kShare);
  }
  SortByScore(*retrieval.snapshot.view, retrieval.ranked);
  return OkStatus();
}

}  // namespace footnote::retriever
