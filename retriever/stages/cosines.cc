#include "retriever/stages/stage.h"
#include "retriever/storage/codec.h"

namespace footnote::retriever {

StatusOr<std::vector<float>> CosinesOf(const Retrieval& retrieval, size_t part,
                                       const std::vector<uint32_t>& rows) {
  const LoadedSegment& segment = *retrieval.snapshot.view->parts[part].segment;
  const std::vector<float>& query = retrieval.query_vector;
  if (!segment.vectors->rounds()) return segment.vectors->Scores(query, rows);
  std::vector<float> scores;
  scores.reserve(rows.size());
  std::vector<float> vector;
  for (uint32_t row : rows) {
    FOOTNOTE_ASSIGN_OR_RETURN(
        const auto bytes,
        retrieval.snapshot.store->Get(Table::kVectors, RowKey(segment.record.id(), row)));
    if (!bytes) return AbortedError("the generation was dropped while it was searched");
    vector.clear();
    if (!DecodeHalves(*bytes, query.size(), vector)) {
      return DataLossError("a stored vector has another width than the corpus");
    }
    double sum = 0;
    for (size_t i = 0; i < query.size(); ++i) sum += double{query[i]} * vector[i];
    scores.push_back(static_cast<float>(sum));
  }
  return scores;
}

}  // namespace footnote::retriever
