// BM25F of a query over a generation: the best rows, and the scores of given rows.
//
// Statistics (document frequency, count, mean lengths) are those of the rows the asker may see, so
// that neither a score nor an order tells anything about a hidden document: the result is that of a
// corpus without it. Source: Robertson and Zaragoza 2009, "The Probabilistic Relevance Framework:
// BM25 and Beyond", with the idf ln(1 + (N - df + 0.5) / (df + 0.5)), which is never negative.
//
// What a term adds to a row is rounded to a multiple of 2^-40 and summed as an integer, so that a
// score does not depend on the order in which terms are met. Rows that cannot be among the best are
// passed over (bm25_search.h), which changes no score and no order.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "common/status.h"
#include "retriever/storage/postings_cache.h"
#include "retriever/storage/view.h"

namespace footnote::retriever {

struct FieldParameters {
  double weight = 1;  // of an occurrence there; 0 and above
  double b = 0.4;     // weight of the field's length: 0…1
};

struct Bm25Parameters {
  double k1 = 0.9;  // saturation of repeated terms; above 0
  std::array<FieldParameters, kFields> fields = {};
};

// A term as the analyzer gives it. Terms of weight 0 or less are left out, above 1,000 counts as
// 1,000; weights of the same term add up.
struct QueryTerm {
  std::string term;
  double weight = 1;
};

struct LexicalHit {
  size_t row = 0;  // over all parts
  float score = 0;
};

// What queries are asked of. All of it outlives them.
struct LexicalSource {
  PostingsCache& postings;
  const GenerationView& view;
  const RowSet& visible;
};

// Rows that are visible and hold the term. Errors: DATA_LOSS, those of reading.
StatusOr<size_t> CountRows(const LexicalSource& source, PostingsCache::Reader& reader,
                           const std::string& term);

// Allowed rows that hold all the terms, ascending; none when there are no terms. Errors: DATA_LOSS,
// those of reading.
StatusOr<std::vector<size_t>> RowsWithAll(const LexicalSource& source,
                                          PostingsCache::Reader& reader,
                                          std::span<const std::string> terms,
                                          const RowSet& allowed);

// What an occurrence is worth: BM25F with the statistics of one set of rows. Sums are in units of
// 2^-40.
class Bm25Formula {
 public:
  Bm25Formula(const Bm25Parameters& parameters, const RowSet& visible);

  // weight · idf · (k1 + 1), in units.
  double Factor(double weight, size_t rows_with_term) const;

  int64_t Units(double factor, const FieldCounts& frequencies, const FieldCounts& lengths) const {
    double tf = frequencies[kBody] * BodyNorm(lengths[kBody]);
    if (frequencies[kTitle] != 0) tf += frequencies[kTitle] * Norm(kTitle, lengths[kTitle]);
    if (frequencies[kHeadings] != 0) {
      tf += frequencies[kHeadings] * Norm(kHeadings, lengths[kHeadings]);
    }
    return Saturate(factor, tf);
  }
  int64_t BodyUnits(double factor, uint32_t frequency, uint32_t length) const {
    return Saturate(factor, frequency * BodyNorm(length));
  }
  // Nothing within the bounds has more.
  int64_t MostUnits(double factor, const PostingBounds& bounds) const;

  static float ScoreOf(int64_t units) {
    return static_cast<float>(static_cast<double>(units) / kUnitsPerOne);
  }
  // Every sum up to this many units has a lower score.
  static int64_t UnitsBelow(float score);

 private:
  static constexpr double kUnitsPerOne = 1099511627776.0;  // 2^40

  double Norm(size_t field, uint32_t length) const {
    const FieldParameters& parameters = parameters_.fields[field];
    return parameters.weight / (1 - parameters.b + parameters.b * length / mean_lengths_[field]);
  }
  double BodyNorm(uint32_t length) const {
    return length < body_norms_.size() ? body_norms_[length] : Norm(kBody, length);
  }
  int64_t Saturate(double factor, double tf) const {
    return static_cast<int64_t>(factor * tf / (tf + parameters_.k1) + 0.5);
  }

  Bm25Parameters parameters_;
  double rows_ = 0;
  std::array<double, kFields> mean_lengths_ = {};
  std::vector<double> body_norms_;  // of usual lengths
};

// One query, its lists in memory. Threads: const calls are safe concurrently.
class Bm25Query {
 public:
  struct Term {
    double factor = 0;                                       // Bm25Formula::Factor
    std::vector<std::shared_ptr<const PostingsList>> lists;  // by part
  };

  // Errors: DATA_LOSS, those of reading.
  static StatusOr<Bm25Query> Make(const LexicalSource& source, std::span<const QueryTerm> terms,
                                  const Bm25Parameters& parameters);

  // The k best of the allowed rows (all of them visible) that hold a term; best first, ties in the
  // order of GenerationView::Precedes. Errors: DATA_LOSS.
  StatusOr<std::vector<LexicalHit>> Best(size_t k, const RowSet& allowed) const;

  // Of visible rows, in any order; 0 where no term occurs. Errors: DATA_LOSS.
  StatusOr<std::vector<float>> ScoresOf(std::span<const size_t> rows) const;

 private:
  Bm25Query(const GenerationView& view, const Bm25Formula& formula)
      : view_(&view), formula_(formula) {}

  const GenerationView* view_;
  Bm25Formula formula_;
  std::vector<Term> terms_;
};

}  // namespace footnote::retriever
