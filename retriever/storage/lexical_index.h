// Postings in RocksDB: writing a segment's, and reading them.
//
// Postings are blocks of delta-coded varints per (segment, term); see docs/index_format.md.
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

// Collects the postings of one segment, rows in ascending order.
class PostingsWriter {
 public:
  PostingsWriter(uint32_t segment, ChunkStore& store) : segment_(segment), store_(store) {}

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

  uint32_t segment_;
  ChunkStore& store_;
  std::unordered_map<std::string, List> lists_;
  std::string lengths_;
  uint32_t rows_ = 0;
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

}  // namespace footnote::retriever
