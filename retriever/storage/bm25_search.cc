#include "retriever/storage/bm25_search.h"

#include <algorithm>
#include <array>
#include <bit>
#include <memory>
#include <utility>

namespace footnote::retriever {
namespace {

// Rows whose sums fit the first-level cache beside the blocks that are walked.
constexpr uint32_t kWindowRows = 2048;
// A list with more blocks in a window is bounded as a whole: the bound of many is hardly lower.
constexpr size_t kBoundedBlocks = 4;

struct Walked {
  double factor = 0;
  int64_t bound = 0;         // of the whole list
  int64_t window_bound = 0;  // of what lies in the window
  PostingsWalk walk;
};

class PartSearch {
 public:
  PartSearch(const Bm25Formula& formula, std::span<const Bm25Query::Term> terms,
             const GenerationView& view, size_t part, const RowSet& allowed, BestHits& best)
      : formula_(formula),
        base_row_(view.parts[part].base_row),
        lengths_(view.parts[part].segment->lengths),
        allowed_(allowed.bits[part]),
        all_allowed_(allowed.counts[part] == lengths_.size()),
        best_(best) {
    std::vector<std::pair<int64_t, const Bm25Query::Term*>> by_bound;
    for (const Bm25Query::Term& term : terms) {
      const PostingsList& list = *term.lists[part];
      if (list.count() == 0) continue;
      by_bound.emplace_back(formula.MostUnits(term.factor, list.bounds()), &term);
    }
    std::stable_sort(by_bound.begin(), by_bound.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    lists_.reserve(by_bound.size());
    for (const auto& [bound, term] : by_bound) {
      lists_.push_back({term->factor, bound, 0, PostingsWalk(*term->lists[part])});
    }
    sums_below_.resize(lists_.size() + 1);
  }

  Status Run() {
    const auto rows = static_cast<uint32_t>(lengths_.size());
    for (uint32_t begin = 0; begin < rows; begin += kWindowRows) {
      const uint32_t end = std::min(rows, begin + kWindowRows);
      if (!AnyAllowed(begin, end - 1)) continue;
      for (size_t i = 0; i < lists_.size(); ++i) {
        lists_[i].window_bound = WindowBound(lists_[i], begin, end);
        sums_below_[i + 1] = sums_below_[i] + lists_[i].window_bound;
      }
      if (sums_below_.back() <= best_.threshold()) continue;
      size_t looked_up = 0;  // lists [0, looked_up) are not walked
      while (sums_below_[looked_up + 1] <= best_.threshold()) ++looked_up;
      for (size_t i = looked_up; i < lists_.size(); ++i) {
        if (lists_[i].window_bound > 0) {
          FOOTNOTE_RETURN_IF_ERROR(AddList(lists_[i], begin, end));
        }
      }
      FOOTNOTE_RETURN_IF_ERROR(OfferRows(begin, looked_up));
    }
    return OkStatus();
  }

 private:
  bool IsAllowed(uint32_t row) const { return (allowed_[row >> 3] >> (row & 7) & 1) != 0; }

  // False: no row in [first, last] is allowed. Looks at whole bytes.
  bool AnyAllowed(uint32_t first, uint32_t last) const {
    if (all_allowed_) return true;
    const auto begin = allowed_.begin() + first / 8;
    const auto end = allowed_.begin() + last / 8 + 1;
    return std::any_of(begin, end, [](uint8_t byte) { return byte != 0; });
  }

  int64_t WindowBound(Walked& walked, uint32_t begin, uint32_t end) const {
    const std::vector<PostingsList::Block>& blocks = walked.walk.list().blocks();
    const size_t first = walked.walk.SkipTo(begin);
    const size_t many = first + kBoundedBlocks;
    if (many < blocks.size() && blocks[many].base_row < end) return walked.bound;
    int64_t bound = 0;
    for (size_t b = first; b < blocks.size() && blocks[b].base_row < end; ++b) {
      bound = std::max(bound, formula_.MostUnits(walked.factor, blocks[b].bounds));
    }
    return bound;
  }

  // Adds what the list's rows of the window get from it.
  Status AddList(Walked& walked, uint32_t begin, uint32_t end) {
    const std::vector<PostingsList::Block>& blocks = walked.walk.list().blocks();
    for (size_t b = walked.walk.SkipTo(begin); b < blocks.size() && blocks[b].base_row < end; ++b) {
      if (!AnyAllowed(std::max(begin, blocks[b].base_row), std::min(end - 1, blocks[b].last_row))) {
        continue;
      }
      FOOTNOTE_RETURN_IF_ERROR(walked.walk.Decode(b));
      const DecodedBlock& block = walked.walk.decoded();
      const auto rows_end = block.rows.begin() + block.count;
      size_t i = static_cast<size_t>(std::lower_bound(block.rows.begin(), rows_end, begin) -
                                     block.rows.begin());
      for (; i < block.count && block.rows[i] < end; ++i) {
        const uint32_t row = block.rows[i];
        if (!all_allowed_ && !IsAllowed(row)) continue;
        sums_[row - begin] +=
            block.body_only
                ? formula_.BodyUnits(walked.factor, block.body[i], lengths_.body[row])
                : formula_.Units(walked.factor, block.FrequenciesAt(i), lengths_.Of(row));
        touched_[(row - begin) >> 6] |= uint64_t{1} << ((row - begin) & 63);
      }
    }
    return OkStatus();
  }

  // Completes the sums of rows that may be among the best, and offers them.
  Status OfferRows(uint32_t begin, size_t looked_up) {
    for (size_t word = 0; word < touched_.size(); ++word) {
      for (uint64_t bits = touched_[word]; bits != 0; bits &= bits - 1) {
        const auto place = static_cast<uint32_t>(word * 64 + std::countr_zero(bits));
        const uint32_t row = begin + place;
        int64_t units = sums_[place];
        sums_[place] = 0;
        for (size_t i = looked_up; i > 0 && units + sums_below_[i] > best_.threshold(); --i) {
          Walked& walked = lists_[i - 1];
          FOOTNOTE_ASSIGN_OR_RETURN(const bool found, walked.walk.AdvanceTo(row));
          if (!found) continue;
          units += formula_.Units(walked.factor, walked.walk.frequencies(), lengths_.Of(row));
        }
        // A row that was given up has too few units, too.
        if (units > best_.threshold()) best_.Offer(base_row_ + row, units);
      }
      touched_[word] = 0;
    }
    return OkStatus();
  }

  const Bm25Formula& formula_;
  const size_t base_row_;
  const RowLengths& lengths_;
  const std::vector<uint8_t>& allowed_;
  const bool all_allowed_;
  BestHits& best_;
  std::vector<Walked> lists_;        // lowest bound first
  std::vector<int64_t> sums_below_;  // of the window's bounds of lists [0, i)
  std::array<int64_t, kWindowRows> sums_ = {};
  std::array<uint64_t, kWindowRows / 64> touched_ = {};
};

}  // namespace

void BestHits::Offer(size_t row, int64_t units) {
  const LexicalHit hit{row, Bm25Formula::ScoreOf(units)};
  const auto better = [this](const LexicalHit& a, const LexicalHit& b) { return Better(a, b); };
  if (heap_.size() == k_) {
    if (!better(hit, heap_.front())) return;
    std::pop_heap(heap_.begin(), heap_.end(), better);
    heap_.pop_back();
  }
  heap_.push_back(hit);
  std::push_heap(heap_.begin(), heap_.end(), better);
  if (heap_.size() == k_) threshold_ = Bm25Formula::UnitsBelow(heap_.front().score);
}

std::vector<LexicalHit> BestHits::Take() {
  std::sort_heap(heap_.begin(), heap_.end(),
                 [this](const LexicalHit& a, const LexicalHit& b) { return Better(a, b); });
  return std::move(heap_);
}

Status SearchPart(const Bm25Formula& formula, std::span<const Bm25Query::Term> terms,
                  const GenerationView& view, size_t part, const RowSet& allowed, BestHits& best) {
  // Some sixty kilobytes: not on the stack.
  return std::make_unique<PartSearch>(formula, terms, view, part, allowed, best)->Run();
}

}  // namespace footnote::retriever
