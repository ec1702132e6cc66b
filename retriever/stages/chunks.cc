#include "retriever/stages/chunks.h"

#include "retriever/storage/codec.h"

namespace footnote::retriever {

StatusOr<records::ChunkRecord> ReadChunk(const Retrieval& retrieval, size_t row) {
  const auto place = retrieval.snapshot.view->Locate(row);
  const uint32_t segment = retrieval.snapshot.view->parts[place.part].segment->record.id();
  FOOTNOTE_ASSIGN_OR_RETURN(
      const auto value, retrieval.snapshot.store->Get(Table::kChunks, RowKey(segment, place.row)));
  if (!value) return AbortedError("the generation was dropped while it was searched");
  return ParseRecord<records::ChunkRecord>(*value, "chunk");
}

}  // namespace footnote::retriever
