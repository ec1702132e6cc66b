// Postings in RocksDB: writing a segment's, and reading a term's.
//
// A posting says how often a term occurs in each field of a row. A term's postings in a segment are
// one list, cut into stretches (a table row each) and blocks (what is decoded at once, with bounds
// on what is in it). docs/index_format.md tells the bytes. Segments of format 1 have one field, the
// body; what is read of them takes the form of the newest format.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/status.h"
#include "retriever/storage/chunk_store.h"

namespace footnote::retriever {

// Of what SegmentBuilder writes; kept in SegmentRecord. 1: a single field.
inline constexpr uint32_t kLexicalFormat = 2;

// What a row's terms stand in. Numbers are kept on disk.
enum Field { kTitle, kHeadings, kBody };
inline constexpr size_t kFields = 3;

using FieldTerms = std::array<std::vector<std::string>, kFields>;
using FieldCounts = std::array<uint32_t, kFields>;

// Terms in each field of a segment's rows. Titles and headings of more than 65,535 terms count as
// that many.
struct RowLengths {
  std::vector<uint32_t> body;
  std::vector<uint16_t> title;
  std::vector<uint16_t> headings;

  size_t size() const { return body.size(); }
  FieldCounts Of(uint32_t row) const { return {title[row], headings[row], body[row]}; }
  void Add(const FieldCounts& lengths);
};

struct Posting {
  uint32_t row = 0;
  FieldCounts frequencies = {};
};

// No posting of a block has more in a field than `most`, and none that has any there is in a row
// whose field is shorter than `shortest`.
struct PostingBounds {
  FieldCounts most = {};
  FieldCounts shortest = {UINT32_MAX, UINT32_MAX, UINT32_MAX};

  void Add(const FieldCounts& frequencies, const FieldCounts& lengths);
  void Add(const PostingBounds& other);
  bool operator==(const PostingBounds&) const = default;
};

// Small enough that a block is decoded for the sake of one posting.
inline constexpr size_t kBlockPostings = 128;

// A block taken apart.
struct DecodedBlock {
  uint32_t count = 0;
  bool body_only = true;  // then `title` and `headings` say nothing
  std::array<uint32_t, kBlockPostings> rows;
  std::array<uint32_t, kBlockPostings> body;
  std::array<uint32_t, kBlockPostings> title;
  std::array<uint32_t, kBlockPostings> headings;

  FieldCounts FrequenciesAt(size_t i) const {
    if (body_only) return {0, 0, body[i]};
    return {title[i], headings[i], body[i]};
  }
};

// The postings of one term in one segment, in memory, rows ascending. Immutable once read.
class PostingsList {
 public:
  struct Block {
    uint32_t base_row = 0;  // its rows lie in [base_row, last_row]
    uint32_t last_row = 0;
    uint32_t offset = 0;  // of its bytes
    uint32_t count = 0;
    PostingBounds bounds;
  };

  const std::vector<Block>& blocks() const { return blocks_; }
  size_t count() const { return count_; }
  const PostingBounds& bounds() const { return bounds_; }
  size_t memory_bytes() const;
  void ShrinkToFit();

  // DATA_LOSS when the block's bytes do not hold what they should.
  Status Decode(size_t block, DecodedBlock& out) const;

  // Takes a stretch from the table; those of a list come in the order of their keys. DATA_LOSS when
  // it is damaged or names a row at or behind lengths.size().
  Status AddStretch(uint32_t format, std::string_view value, uint32_t first_row,
                    const RowLengths& lengths);

 private:
  Status AddBlocks(std::string_view value, uint32_t first_row, const RowLengths& lengths);

  std::string bytes_;
  std::vector<Block> blocks_;
  size_t count_ = 0;
  PostingBounds bounds_;
};

// Collects the postings of one segment, rows in ascending order without gaps.
class PostingsWriter {
 public:
  // most_bytes: of memory, about. When lists take more, all are written, as blocks that are not
  // full: the more memory, the fewer blocks a query's word has.
  PostingsWriter(uint32_t segment, ChunkStore& store, uint64_t most_bytes = UINT64_MAX)
      : segment_(segment), store_(store), most_bytes_(most_bytes) {}

  // Errors: those of writing, since full stretches are written as they come.
  Status Add(const FieldTerms& terms);
  Status Finish();

 private:
  struct List {
    std::string bytes;
    uint32_t first_row = 0;
    uint32_t last_row = 0;
    uint32_t count = 0;
  };
  Status Flush(const std::string& term, List& list, ChunkStore::Batch& batch);
  // Writes all lists and forgets them.
  Status FlushAll();

  uint32_t segment_;
  ChunkStore& store_;
  const uint64_t most_bytes_;
  uint64_t bytes_ = 0;  // that lists_ takes, about
  std::unordered_map<std::string, List> lists_;
  RowLengths lengths_;
};

// DATA_LOSS when they are not those of `rows` rows.
StatusOr<RowLengths> ReadRowLengths(const ChunkStore& store, uint32_t segment, uint32_t format,
                                    size_t rows);

// All that the segment holds of `term`; empty when there is nothing.
StatusOr<PostingsList> ReadPostings(ChunkStore::Cursor& cursor, uint32_t segment, uint32_t format,
                                    std::string_view term, const RowLengths& lengths);

// What postings keys of a segment begin with, and the term and first row in one.
std::string PostingsPrefix(uint32_t segment);
bool ParsePostingsKey(std::string_view key, std::string_view& term, uint32_t& first_row);

}  // namespace footnote::retriever
