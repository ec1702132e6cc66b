// One list of two: a sum of scores brought to one scale, or of reciprocal ranks.
//
// Calibrated: BM25 divided by its maximum; the cosine placed between its minimum and its maximum
// over the allowed rows. The minimum is taken from a sample, since embedders differ widely in it
// (unrelated texts: 0.0 for one, 0.7 for another) but corpora little.
#include <algorithm>
#include <unordered_map>

#include "retriever/stages/stage.h"

namespace footnote::retriever {
namespace {

// Measured over eight sets: docs/quality.md. A conversation adds many words, of which some mislead.
constexpr double kDenseWeight = 0.55;
constexpr double kDenseWeightInConversation = 0.65;
// Cormack, Clarke and Büttcher 2009, "Reciprocal Rank Fusion", use 60.
constexpr double kReciprocalRankOffset = 60;
constexpr size_t kSampledRows = 1024;

// Lowest cosine among some of the allowed rows. Which, their hashes decide, so that scores do not
// depend on how the corpus was cut into segments.
StatusOr<float> SampledMinimum(const Retrieval& retrieval) {
  const GenerationView& view = *retrieval.snapshot.view;
  const RowSet& allowed = *retrieval.allowed;
  // The share of all hashes that lies below is the share of rows that is taken.
  const uint64_t limit =
      allowed.count <= 2 * kSampledRows
          ? uint64_t{1} << 32
          : (uint64_t{kSampledRows} << 32) / static_cast<uint64_t>(allowed.count);
  float minimum = 1;
  for (size_t p = 0; p < view.parts.size(); ++p) {
    if (allowed.counts[p] == 0 || view.parts[p].segment->vectors == nullptr) continue;
    std::vector<uint32_t> rows;
    for (uint32_t row = 0; row < view.parts[p].segment->lengths.size(); ++row) {
      if (view.parts[p].segment->row_hashes[row] < limit && allowed.Has(p, row)) {
        rows.push_back(row);
      }
    }
    // Rounded where the index rounds: of a minimum over so many nobody sees it.
    FOOTNOTE_ASSIGN_OR_RETURN(const std::vector<float> scores,
                              view.parts[p].segment->vectors->Scores(retrieval.query_vector, rows));
    for (float score : scores) minimum = std::min(minimum, score);
  }
  return minimum;
}

// Cosines of candidates that only the lexical list has.
Status AddMissingCosines(Retrieval& retrieval, const std::vector<Candidate*>& missing) {
  const GenerationView& view = *retrieval.snapshot.view;
  std::vector<std::vector<uint32_t>> rows(view.parts.size());
  std::vector<std::vector<Candidate*>> owners(view.parts.size());
  for (Candidate* candidate : missing) {
    const auto place = view.Locate(candidate->row);
    if (view.parts[place.part].segment->vectors == nullptr) {
      candidate->embedded = false;
      continue;
    }
    rows[place.part].push_back(place.row);
    owners[place.part].push_back(candidate);
  }
  for (size_t p = 0; p < rows.size(); ++p) {
    if (rows[p].empty()) continue;
    FOOTNOTE_ASSIGN_OR_RETURN(const std::vector<float> scores, CosinesOf(retrieval, p, rows[p]));
    for (size_t i = 0; i < scores.size(); ++i) owners[p][i]->dense = scores[i];
  }
  return OkStatus();
}

Status SetCalibratedScores(Retrieval& retrieval) {
  FOOTNOTE_ASSIGN_OR_RETURN(float minimum, SampledMinimum(retrieval));
  float maximum = minimum;
  float lexical_maximum = 0;
  for (const Candidate& candidate : retrieval.ranked) {
    if (candidate.embedded) {
      minimum = std::min(minimum, candidate.dense);
      maximum = std::max(maximum, candidate.dense);
    }
    lexical_maximum = std::max(lexical_maximum, candidate.lexical);
  }
  const double range = double{maximum} - minimum;
  const double weight = retrieval.uses_history() ? kDenseWeightInConversation : kDenseWeight;
  retrieval.dense_weight = weight;
  retrieval.dense_range = range;
  for (Candidate& candidate : retrieval.ranked) {
    const double lexical = lexical_maximum > 0 ? double{candidate.lexical} / lexical_maximum : 0.0;
    // What has no vector yet is judged by its words alone.
    const double dense = !candidate.embedded ? lexical
                         : range > 0         ? (double{candidate.dense} - minimum) / range
                                             : 1.0;
    candidate.score = weight * dense + (1 - weight) * lexical;
  }
  return OkStatus();
}

void SetReciprocalRanks(Retrieval& retrieval) {
  std::unordered_map<size_t, double> scores;
  for (const auto* list : {&retrieval.dense, &retrieval.lexical}) {
    for (size_t rank = 0; rank < list->size(); ++rank) {
      scores[(*list)[rank].row] += 1.0 / (kReciprocalRankOffset + static_cast<double>(rank));
    }
  }
  for (Candidate& candidate : retrieval.ranked) candidate.score = scores[candidate.row];
}

}  // namespace

void SortByScore(const GenerationView& view, std::span<Candidate> candidates) {
  std::sort(candidates.begin(), candidates.end(), [&](const Candidate& a, const Candidate& b) {
    return a.score != b.score ? a.score > b.score : view.Precedes(a.row, b.row);
  });
}

Status RunFuseStage(Retrieval& retrieval) {
  retrieval.ranked = retrieval.dense;
  std::unordered_map<size_t, bool> has_dense;
  for (const Candidate& candidate : retrieval.dense) has_dense[candidate.row] = true;
  for (const Candidate& candidate : retrieval.lexical) {
    if (!has_dense.contains(candidate.row)) retrieval.ranked.push_back(candidate);
  }
  if (retrieval.bm25) {
    std::vector<size_t> rows;
    for (const Candidate& candidate : retrieval.dense) rows.push_back(candidate.row);
    FOOTNOTE_ASSIGN_OR_RETURN(const std::vector<float> scores, retrieval.bm25->ScoresOf(rows));
    for (size_t i = 0; i < scores.size(); ++i) retrieval.ranked[i].lexical = scores[i];
  }
  std::vector<Candidate*> missing;
  for (Candidate& candidate : retrieval.ranked) {
    if (retrieval.uses_dense() && !has_dense.contains(candidate.row)) missing.push_back(&candidate);
  }
  if (!missing.empty()) FOOTNOTE_RETURN_IF_ERROR(AddMissingCosines(retrieval, missing));
  switch (retrieval.request.fusion) {
    case FusionKind::kCalibratedSum:
      FOOTNOTE_RETURN_IF_ERROR(SetCalibratedScores(retrieval));
      break;
    case FusionKind::kReciprocalRank:
      SetReciprocalRanks(retrieval);
      break;
    case FusionKind::kDenseOnly:
      for (Candidate& candidate : retrieval.ranked) candidate.score = candidate.dense;
      break;
    case FusionKind::kLexicalOnly:
      for (Candidate& candidate : retrieval.ranked) candidate.score = candidate.lexical;
      break;
  }
  SortByScore(*retrieval.snapshot.view, retrieval.ranked);
  return OkStatus();
}

}  // namespace footnote::retriever
