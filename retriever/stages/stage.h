// A question's way through the retriever: what the stages share, and the stages.
//
// Each stage is one file here and one line in stages.def, which is their order.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "retriever/retriever.h"
#include "retriever/storage/bm25.h"
#include "retriever/storage/local_corpus.h"

namespace footnote::retriever {

struct Candidate {
  size_t row = 0;  // over all parts of the view
  double score = 0;
  float dense = 0;
  float lexical = 0;
  float sentence = 0;    // cosine of its nearest sentence; 0: not looked at
  bool embedded = true;  // false: there is no vector yet, and `dense` says nothing
};

// One request's state. A stage reads what those before it wrote.
struct Retrieval {
  LocalCorpus& corpus;
  const Embedder& embedder;
  const RetrievalRequest& request;
  const CallContext& call;
  const Reranking& reranking;
  size_t depth = 0;  // of each of the two lists
  Bm25Parameters bm25_parameters = {};

  // By the caller:
  LocalCorpus::Snapshot snapshot = {};
  std::vector<float> query_vector = {};  // embedded once, however often the stages run
  // By rerank, however often the stages run: what the reranker gave to rows of the snapshot.
  std::unordered_map<size_t, float> relevance = {};
  // By filter:
  std::shared_ptr<const RowSet> visible = nullptr;  // to the asker: whose statistics count
  std::shared_ptr<const RowSet> allowed = nullptr;  // what may be returned
  // By naming:
  std::string_view question = {};  // what is asked: the query, or the end of it
  // By terms, and by any stage between it and bm25 that has something to add: see AddQueryTerm.
  std::vector<QueryTerm> query_terms = {};
  // By dense:
  std::vector<Candidate> dense = {};  // best first
  // By bm25:
  std::optional<Bm25Query> bm25 = {};   // scores further rows; not when uses_lexical() is false
  std::vector<Candidate> lexical = {};  // best first
  // By exact:
  double lexical_lead = 0;  // 0…1: how much of the query is names and rare words, which passages
                            // must hold as they stand; 1: it is nothing else
  size_t exact_texts = 0;   // that passages should hold: quoted phrases, names
  std::unordered_map<size_t, size_t> exact_rows = {};  // how many of them a row holds; 0 left out
  // By fuse, ordered anew by titles, sentences, neighbours, rerank, front and lead, cut by
  // diversify, then ordered by marginal_relevance, no longer by score:
  std::vector<Candidate> ranked = {};  // best first
  double dense_weight = 0;             // of the calibrated sum, and the range of cosines that it
  double dense_range = 0;              // stretches to 0…1
  // By fetch:
  RetrievalResult result = {};
  size_t distinct = 0;  // passages of the result that say what none before them says

  bool uses_dense() const { return request.fusion != FusionKind::kLexicalOnly; }
  bool uses_lexical() const { return request.fusion != FusionKind::kDenseOnly; }
  bool uses_history() const {
    return !request.history.empty() && !leaves_out(kWithoutConversation);
  }
  bool reranks() const { return reranking.reranker != nullptr && request.rerank.value_or(true); }
  bool leaves_out(Ablation part) const { return (request.off & part) != 0; }
};

// The newest answer of the conversation, cut if it is very long; empty when there is none.
std::string_view LastAnswer(const RetrievalRequest& request);

// How many of the exact texts a candidate's row holds.
inline size_t ExactTextsHeld(const Retrieval& retrieval, const Candidate& candidate) {
  const auto found = retrieval.exact_rows.find(candidate.row);
  return found == retrieval.exact_rows.end() ? 0 : found->second;
}

// Best first, ties as everywhere.
void SortByScore(const GenerationView& view, std::span<Candidate> candidates);

// Adds a term that the query does not have yet.
inline void AddQueryTerm(Retrieval& retrieval, const std::string& term, double weight) {
  for (const QueryTerm& known : retrieval.query_terms) {
    if (known.term == term) return;
  }
  retrieval.query_terms.push_back({term, weight});
}

// Whether a document of a part is visible to the asker.
inline bool IsVisible(const Retrieval& retrieval, size_t part, uint32_t ordinal) {
  const LoadedSegment::Document& document =
      retrieval.snapshot.view->parts[part].segment->documents[ordinal];
  return document.chunks > 0 && retrieval.visible->Has(part, document.first_row);
}

// What the lexical stages ask.
inline LexicalSource SourceOf(const Retrieval& retrieval) {
  return {*retrieval.snapshot.postings, *retrieval.snapshot.view, *retrieval.visible};
}

// True cosines of the query with rows of one part: from the index where it holds vectors unrounded,
// else from the stored ones. The part must have vectors. ABORTED when the generation was dropped
// meanwhile.
StatusOr<std::vector<float>> CosinesOf(const Retrieval& retrieval, size_t part,
                                       const std::vector<uint32_t>& rows);

// The vectors of rows of one part, [rows, the corpus's width]: exactly those that were stored. The
// part must have vectors. Errors: as CosinesOf.
StatusOr<std::vector<float>> VectorsOf(const Retrieval& retrieval, size_t part,
                                       const std::vector<uint32_t>& rows);

#define FOOTNOTE_STAGE(name, timing) Status Run##name##Stage(Retrieval& retrieval);
#include "retriever/stages/stages.def"
#undef FOOTNOTE_STAGE

}  // namespace footnote::retriever
