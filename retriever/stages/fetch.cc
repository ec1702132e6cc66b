// The passages of the best candidates, each judged once more by the access lists of this moment.
//
// What several chunks say in the same words (boilerplate, copies of a document) is one passage, at
// the best of its places; the others fill the list only where nothing else does.
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

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

// The words alone: letters and digits, capital letters made small.
std::string WordsOf(std::string_view text) {
  std::string words;
  bool gap = false;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool is_upper = byte >= 'A' && byte <= 'Z';
    if (is_upper || (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte >= 0x80) {
      if (gap && !words.empty()) words.push_back(' ');
      words.push_back(is_upper ? static_cast<char>(byte + 32) : c);
      gap = false;
    } else {
      gap = true;
    }
  }
  return words;
}

}  // namespace

Status RunFetchStage(Retrieval& retrieval) {
  std::vector<Passage>& passages = retrieval.result.passages;
  passages.clear();
  std::vector<std::pair<size_t, Passage>> repetitions;  // and before which passage each comes
  std::unordered_map<std::string, size_t> first_with;   // words -> place in `passages`
  const auto wanted = static_cast<size_t>(retrieval.request.top_k);
  FOOTNOTE_ASSIGN_OR_RETURN(const LocalCorpus::Snapshot now, retrieval.corpus.Now());
  const GenerationView& view = *retrieval.snapshot.view;
  for (const Candidate& candidate : retrieval.ranked) {
    if (passages.size() == wanted) break;
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
    Passage passage = MakePassage(document, chunk, place.row - document.first_row, candidate);
    const auto [first, is_new] = first_with.emplace(WordsOf(passage.text), passages.size());
    if (is_new || first->first.empty()) {
      passages.push_back(std::move(passage));
    } else {
      passages[first->second].also_in.push_back(
          {passage.document_id, passage.version, passage.title, passage.span});
      repetitions.emplace_back(passages.size(), std::move(passage));
    }
  }
  retrieval.distinct = passages.size();
  if (repetitions.size() > wanted - passages.size()) {
    repetitions.resize(wanted - passages.size());
  }
  // From the back, so that the places of those before stay what they are.
  for (auto repetition = repetitions.rbegin(); repetition != repetitions.rend(); ++repetition) {
    passages.insert(passages.begin() + static_cast<ptrdiff_t>(repetition->first),
                    std::move(repetition->second));
  }
  return OkStatus();
}

}  // namespace footnote::retriever
