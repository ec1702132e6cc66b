// The search for a segment's best rows: MaxScore over windows of rows.
//
// Lists whose bounds together cannot lift a row above the worst hit that is kept are not walked;
// they are looked up for rows that others brought. Sources: Turtle and Flood 1995, "Query
// evaluation: strategies and optimizations"; Ding and Suel 2011, "Faster top-k document retrieval
// using block-max indexes".
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "common/status.h"
#include "retriever/storage/bm25.h"

namespace footnote::retriever {

// The k best hits so far, over all parts.
class BestHits {
 public:
  BestHits(size_t k, const GenerationView& view) : k_(k), view_(view) {}

  void Offer(size_t row, int64_t units);
  // A row with no more units than this cannot be among the best.
  int64_t threshold() const { return threshold_; }
  // Best first.
  std::vector<LexicalHit> Take();

 private:
  bool Better(const LexicalHit& a, const LexicalHit& b) const {
    return a.score != b.score ? a.score > b.score : view_.Precedes(a.row, b.row);
  }

  size_t k_;
  const GenerationView& view_;
  std::vector<LexicalHit> heap_;  // its front is the worst that is kept
  int64_t threshold_ = 0;
};

// Goes up the rows of a list, and takes apart only the blocks where it stops. Outlived by the list.
class PostingsWalk {
 public:
  explicit PostingsWalk(const PostingsList& list) : list_(&list) {}

  const PostingsList& list() const { return *list_; }

  // Rows must ascend from call to call. True when the list has the row.
  StatusOr<bool> AdvanceTo(uint32_t row) {
    const std::vector<PostingsList::Block>& blocks = list_->blocks();
    SkipTo(row);
    if (block_ == blocks.size() || blocks[block_].base_row > row) return false;
    FOOTNOTE_RETURN_IF_ERROR(Decode(block_));
    while (decoded_.rows[at_] < row) ++at_;  // the block's last row is not below
    return decoded_.rows[at_] == row;
  }
  FieldCounts frequencies() const { return decoded_.FrequenciesAt(at_); }

  // The first block that may hold the row or one behind it; blocks().size() when there is none.
  size_t SkipTo(uint32_t row) {
    const std::vector<PostingsList::Block>& blocks = list_->blocks();
    while (block_ < blocks.size() && blocks[block_].last_row < row) ++block_;
    return block_;
  }

  Status Decode(size_t block) {
    if (block == decoded_block_) return OkStatus();
    decoded_block_ = block;
    at_ = 0;
    return list_->Decode(block, decoded_);
  }
  const DecodedBlock& decoded() const { return decoded_; }

 private:
  const PostingsList* list_;
  size_t block_ = 0;
  size_t decoded_block_ = SIZE_MAX;
  uint32_t at_ = 0;
  DecodedBlock decoded_;
};

// Offers the allowed rows of a part that may be among the best. Errors: DATA_LOSS.
Status SearchPart(const Bm25Formula& formula, std::span<const Bm25Query::Term> terms,
                  const GenerationView& view, size_t part, const RowSet& allowed, BestHits& best);

}  // namespace footnote::retriever
