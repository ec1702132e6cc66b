#include "retriever/stages/stage.h"
#include "retriever/storage/codec.h"

namespace footnote::retriever {
namespace {

// Appends the stored vector of a row.
Status AppendStored(const Retrieval& retrieval, const LoadedSegment& segment, uint32_t row,
                    size_t width, std::vector<float>& out) {
  FOOTNOTE_ASSIGN_OR_RETURN(
      const auto bytes,
      retrieval.snapshot.store->Get(Table::kVectors, RowKey(segment.record.id(), row)));
  if (!bytes) return AbortedError("the generation was dropped while it was searched");
  if (!DecodeHalves(*bytes, width, out)) {
    return DataLossError("a stored vector has another width than the corpus");
  }
  return OkStatus();
}

}  // namespace

StatusOr<std::vector<float>> CosinesOf(const Retrieval& retrieval, size_t part,
                                       const std::vector<uint32_t>& rows) {
  const LoadedSegment& segment = *retrieval.snapshot.view->parts[part].segment;
  const std::vector<float>& query = retrieval.query_vector;
  if (!segment.vectors->rounds()) return segment.vectors->Scores(query, rows);
  std::vector<float> scores;
  scores.reserve(rows.size());
  std::vector<float> vector;
  for (uint32_t row : rows) {
    vector.clear();
    FOOTNOTE_RETURN_IF_ERROR(AppendStored(retrieval, segment, row, query.size(), vector));
    double sum = 0;
    for (size_t i = 0; i < query.size(); ++i) sum += double{query[i]} * vector[i];
    scores.push_back(static_cast<float>(sum));
  }
  return scores;
}

StatusOr<std::vector<float>> VectorsOf(const Retrieval& retrieval, size_t part,
                                       const std::vector<uint32_t>& rows) {
  const GenerationView& view = *retrieval.snapshot.view;
  const LoadedSegment& segment = *view.parts[part].segment;
  std::vector<float> vectors;
  vectors.reserve(rows.size() * view.embedder.width());
  for (uint32_t row : rows) {
    if (segment.vectors->rounds()) {
      FOOTNOTE_RETURN_IF_ERROR(
          AppendStored(retrieval, segment, row, view.embedder.width(), vectors));
    } else {
      FOOTNOTE_RETURN_IF_ERROR(segment.vectors->Reconstruct(row, vectors));
    }
  }
  return vectors;
}

}  // namespace footnote::retriever
