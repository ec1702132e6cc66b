// Within one document: what is asked of the document itself (its date, its parties) stands at its
// front, in words that every other clause uses too. So its first chunks go before the others.
#include "retriever/text/whole_document.h"

#include <algorithm>

#include "retriever/stages/stage.h"

namespace footnote::retriever {
namespace {

constexpr uint32_t kFrontChunks = 2;  // a cover may come before it; measured: docs/quality.md

// The candidate of a row: one more where neither list had it.
StatusOr<Candidate*> CandidateOf(Retrieval& retrieval, size_t row) {
  const auto known = std::find_if(retrieval.ranked.begin(), retrieval.ranked.end(),
                                  [&](const Candidate& candidate) { return candidate.row == row; });
  if (known != retrieval.ranked.end()) return &*known;
  Candidate candidate;
  candidate.row = row;
  const auto place = retrieval.snapshot.view->Locate(row);
  if (retrieval.snapshot.view->parts[place.part].segment->vectors == nullptr) {
    candidate.embedded = false;
  } else {
    FOOTNOTE_ASSIGN_OR_RETURN(const std::vector<float> cosines,
                              CosinesOf(retrieval, place.part, {place.row}));
    candidate.dense = cosines[0];
  }
  retrieval.ranked.push_back(candidate);
  return &retrieval.ranked.back();
}

}  // namespace

Status RunFrontStage(Retrieval& retrieval) {
  const RetrievalRequest& request = retrieval.request;
  if (request.scope_document_id.empty() || request.fusion != FusionKind::kCalibratedSum ||
      retrieval.leaves_out(kWithoutFront) || retrieval.ranked.empty()) {
    return OkStatus();
  }
  const GenerationView& view = *retrieval.snapshot.view;
  const auto scope = view.by_id.find(request.scope_document_id);
  if (scope == view.by_id.end()) return OkStatus();
  if (!AsksAboutWholeDocument(retrieval.question, retrieval.corpus.analyzer())) return OkStatus();
  // Scores between 0 and 1 stay so.
  for (Candidate& candidate : retrieval.ranked) candidate.score /= 2;
  const GenerationView::Part& part = view.parts[scope->second.part];
  const LoadedSegment::Document& document = view.document(scope->second);
  for (uint32_t number = 0; number < std::min(kFrontChunks, document.chunks); ++number) {
    const uint32_t row = document.first_row + number;
    if (!retrieval.allowed->Has(scope->second.part, row)) continue;
    FOOTNOTE_ASSIGN_OR_RETURN(Candidate* const candidate,
                              CandidateOf(retrieval, part.base_row + row));
    // Above a half, in the document's order.
    const double later = kFrontChunks - 1 - number;
    candidate->score = 0.5 + (later + 2 * candidate->score) / (2 * kFrontChunks);
  }
  SortByScore(view, retrieval.ranked);
  return OkStatus();
}

}  // namespace footnote::retriever
