#include "generator/grounding/support_state.h"

#include <algorithm>

namespace footnote::generator {
namespace {

using Kind = SupportProblem::Kind;

double Dot(std::span<const float> a, std::span<const float> b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * b[i];
  return sum;
}

}  // namespace

SupportScorer::State::State(const Embedder* embedder, std::span<const Passage> passages)
    : embedder_(embedder),
      passages_(passages),
      evidence_(passages),
      phrases_(evidence_.units(), evidence_.titles()) {
  vectors_.resize(evidence_.spans().size());
}

Status SupportScorer::State::Similarities(std::string_view text, TextRole role,
                                          std::span<SupportCandidate> candidates,
                                          const CallContext& call) {
  if (embedder_ == nullptr || candidates.empty()) return OkStatus();
  const std::string_view question[] = {text};
  FOOTNOTE_ASSIGN_OR_RETURN(const Embeddings query, embedder_->Embed(question, role, call));
  std::vector<std::string_view> texts;
  std::vector<size_t> missing;
  for (const SupportCandidate& candidate : candidates) {
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
  for (SupportCandidate& candidate : candidates) {
    candidate.similarity = Dot(query.row(0), vectors_[candidate.span]);
  }
  return OkStatus();
}

std::vector<Support> SupportScorer::State::Best(std::vector<SupportCandidate> candidates,
                                                int max_results, bool one_a_passage) const {
  std::stable_sort(
      candidates.begin(), candidates.end(),
      [](const SupportCandidate& a, const SupportCandidate& b) { return a.score > b.score; });
  std::vector<Support> results;
  for (const SupportCandidate& candidate : candidates) {
    if (static_cast<int>(results.size()) >= max_results) break;
    if (candidate.score <= 0) continue;
    const grounding::EvidenceSpan& span = spans()[candidate.span];
    Support support;
    support.score = candidate.score;
    support.passage = span.passage;
    const uint64_t base = passage(span.passage).span.start;
    support.span = {base + span.bytes.start, base + span.bytes.end};
    support.alignment = candidate.comparison.alignment;
    support.similarity = candidate.similarity;
    support.numbers_match = !candidate.comparison.Has(Kind::kNumber);
    support.names_match = !candidate.comparison.Has(Kind::kName);
    support.negation_match =
        !candidate.comparison.Has(Kind::kNegation) && !candidate.comparison.Has(Kind::kModality);
    support.problems = candidate.comparison.problems;
    if (std::none_of(results.begin(), results.end(), [&](const Support& other) {
          return (one_a_passage && support.passage == other.passage) || SamePlace(support, other);
        })) {
      results.push_back(support);
    }
  }
  return results;
}

bool SupportScorer::State::SamePlace(const Support& a, const Support& b) const {
  if (passage(a.passage).document_id != passage(b.passage).document_id) return false;
  return a.span.start < b.span.end && b.span.start < a.span.end;
}

}  // namespace footnote::generator
