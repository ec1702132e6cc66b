// The best candidates once more, by their sentence that is nearest to the query.
//
// A chunk's own vector is the mean of all that it says; a question asks for one thing of it. In the
// calibrated sum, the cosine becomes a share of the nearest sentence's and the rest of the chunk's.
// Only the head of the list is looked at, and stays before the rest.
#include "retriever/storage/sentence_vectors.h"

#include <algorithm>

#include "retriever/stages/stage.h"

namespace footnote::retriever {
namespace {

// Measured: docs/quality.md. Which document is meant, the whole chunk says best; which place in
// it, the sentence.
constexpr double kShareInCorpus = 0.2;
constexpr double kShareInScope = 0.45;
// Reading one takes some microseconds.
constexpr size_t kHead = 64;

}  // namespace

Status RunSentencesStage(Retrieval& retrieval) {
  if (retrieval.request.fusion != FusionKind::kCalibratedSum ||
      retrieval.leaves_out(kWithoutSentences) || retrieval.dense_range <= 0) {
    return OkStatus();
  }
  const GenerationView& view = *retrieval.snapshot.view;
  const double share = retrieval.request.scope_document_id.empty() ? kShareInCorpus : kShareInScope;
  const size_t count = std::min(kHead, retrieval.ranked.size());
  for (size_t i = 0; i < count; ++i) {
    Candidate& candidate = retrieval.ranked[i];
    if (!candidate.embedded) continue;
    const auto place = view.Locate(candidate.row);
    const uint32_t segment = view.parts[place.part].segment->record.id();
    FOOTNOTE_ASSIGN_OR_RETURN(
        const auto bytes,
        retrieval.snapshot.store->Get(Table::kVectors, SentenceKey(segment, place.row)));
    if (!bytes) continue;  // a release without sentence vectors wrote it
    FOOTNOTE_ASSIGN_OR_RETURN(const ChunkSentences sentences,
                              DecodeSentences(*bytes, retrieval.query_vector.size()));
    const NearestSentence nearest = FindNearestSentence(sentences, retrieval.query_vector);
    candidate.sentence = nearest.cosine;
    candidate.score += retrieval.dense_weight * share * (double{nearest.cosine} - candidate.dense) /
                       retrieval.dense_range;
  }
  SortByScore(view, std::span(retrieval.ranked).first(count));
  return OkStatus();
}

}  // namespace footnote::retriever
