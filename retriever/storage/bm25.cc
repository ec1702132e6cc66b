#include "retriever/storage/bm25.h"

#include <algorithm>
#include <cmath>
#include <map>

namespace footnote::retriever {
namespace {

constexpr double kUnitsPerOne = 1099511627776.0;  // 2^40

float ScoreOf(int64_t units) {
  return static_cast<float>(static_cast<double>(units) / kUnitsPerOne);
}

}  // namespace

StatusOr<Bm25Query> Bm25Query::Make(const ChunkStore& store, const GenerationView& view,
                                    const RowSet& visible, std::span<const QueryTerm> terms,
                                    const Bm25Parameters& parameters) {
  Bm25Query query(view, visible, parameters);
  if (visible.count == 0) return query;
  const auto count = static_cast<double>(visible.count);
  query.mean_length_ = std::max(1.0, visible.terms / count);
  std::map<std::string, double> weights;
  for (const QueryTerm& term : terms) {
    if (term.weight > 0) weights[term.term] += term.weight;
  }
  ChunkStore::Cursor cursor = store.Scan(Table::kPostings);
  for (const auto& [term, weight] : weights) {
    Term read;
    size_t frequency = 0;
    for (size_t p = 0; p < view.parts.size(); ++p) {
      const LoadedSegment& segment = *view.parts[p].segment;
      std::vector<Posting> postings;
      FOOTNOTE_RETURN_IF_ERROR(
          ReadPostings(cursor, segment.record.id(), term, segment.lengths.size(), postings));
      std::erase_if(postings, [&](const Posting& posting) { return !visible.Has(p, posting.row); });
      frequency += postings.size();
      read.postings.push_back(std::move(postings));
    }
    if (frequency == 0) continue;
    const auto df = static_cast<double>(frequency);
    read.factor = weight * std::log1p((count - df + 0.5) / (df + 0.5)) * (parameters.k1 + 1);
    query.terms_.push_back(std::move(read));
  }
  return query;
}

int64_t Bm25Query::Contribution(const Term& term, size_t part, const Posting& posting) const {
  const double length = view_.parts[part].segment->lengths[posting.row];
  const double norm = parameters_.k1 * (1 - parameters_.b + parameters_.b * length / mean_length_);
  const double tf = posting.frequency;
  return std::llround(term.factor * tf / (tf + norm) * kUnitsPerOne);
}

std::vector<LexicalHit> Bm25Query::Best(size_t k, const RowSet& allowed) const {
  std::vector<LexicalHit> hits;
  if (k == 0) return hits;
  const auto better = [&](const LexicalHit& a, const LexicalHit& b) {
    return a.score != b.score ? a.score > b.score : view_.Precedes(a.row, b.row);
  };
  for (size_t p = 0; p < view_.parts.size(); ++p) {
    if (allowed.counts[p] == 0) continue;
    std::vector<size_t> at(terms_.size(), 0);
    for (;;) {
      uint32_t row = UINT32_MAX;
      for (size_t t = 0; t < terms_.size(); ++t) {
        const std::vector<Posting>& postings = terms_[t].postings[p];
        if (at[t] < postings.size()) row = std::min(row, postings[at[t]].row);
      }
      if (row == UINT32_MAX) break;
      int64_t units = 0;
      for (size_t t = 0; t < terms_.size(); ++t) {
        const std::vector<Posting>& postings = terms_[t].postings[p];
        if (at[t] == postings.size() || postings[at[t]].row != row) continue;
        units += Contribution(terms_[t], p, postings[at[t]++]);
      }
      const LexicalHit hit{view_.parts[p].base_row + row, ScoreOf(units)};
      if (!allowed.Has(p, row) || (hits.size() == k && !better(hit, hits.front()))) continue;
      // A heap whose front is the worst that is kept.
      if (hits.size() == k) {
        std::pop_heap(hits.begin(), hits.end(), better);
        hits.pop_back();
      }
      hits.push_back(hit);
      std::push_heap(hits.begin(), hits.end(), better);
    }
  }
  std::sort_heap(hits.begin(), hits.end(), better);
  return hits;
}

std::vector<float> Bm25Query::ScoresOf(std::span<const size_t> rows) const {
  std::vector<float> scores;
  scores.reserve(rows.size());
  for (const size_t row : rows) {
    const GenerationView::PartRow place = view_.Locate(row);
    int64_t units = 0;
    for (const Term& term : terms_) {
      const std::vector<Posting>& postings = term.postings[place.part];
      const auto found = std::lower_bound(
          postings.begin(), postings.end(), place.row,
          [](const Posting& posting, uint32_t wanted) { return posting.row < wanted; });
      if (found == postings.end() || found->row != place.row) continue;
      units += Contribution(term, place.part, *found);
    }
    scores.push_back(ScoreOf(units));
  }
  return scores;
}

}  // namespace footnote::retriever
