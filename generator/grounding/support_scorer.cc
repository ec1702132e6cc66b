#include <algorithm>
#include <cmath>
#include <optional>

#include "generator/grounding.h"
#include "generator/grounding/evidence.h"
#include "generator/grounding/question.h"
#include "generator/grounding/scoring.h"

namespace footnote::generator {
namespace {

using grounding::Claims;
using grounding::Comparison;
using grounding::EvidenceSpan;
using grounding::SupportWeights;

double Dot(std::span<const float> a, std::span<const float> b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * b[i];
  return sum;
}

double Combine(const SupportWeights& weights, double alignment, double similarity) {
  return weights.bias + weights.alignment * alignment + weights.similarity * similarity;
}

// A span with what was found out about it.
struct Candidate {
  size_t span = 0;
  Comparison comparison;
  double similarity = 0;
  double score = 0;
};

}  // namespace

class SupportScorer::State {
 public:
  State(const Embedder* embedder, std::span<const Passage> passages)
      : embedder_(embedder), passages_(passages), evidence_(passages) {
    vectors_.resize(evidence_.spans().size());
  }

  const grounding::Evidence& evidence() const { return evidence_; }
  const std::vector<EvidenceSpan>& spans() const { return evidence_.spans(); }
  std::span<const Passage> passages() const { return passages_; }
  const Passage& passage(int index) const { return passages_[static_cast<size_t>(index)]; }
  bool has_embedder() const { return embedder_ != nullptr; }

  // Sets `similarity` of the candidates: cosine with `text`. Embeds what was not embedded before,
  // in one batch.
  Status Similarities(std::string_view text, TextRole role, std::span<Candidate> candidates,
                      const CallContext& call) {
    if (embedder_ == nullptr || candidates.empty()) return OkStatus();
    const std::string_view question[] = {text};
    FOOTNOTE_ASSIGN_OR_RETURN(const Embeddings query, embedder_->Embed(question, role, call));
    std::vector<std::string_view> texts;
    std::vector<size_t> missing;
    for (const Candidate& candidate : candidates) {
      if (!vectors_[candidate.span].empty()) continue;
      missing.push_back(candidate.span);
      texts.push_back(spans()[candidate.span].text);
    }
    if (!texts.empty()) {
      FOOTNOTE_ASSIGN_OR_RETURN(const Embeddings fresh,
                                embedder_->Embed(texts, TextRole::kPassage, call));
      for (size_t i = 0; i < missing.size(); ++i) {
        const std::span<const float> row = fresh.row(i);
        vectors_[missing[i]].assign(row.begin(), row.end());
      }
    }
    for (Candidate& candidate : candidates) {
      candidate.similarity = Dot(query.row(0), vectors_[candidate.span]);
    }
    return OkStatus();
  }

  // The best candidates, none whose bytes another one already quotes; `one_a_passage` if asked.
  std::vector<Support> Best(std::vector<Candidate> candidates, int max_results,
                            bool one_a_passage) const {
    std::stable_sort(candidates.begin(), candidates.end(),
                     [](const Candidate& a, const Candidate& b) { return a.score > b.score; });
    std::vector<Support> results;
    for (const Candidate& candidate : candidates) {
      if (static_cast<int>(results.size()) >= max_results) break;
      if (candidate.score <= 0) continue;
      const EvidenceSpan& span = spans()[candidate.span];
      Support support;
      support.score = candidate.score;
      support.passage = span.passage;
      const uint64_t base = passage(span.passage).span.start;
      support.span = {base + span.bytes.start, base + span.bytes.end};
      support.alignment = candidate.comparison.alignment;
      support.similarity = candidate.similarity;
      support.numbers_match = candidate.comparison.numbers_match;
      support.names_match = candidate.comparison.names_match;
      support.negation_match =
          candidate.comparison.negation_match && candidate.comparison.modality_match;
      if (std::none_of(results.begin(), results.end(), [&](const Support& other) {
            return (one_a_passage && support.passage == other.passage) || SamePlace(support, other);
          })) {
        results.push_back(support);
      }
    }
    return results;
  }

 private:
  // Chunks may overlap: the same bytes can come in two passages.
  bool SamePlace(const Support& a, const Support& b) const {
    if (passage(a.passage).document_id != passage(b.passage).document_id) return false;
    return a.span.start < b.span.end && b.span.start < a.span.end;
  }

  const Embedder* embedder_;
  std::span<const Passage> passages_;
  grounding::Evidence evidence_;
  std::vector<std::vector<float>> vectors_;  // [spans]; empty until needed
};

StatusOr<SupportScorer> SupportScorer::Create(const Embedder* embedder,
                                              std::span<const Passage> passages,
                                              const CallContext& call) {
  FOOTNOTE_RETURN_IF_ERROR(call.Check());
  return SupportScorer(std::make_shared<State>(embedder, passages));
}

StatusOr<std::vector<Support>> SupportScorer::Score(std::string_view sentence, int max_results,
                                                    const CallContext& call) const {
  FOOTNOTE_RETURN_IF_ERROR(call.Check());
  // A question asserts nothing, however much of a passage it repeats: small models echo them.
  const size_t last = sentence.find_last_not_of(" \t\r\n\"')");
  if (last != std::string_view::npos && sentence[last] == '?') return std::vector<Support>();
  // Nor does a sentence about the text instead of its subject.
  if (grounding::SpeaksOfTheText(sentence)) return std::vector<Support>();
  const Claims claims = grounding::Analyse(sentence);
  if (claims.words.empty()) return std::vector<Support>();

  std::vector<Candidate> candidates(state_->spans().size());
  for (size_t i = 0; i < candidates.size(); ++i) {
    candidates[i].span = i;
    candidates[i].comparison.alignment =
        state_->evidence().Align(claims, state_->spans()[i], /*for_question=*/false);
  }
  const size_t kept = std::min(candidates.size(), static_cast<size_t>(grounding::kEmbeddedSpans));
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const Candidate& a, const Candidate& b) {
                     return a.comparison.alignment > b.comparison.alignment;
                   });
  candidates.resize(kept);
  FOOTNOTE_RETURN_IF_ERROR(state_->Similarities(sentence, TextRole::kPassage, candidates, call));

  double contradicted_alignment = 0;
  for (Candidate& candidate : candidates) {
    candidate.comparison = state_->evidence().Compare(claims, state_->spans()[candidate.span]);
    if (!candidate.comparison.negation_match || !candidate.comparison.modality_match) {
      contradicted_alignment = std::max(contradicted_alignment, candidate.comparison.alignment);
    }
  }
  const SupportWeights& weights =
      state_->has_embedder() ? grounding::kSupport : grounding::kSupportWordsOnly;
  for (Candidate& candidate : candidates) {
    const EvidenceSpan& span = state_->spans()[candidate.span];
    const Comparison& comparison = candidate.comparison;
    double score =
        grounding::Logistic(Combine(weights, comparison.alignment, candidate.similarity));
    if (span.count > 1) score -= grounding::kPairPenalty;
    if (!comparison.numbers_match) score = std::min(score, grounding::kNumberMismatchCap);
    if (!comparison.names_match) score = std::min(score, grounding::kNameMismatchCap);
    if (!comparison.negation_match || !comparison.modality_match ||
        comparison.alignment < contradicted_alignment - grounding::kContradictionMargin) {
      score = std::min(score, grounding::kNegationMismatchCap);
    }
    candidate.score = std::max(0.0, score);
  }
  return state_->Best(std::move(candidates), max_results, /*one_a_passage=*/true);
}

StatusOr<std::vector<Support>> SupportScorer::BestQuotations(std::string_view question,
                                                             int max_results,
                                                             const CallContext& call) const {
  FOOTNOTE_RETURN_IF_ERROR(call.Check());
  const grounding::Question asked = grounding::ReadQuestion(question);
  const std::vector<EvidenceSpan>& spans = state_->spans();
  std::vector<Candidate> candidates(spans.size());
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
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const Candidate& a, const Candidate& b) { return a.score > b.score; });
  std::vector<Candidate> kept;
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

  const SupportWeights& weights =
      state_->has_embedder() ? grounding::kRelevance : grounding::kRelevanceWordsOnly;
  for (Candidate& candidate : kept) {
    const EvidenceSpan& span = spans[candidate.span];
    double z = Combine(weights, candidate.comparison.alignment, candidate.similarity) +
               bonus[candidate.span] - grounding::kRankPenalty * span.passage;
    if (span.count > 1) z -= grounding::kPairQuotationPenalty;
    candidate.score = grounding::Logistic(z);
  }
  return state_->Best(std::move(kept), max_results, /*one_a_passage=*/false);
}

}  // namespace footnote::generator
