// The passages of the best candidates, each judged once more by the access lists of this moment.
#include "retriever/stages/stage.h"
#include "retriever/storage/codec.h"

namespace footnote::retriever {
namespace {

Passage MakePassage(const LoadedSegment::Document& document, const records::ChunkRecord& chunk,
                    uint32_t number, const Candidate& candidate) {
  Passage passage;
  passage.document_id = document.id;
  passage.version = document.version;
  passage.title = document.title;
  passage.chunk_id = document.id + "#" + std::to_string(number);
  passage.score = candidate.score;
  passage.dense_score = candidate.dense;
  passage.lexical_score = candidate.lexical;
  passage.span = {chunk.start(), chunk.end()};
  passage.text = chunk.text();
  passage.heading_path.assign(chunk.heading_path().begin(), chunk.heading_path().end());
  passage.clause = chunk.clause();
  passage.page = static_cast<int>(chunk.page());
  return passage;
}

}  // namespace

Status RunFetchStage(Retrieval& retrieval) {
  retrieval.result.passages.clear();
  FOOTNOTE_ASSIGN_OR_RETURN(const LocalCorpus::Snapshot now, retrieval.corpus.Now());
  const GenerationView& view = *retrieval.snapshot.view;
  for (const Candidate& candidate : retrieval.ranked) {
    if (retrieval.result.passages.size() == static_cast<size_t>(retrieval.request.top_k)) break;
    const auto place = view.Locate(candidate.row);
    const GenerationView::Part& part = view.parts[place.part];
    const uint32_t ordinal = part.segment->DocumentOfRow(place.row);
    const LoadedSegment::Document& document = part.segment->documents[ordinal];
    if (part.dead[ordinal] || !now.access->Allows(retrieval.request.asker, document.id)) continue;
    if (now.newer != nullptr || now.view != retrieval.snapshot.view) {
      // Deleted or replaced since the view was loaded.
      FOOTNOTE_ASSIGN_OR_RETURN(const bool holds,
                                retrieval.corpus.Holds(now, document.id, document.version));
      if (!holds) continue;
    }
    FOOTNOTE_ASSIGN_OR_RETURN(const auto value,
                              retrieval.snapshot.store->Get(
                                  Table::kChunks, RowKey(part.segment->record.id(), place.row)));
    // The writer has dropped this generation since the request began: the caller begins again.
    if (!value) return AbortedError("the generation was dropped while it was searched");
    FOOTNOTE_ASSIGN_OR_RETURN(const auto chunk, ParseRecord<records::ChunkRecord>(*value, "chunk"));
    retrieval.result.passages.push_back(
        MakePassage(document, chunk, place.row - document.first_row, candidate));
  }
  return OkStatus();
}

}  // namespace footnote::retriever
