// BM25 of a query over a generation: the best rows, and the scores of given rows.
//
// Statistics (document frequency, count, mean length) are those of the rows the asker may see, so
// that neither a score nor an order tells anything about a hidden document: the result is that of a
// corpus without it. Source: Robertson and Zaragoza 2009, "The Probabilistic Relevance Framework:
// BM25 and Beyond", with the idf ln(1 + (N - df + 0.5) / (df + 0.5)), which is never negative.
//
// What a term adds to a row is rounded to a multiple of 2^-40 and summed as an integer, so that a
// score does not depend on the order in which terms are met.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "common/status.h"
#include "retriever/storage/chunk_store.h"
#include "retriever/storage/lexical_index.h"
#include "retriever/storage/view.h"

namespace footnote::retriever {

struct Bm25Parameters {
  double k1 = 0.9;  // saturation of repeated terms
  double b = 0.4;   // weight of a row's length
};

// A term as the analyzer gives it. Terms of weight 0 or less are left out; weights of the same term
// add up.
struct QueryTerm {
  std::string term;
  double weight = 1;
};

struct LexicalHit {
  size_t row = 0;  // over all parts
  float score = 0;
};

// One query, read from the tables. `view` and `visible` outlive it. Threads: const calls are safe
// concurrently.
class Bm25Query {
 public:
  // Errors: DATA_LOSS, those of reading.
  static StatusOr<Bm25Query> Make(const ChunkStore& store, const GenerationView& view,
                                  const RowSet& visible, std::span<const QueryTerm> terms,
                                  const Bm25Parameters& parameters);

  // The k best of the rows that are visible and allowed and hold a term; best first, ties in the
  // order of GenerationView::Precedes.
  std::vector<LexicalHit> Best(size_t k, const RowSet& allowed) const;

  // Of rows in any order: 0 where no term occurs or the row is not visible.
  std::vector<float> ScoresOf(std::span<const size_t> rows) const;

 private:
  struct Term {
    double factor = 0;                           // weight · idf · (k1 + 1)
    std::vector<std::vector<Posting>> postings;  // by part, ascending rows
  };

  Bm25Query(const GenerationView& view, const RowSet& visible, const Bm25Parameters& parameters)
      : view_(view), visible_(visible), parameters_(parameters) {}

  int64_t Contribution(const Term& term, size_t part, const Posting& posting) const;

  const GenerationView& view_;
  const RowSet& visible_;
  Bm25Parameters parameters_;
  double mean_length_ = 1;
  std::vector<Term> terms_;
};

}  // namespace footnote::retriever
