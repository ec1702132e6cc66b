// The spans that answer a question best, for quoting.
#include <algorithm>
#include <optional>

#include "generator/grounding/question.h"
#include "generator/grounding/scoring.h"
#include "generator/grounding/support_state.h"

namespace footnote::generator {
namespace {

using grounding::Claims;
using grounding::EvidenceSpan;
using grounding::RelevanceWeights;

double Combine(const RelevanceWeights& weights, double alignment, double similarity) {
  return weights.bias + weights.alignment * alignment + weights.similarity * similarity;
}

}  // namespace

StatusOr<std::vector<Support>> SupportScorer::BestQuotations(std::string_view question,
                                                             int max_results,
                                                             const CallContext& call) const {
  FOOTNOTE_RETURN_IF_ERROR(call.Check());
  const grounding::Question asked = grounding::ReadQuestion(question);
  const std::vector<EvidenceSpan>& spans = state_->spans();
  std::vector<SupportCandidate> candidates(spans.size());
  std::vector<double> bonus(spans.size(), 0.0);
  std::vector<std::optional<Claims>> rest_asked;  // by passage: where it is what is asked about
  for (const Passage& passage : state_->passages()) {
    rest_asked.push_back(grounding::WithoutSubject(asked.claims, passage.title));
  }
  for (size_t i = 0; i < spans.size(); ++i) {
    const EvidenceSpan& span = spans[i];
    candidates[i].span = i;
    const std::optional<Claims>& rest = rest_asked[static_cast<size_t>(span.passage)];
    candidates[i].comparison.alignment = state_->evidence().Align(
        rest && !rest->words.empty() ? *rest : asked.claims, span, /*for_question=*/true);
    const bool first_in_passage =
        span.first == 0 || spans[static_cast<size_t>(span.first) - 1].passage != span.passage;
    bonus[i] = grounding::AnswerBonus(asked, span, state_->evidence().units(),
                                      state_->passage(span.passage).title, first_in_passage);
    if (rest) bonus[i] += grounding::kSubjectBonus;
    candidates[i].score =
        candidates[i].comparison.alignment * grounding::kRelevance.alignment + bonus[i];
  }
  // Embed those that look best by words, and the beginning of the best passage.
  std::stable_sort(
      candidates.begin(), candidates.end(),
      [](const SupportCandidate& a, const SupportCandidate& b) { return a.score > b.score; });
  std::vector<SupportCandidate> kept;
  int first_sentences = 0;
  for (size_t rank = 0; rank < candidates.size(); ++rank) {
    const EvidenceSpan& span = spans[candidates[rank].span];
    const bool opening =
        span.passage == 0 && span.count == 1 && span.first < grounding::kEmbeddedFirstSentences;
    if (rank < static_cast<size_t>(grounding::kEmbeddedSpans)) {
      kept.push_back(candidates[rank]);
    } else if (opening && first_sentences < grounding::kEmbeddedFirstSentences) {
      ++first_sentences;
      kept.push_back(candidates[rank]);
    }
  }
  FOOTNOTE_RETURN_IF_ERROR(state_->Similarities(question, TextRole::kQuery, kept, call));

  const RelevanceWeights& weights =
      state_->has_embedder() ? grounding::kRelevance : grounding::kRelevanceWordsOnly;
  for (SupportCandidate& candidate : kept) {
    const EvidenceSpan& span = spans[candidate.span];
    double z = Combine(weights, candidate.comparison.alignment, candidate.similarity) +
               bonus[candidate.span] - grounding::kRankPenalty * span.passage;
    if (span.count > 1) z -= grounding::kPairQuotationPenalty;
    candidate.score = grounding::Logistic(z);
  }
  return state_->Best(std::move(kept), max_results, /*one_a_passage=*/false);
}

}  // namespace footnote::generator
