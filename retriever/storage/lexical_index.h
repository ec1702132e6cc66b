// BM25 over postings in RocksDB: writing a segment's, and scoring a query over a generation.
//
// Postings are blocks of delta-coded varints per (segment, term); see docs/index_format.md.
// Statistics (document frequency, count, mean length) are those of the rows the asker may see, so
// that neither a score nor an order tells anything about a hidden document: the result is that of a
// corpus without it. Source: Robertson and Zaragoza 2009, "The Probabilistic Relevance Framework:
// BM25 and Beyond", with the idf ln(1 + (N - df + 0.5) / (df + 0.5)), which is never negative.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/status.h"
#include "retriever/storage/chunk_store.h"

namespace footnote::retriever {

struct Bm25Parameters {
  double k1 = 0.9;  // saturation of repeated terms
  double b = 0.4;   // weight of a row's length
};

// Collects the postings of one segment, rows in ascending order.
class PostingsWriter {
 public:
  // most_bytes: of memory, about. When lists take more, all are written, as blocks that are not
  // full: the more memory, the fewer blocks a query's word has.
  PostingsWriter(uint32_t segment, ChunkStore& store, uint64_t most_bytes = UINT64_MAX)
      : segment_(segment), store_(store), most_bytes_(most_bytes) {}

  // Errors: those of writing, since full blocks are written as they come.
  Status Add(uint32_t row, std::span<const std::string> terms);
  Status Finish();

 private:
  struct List {
    std::string bytes;
    uint32_t first_row = 0;
    uint32_t last_row = 0;
    uint32_t count = 0;
  };
  void Flush(const std::string& term, List& list, ChunkStore::Batch& batch);
  // Writes all lists and forgets them.
  Status FlushAll();

  uint32_t segment_;
  ChunkStore& store_;
  const uint64_t most_bytes_;
  uint64_t bytes_ = 0;  // that lists_ takes, about
  std::unordered_map<std::string, List> lists_;
  std::string lengths_;
};

// Terms in each row of a segment.
StatusOr<std::vector<uint32_t>> ReadRowLengths(const ChunkStore& store, uint32_t segment,
                                               size_t rows);

struct Posting {
  uint32_t row = 0;
  uint32_t frequency = 0;
};

// Takes a block apart. DATA_LOSS when it is damaged or names a row at or behind `rows`.
Status DecodePostings(std::string_view block, uint32_t first_row, size_t rows,
                      std::vector<Posting>& out);

// Appends the postings of `term` in a segment of `rows` rows, ascending.
Status ReadPostings(ChunkStore::Cursor& cursor, uint32_t segment, std::string_view term,
                    size_t rows, std::vector<Posting>& out);

// What postings keys of a segment begin with, and the term and first row in one.
std::string PostingsPrefix(uint32_t segment);
bool ParsePostingsKey(std::string_view key, std::string_view& term, uint32_t& first_row);

// One segment as the scorer sees it.
struct LexicalPart {
  uint32_t segment = 0;
  std::span<const uint32_t> lengths;  // of each row
  std::span<const uint8_t> visible;   // bitmap: rows that count in the statistics and may score
};

// Scores of all rows, part after part: 0 where no term occurs or the row is not visible.
StatusOr<std::vector<float>> ScoreBm25(const ChunkStore& store, std::span<const LexicalPart> parts,
                                       uint64_t visible_rows, double visible_length,
                                       std::vector<std::string> terms,
                                       const Bm25Parameters& parameters);

}  // namespace footnote::retriever
