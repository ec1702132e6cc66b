// Query to ranked passages: dense and lexical search, fusion, diversity, within filters and access
// lists.
//
// RetrievalBackend is narrow, so that another store (Milvus, over its public protocol) can stand
// behind it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/call_context.h"
#include "common/embedder.h"
#include "common/reranker.h"
#include "common/status.h"
#include "common/types.h"
#include "retriever/corpus.h"
#include "retriever/filter.h"

namespace footnote::retriever {

enum class FusionKind {
  kCalibratedSum,  // weighted sum of scores brought to one scale; the default: it measured better
  kReciprocalRank,
  kDenseOnly,
  kLexicalOnly,
};

// Parts of retrieval that can be left out, to measure what each is worth. Bits of
// RetrievalRequest::off.
enum Ablation : uint32_t {
  kWithoutFields = 1,  // title and headings count nothing: "bm25f"
  kWithoutPhrases = 2,
  kWithoutAbbreviations = 4,
  kWithoutSpelling = 8,
  kWithoutIdentifiers = 16,
  kWithoutConversation = 32,  // the turns before the question: "conversation"
  kWithoutTitles = 64,
  kWithoutSentences = 128,
  kWithoutNaming = 256,      // of the document in the question, within a scope
  kWithoutNeighbours = 512,  // within a scope
  kWithoutJoining = 1024,    // passages are single chunks: "joining"
  kWithoutFront = 2048,      // of the document, within a scope: "front"
};

// Of names parted by commas: "bm25f", "phrases", "abbreviations", "spelling", "identifiers",
// "conversation", "titles", "sentences", "naming", "neighbours", "joining", "front"; "" is none.
// INVALID_ARGUMENT lists them.
StatusOr<uint32_t> ParseAblations(const std::string& names);

inline constexpr int kMaxRerankDepth = 1000;

// Who ranks the head of the list anew.
struct Reranking {
  const Reranker* reranker = nullptr;  // null: nobody; else it outlives the backend
  int depth = 32;                      // candidates that it may read, 1…kMaxRerankDepth
};

struct RetrievalRequest {
  std::string query;
  // What a reranker reads instead of the query: with what it refers to in the conversation. Empty:
  // the query.
  std::string stand_alone_query;
  std::vector<ConversationTurn> history;  // before the query, oldest first
  int top_k = 10;                         // 1…1000 passages
  const Filter* filter = nullptr;         // null: none
  Asker asker;
  std::string scope_document_id;  // empty: whole corpus
  FusionKind fusion = FusionKind::kCalibratedSum;
  int max_per_document = 0;  // 0: no limit
  // 0…1: how much being unlike the passages before it counts for a passage, against its score,
  // which stays what it is: the list is then no longer in the order of the scores. 0: nothing.
  double diversity = 0;
  uint64_t generation = 0;  // 0: the current one; else that one, while it is kept (NOT_FOUND after)
  bool exact = false;       // scan all allowed vectors instead of using an approximate index
  uint32_t off = 0;         // Ablation bits
  std::optional<bool> rerank;  // nothing: where the backend has a reranker
};

struct RetrievalTimings {
  double embed_ms = 0;
  double dense_ms = 0;
  double lexical_ms = 0;
  double fuse_ms = 0;
  double rerank_ms = 0;
  double diversify_ms = 0;
  double fetch_ms = 0;
  double total_ms = 0;
};

struct RetrievalResult {
  std::vector<Passage> passages;  // best first
  uint64_t generation = 0;        // that all of them come from
  std::string asked;              // the query without what only names the document in scope
  bool exact_scan = false;        // the dense part was answered by an exact scan
  RetrievalTimings timings;
};

class RetrievalBackend {
 public:
  virtual ~RetrievalBackend() = default;

  // Complete and safe: min(top_k, visible matches) passages, none that the asker may not see. What
  // several places say in the same words takes one passage (Passage::also_in), and good chunks that
  // follow each other are one passage, unless there is too little else to fill the list. A corpus
  // whose documents the asker may not see gives an empty result, like one that holds nothing.
  // Errors: INVALID_ARGUMENT (empty query, unknown filter field, a number out of range), CANCELLED,
  // DEADLINE_EXCEEDED, FAILED_PRECONDITION (the embedder is not the corpus's; `rerank` is asked for
  // and there is no reranker), RESOURCE_EXHAUSTED (the reranker's queue is full). Threads:
  // concurrent calls are fine.
  virtual StatusOr<RetrievalResult> Retrieve(const RetrievalRequest& request,
                                             const CallContext& call) = 0;
};

// Retrieval from a local corpus. `embedder` outlives the backend and must have the corpus's model
// hash (FAILED_PRECONDITION otherwise, with what to run).
StatusOr<std::unique_ptr<RetrievalBackend>> MakeLocalRetriever(std::shared_ptr<Corpus> corpus,
                                                               const Embedder* embedder,
                                                               const Reranking& reranking = {});

}  // namespace footnote::retriever
