#include "retriever/storage/bm25.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <optional>

#include "retriever/storage/bm25_search.h"

namespace footnote::retriever {
namespace {

constexpr double kMostWeight = 1000;
constexpr size_t kUsualLength = 1024;  // of a body: chunks are a few hundred words

bool AllSet(const std::vector<uint8_t>& bits, uint32_t first, uint32_t last) {
  for (uint32_t row = first; row <= last;) {
    if ((row & 7) == 0 && last - row >= 7) {
      if (bits[row >> 3] != 0xFF) return false;
      row += 8;
    } else {
      if ((bits[row >> 3] >> (row & 7) & 1) == 0) return false;
      ++row;
    }
  }
  return true;
}

// Blocks whose rows are all visible need not be decoded.
StatusOr<size_t> CountVisible(const PostingsList& list, const RowSet& visible, size_t part,
                              size_t rows) {
  if (visible.counts[part] == rows) return list.count();
  if (visible.counts[part] == 0) return size_t{0};
  // Where a block spans more, taking it apart is the quicker way.
  constexpr uint32_t kWidestLook = 32 * kBlockPostings;
  size_t count = 0;
  DecodedBlock decoded;
  for (size_t b = 0; b < list.blocks().size(); ++b) {
    const PostingsList::Block& block = list.blocks()[b];
    if (block.last_row - block.base_row <= kWidestLook &&
        AllSet(visible.bits[part], block.base_row, block.last_row)) {
      count += block.count;
      continue;
    }
    FOOTNOTE_RETURN_IF_ERROR(list.Decode(b, decoded));
    for (uint32_t i = 0; i < decoded.count; ++i) count += visible.Has(part, decoded.rows[i]);
  }
  return count;
}

using Lists = std::vector<std::shared_ptr<const PostingsList>>;

StatusOr<Lists> ReadLists(const LexicalSource& source, PostingsCache::Reader& reader,
                          const std::string& term) {
  Lists lists;
  for (const GenerationView::Part& part : source.view.parts) {
    FOOTNOTE_ASSIGN_OR_RETURN(
        auto list, reader.Read(part.segment->record.id(), LexicalFormatOf(part.segment->record),
                               term, part.segment->lengths));
    lists.push_back(std::move(list));
  }
  return lists;
}

StatusOr<size_t> CountInLists(const LexicalSource& source, const Lists& lists,
                              const std::string& term) {
  if (const auto known = source.visible.term_counts->Find(term)) return *known;
  size_t count = 0;
  for (size_t p = 0; p < lists.size(); ++p) {
    FOOTNOTE_ASSIGN_OR_RETURN(
        const size_t rows,
        CountVisible(*lists[p], source.visible, p, source.view.parts[p].segment->lengths.size()));
    count += rows;
  }
  source.visible.term_counts->Keep(term, count);
  return count;
}

}  // namespace

StatusOr<size_t> CountRows(const LexicalSource& source, PostingsCache::Reader& reader,
                           const std::string& term) {
  if (const auto known = source.visible.term_counts->Find(term)) return *known;
  FOOTNOTE_ASSIGN_OR_RETURN(const Lists lists, ReadLists(source, reader, term));
  return CountInLists(source, lists, term);
}

StatusOr<std::vector<size_t>> RowsWithAll(const LexicalSource& source,
                                          PostingsCache::Reader& reader,
                                          std::span<const std::string> terms,
                                          const RowSet& allowed) {
  std::vector<size_t> rows;
  std::vector<Lists> lists;  // by term
  for (const std::string& term : terms) {
    FOOTNOTE_ASSIGN_OR_RETURN(lists.emplace_back(), ReadLists(source, reader, term));
  }
  DecodedBlock block;
  for (size_t p = 0; p < source.view.parts.size() && !terms.empty(); ++p) {
    if (allowed.counts[p] == 0) continue;
    // Up the shortest list; the others are looked up.
    const auto shortest = std::min_element(
        lists.begin(), lists.end(),
        [p](const Lists& a, const Lists& b) { return a[p]->count() < b[p]->count(); });
    const PostingsList& walked = *(*shortest)[p];
    if (walked.count() == 0) continue;
    std::vector<PostingsWalk> others;
    for (auto list = lists.begin(); list != lists.end(); ++list) {
      if (list != shortest) others.emplace_back(*(*list)[p]);
    }
    for (size_t b = 0; b < walked.blocks().size(); ++b) {
      FOOTNOTE_RETURN_IF_ERROR(walked.Decode(b, block));
      for (uint32_t i = 0; i < block.count; ++i) {
        bool all = allowed.Has(p, block.rows[i]);
        for (size_t o = 0; all && o < others.size(); ++o) {
          FOOTNOTE_ASSIGN_OR_RETURN(all, others[o].AdvanceTo(block.rows[i]));
        }
        if (all) rows.push_back(source.view.parts[p].base_row + block.rows[i]);
      }
    }
  }
  return rows;
}

Bm25Formula::Bm25Formula(const Bm25Parameters& parameters, const RowSet& visible)
    : parameters_(parameters), rows_(static_cast<double>(visible.count)) {
  for (size_t field = 0; field < kFields; ++field) {
    mean_lengths_[field] = std::max(1.0, visible.terms[field] / std::max(1.0, rows_));
  }
  body_norms_.reserve(kUsualLength);
  for (uint32_t length = 0; length < kUsualLength; ++length) {
    body_norms_.push_back(Norm(kBody, length));
  }
}

double Bm25Formula::Factor(double weight, size_t rows_with_term) const {
  const auto df = static_cast<double>(rows_with_term);
  const double idf = std::log1p((rows_ - df + 0.5) / (df + 0.5));
  return std::min(weight, kMostWeight) * idf * (parameters_.k1 + 1) * kUnitsPerOne;
}

int64_t Bm25Formula::MostUnits(double factor, const PostingBounds& bounds) const {
  double tf = 0;
  for (size_t field = 0; field < kFields; ++field) {
    if (bounds.most[field] == 0) continue;
    const uint32_t length = bounds.shortest[field];
    tf += bounds.most[field] * (field == kBody ? BodyNorm(length) : Norm(field, length));
  }
  // A double's last bits may fall the other way.
  const int64_t units = Saturate(factor, tf);
  return units + (units >> 30) + 2;
}

int64_t Bm25Formula::UnitsBelow(float score) {
  if (score <= 0) return 0;
  return static_cast<int64_t>(double{std::nextafter(score, 0.0f)} * kUnitsPerOne);
}

StatusOr<Bm25Query> Bm25Query::Make(const LexicalSource& source, std::span<const QueryTerm> terms,
                                    const Bm25Parameters& parameters) {
  Bm25Query query(source.view, Bm25Formula(parameters, source.visible));
  if (source.visible.count == 0) return query;
  std::map<std::string, double> weights;
  for (const QueryTerm& term : terms) {
    if (term.weight > 0) weights[term.term] += term.weight;
  }
  PostingsCache::Reader reader(source.postings);
  for (const auto& [term, weight] : weights) {
    FOOTNOTE_ASSIGN_OR_RETURN(Lists lists, ReadLists(source, reader, term));
    FOOTNOTE_ASSIGN_OR_RETURN(const size_t rows, CountInLists(source, lists, term));
    if (rows == 0) continue;
    query.terms_.push_back({query.formula_.Factor(weight, rows), std::move(lists)});
  }
  return query;
}

StatusOr<std::vector<LexicalHit>> Bm25Query::Best(size_t k, const RowSet& allowed) const {
  BestHits best(k, *view_);
  if (k == 0 || terms_.empty()) return best.Take();
  for (size_t p = 0; p < view_->parts.size(); ++p) {
    if (allowed.counts[p] == 0) continue;
    FOOTNOTE_RETURN_IF_ERROR(SearchPart(formula_, terms_, *view_, p, allowed, best));
  }
  return best.Take();
}

StatusOr<std::vector<float>> Bm25Query::ScoresOf(std::span<const size_t> rows) const {
  std::vector<size_t> order(rows.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return rows[a] < rows[b]; });
  std::vector<int64_t> units(rows.size(), 0);
  for (const Term& term : terms_) {
    std::optional<PostingsWalk> walk;
    size_t part = SIZE_MAX;
    for (const size_t i : order) {
      const GenerationView::PartRow place = view_->Locate(rows[i]);
      if (place.part != part) {
        part = place.part;
        walk.emplace(*term.lists[part]);
      }
      FOOTNOTE_ASSIGN_OR_RETURN(const bool found, walk->AdvanceTo(place.row));
      if (!found) continue;
      units[i] += formula_.Units(term.factor, walk->frequencies(),
                                 view_->parts[part].segment->lengths.Of(place.row));
    }
  }
  std::vector<float> scores;
  scores.reserve(rows.size());
  for (const int64_t sum : units) scores.push_back(Bm25Formula::ScoreOf(sum));
  return scores;
}

}  // namespace footnote::retriever
