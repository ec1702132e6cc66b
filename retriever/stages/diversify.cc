// At most so many passages of one document, the best of each.
#include <unordered_map>

#include "retriever/stages/stage.h"

namespace footnote::retriever {

Status RunDiversifyStage(Retrieval& retrieval) {
  const int most = retrieval.request.max_per_document;
  if (most <= 0) return OkStatus();
  const GenerationView& view = *retrieval.snapshot.view;
  std::unordered_map<uint64_t, int> taken;  // by part and ordinal
  std::erase_if(retrieval.ranked, [&](const Candidate& candidate) {
    const auto place = view.Locate(candidate.row);
    const uint32_t ordinal = view.parts[place.part].segment->DocumentOfRow(place.row);
    return ++taken[uint64_t{place.part} << 32 | ordinal] > most;
  });
  return OkStatus();
}

}  // namespace footnote::retriever
