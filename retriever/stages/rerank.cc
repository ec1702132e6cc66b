// The best candidates once more, by a Reranker that reads each together with the question.
//
// The new score is a sum of the one before, brought to 0…1, and the reranker's, by its share. What
// is not scored counts as scored 0, so that it stays behind what was before it anyway, and all
// scores stay comparable; dense and lexical scores, by which gate 1 judges, stay what they are.
//
// Candidates go in batches, best first. It ends early when what is left can no longer reach the
// answer: when top_k passages (of one document at most as many as the request allows) have more
// than the best of the rest would have with the highest score that the reranker gave so far, or
// with 1 while it found nothing relevant. The assumption: once something relevant was among
// kLeastScored of the better candidates, the worse ones are not scored higher. Chunks that follow
// each other count as one, since fetch may join them; what it takes for repetitions does not. Where
// diversity counts, the answer may take any of the candidates, and all are read.
#include <algorithm>
#include <limits>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "retriever/stages/chunks.h"
#include "retriever/stages/stage.h"

namespace footnote::retriever {
namespace {

// Enough to share the reranker's passes; few enough that cancels are soon seen.
constexpr size_t kBatch = 8;
constexpr size_t kLeastScored = 16;
// As Reranker says.
constexpr double kRelevant = 0.5;

// Calibrated scores lie between 0 and 1, but for what sentences did to them; those of the other
// fusions have scales of their own.
void BringToScale(Retrieval& retrieval) {
  const bool calibrated = retrieval.request.fusion == FusionKind::kCalibratedSum;
  double low = calibrated ? 0 : std::numeric_limits<double>::infinity();
  double high = calibrated ? 1 : -std::numeric_limits<double>::infinity();
  for (const Candidate& candidate : retrieval.ranked) {
    low = std::min(low, candidate.score);
    high = std::max(high, candidate.score);
  }
  for (Candidate& candidate : retrieval.ranked) {
    candidate.score = high > low ? (candidate.score - low) / (high - low) : 1;
  }
}

// As it was embedded: with the title and headings that say what it is about.
StatusOr<std::string> ReadText(const Retrieval& retrieval, size_t row) {
  FOOTNOTE_ASSIGN_OR_RETURN(const auto chunk, ReadChunk(retrieval, row));
  return chunk.embedded_text().empty() ? chunk.context() + chunk.text() : chunk.embedded_text();
}

// Scores those of the batch that no earlier run of the stages scored.
Status ScoreBatch(Retrieval& retrieval, std::span<const Candidate> batch) {
  FOOTNOTE_RETURN_IF_ERROR(retrieval.call.Check());
  std::vector<size_t> rows;
  std::vector<std::string> texts;
  for (const Candidate& candidate : batch) {
    if (retrieval.relevance.contains(candidate.row)) continue;
    FOOTNOTE_ASSIGN_OR_RETURN(std::string text, ReadText(retrieval, candidate.row));
    rows.push_back(candidate.row);
    texts.push_back(std::move(text));
  }
  if (rows.empty()) return OkStatus();
  const RetrievalRequest& request = retrieval.request;
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  FOOTNOTE_ASSIGN_OR_RETURN(
      const std::vector<float> scores,
      retrieval.reranking.reranker->Score(
          request.stand_alone_query.empty() ? request.query : request.stand_alone_query, views,
          retrieval.call));
  for (size_t i = 0; i < rows.size(); ++i) retrieval.relevance[rows[i]] = scores[i];
  return OkStatus();
}

// Whether the answer can be filled with those that have more than `bound`.
bool FillsAnswer(const Retrieval& retrieval, std::span<const Candidate> scored, double bound) {
  const GenerationView& view = *retrieval.snapshot.view;
  const int most = retrieval.request.max_per_document;
  std::unordered_map<uint64_t, int> taken;  // by part and ordinal
  std::unordered_set<size_t> rows;          // that have more
  int filled = 0;
  for (const Candidate& candidate : scored) {
    if (candidate.score <= bound) continue;
    const auto place = view.Locate(candidate.row);
    const LoadedSegment& segment = *view.parts[place.part].segment;
    const uint32_t ordinal = segment.DocumentOfRow(place.row);
    const LoadedSegment::Document& document = segment.documents[ordinal];
    const uint32_t number = place.row - document.first_row;
    const bool follows = number > 0 && rows.contains(candidate.row - 1);
    const bool precedes = number + 1 < document.chunks && rows.contains(candidate.row + 1);
    rows.insert(candidate.row);
    if (follows || precedes) continue;
    if (most > 0 && ++taken[uint64_t{place.part} << 32 | ordinal] > most) continue;
    if (++filled == retrieval.request.top_k) return true;
  }
  return false;
}

}  // namespace

Status RunRerankStage(Retrieval& retrieval) {
  // Where the query is names alone, lead ranks by the words whatever anybody says.
  if (!retrieval.reranks() || retrieval.lexical_lead >= 1 || retrieval.ranked.empty()) {
    return OkStatus();
  }
  const double share = retrieval.reranking.reranker->share();
  BringToScale(retrieval);
  for (Candidate& candidate : retrieval.ranked) candidate.score *= 1 - share;
  const auto depth = static_cast<size_t>(retrieval.reranking.depth);
  const std::span<Candidate> head =
      std::span(retrieval.ranked).first(std::min(depth, retrieval.ranked.size()));
  double highest = 0;
  for (size_t done = 0; done < head.size();) {
    const std::span<Candidate> batch = head.subspan(done, std::min(kBatch, head.size() - done));
    FOOTNOTE_RETURN_IF_ERROR(ScoreBatch(retrieval, batch));
    for (Candidate& candidate : batch) {
      const double relevance = retrieval.relevance[candidate.row];
      highest = std::max(highest, relevance);
      candidate.score += share * relevance;
    }
    done += batch.size();
    double left = 0;  // the best of the rest
    for (const Candidate& candidate : head.subspan(done)) left = std::max(left, candidate.score);
    const double most = highest >= kRelevant ? highest : 1;  // that the rest may be given
    if (retrieval.request.diversity <= 0 && done >= kLeastScored &&
        FillsAnswer(retrieval, head.first(done), left + share * most)) {
      break;
    }
  }
  SortByScore(*retrieval.snapshot.view, head);
  return OkStatus();
}

}  // namespace footnote::retriever
