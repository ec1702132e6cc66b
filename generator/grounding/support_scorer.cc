// A sentence against each span that comes near it.
#include <algorithm>

#include "generator/grounding/scoring.h"
#include "generator/grounding/support_model.h"
#include "generator/grounding/support_state.h"

namespace footnote::generator {
namespace {

using grounding::Claims;
using grounding::SentenceFeature;
using grounding::SentenceFeatures;
using Kind = SupportProblem::Kind;

// Whether a sentence asserts something that passages could support.
bool Asserts(std::string_view sentence) {
  // A question asserts nothing, however much of a passage it repeats: small models echo them.
  const size_t last = sentence.find_last_not_of(" \t\r\n\"')");
  if (last != std::string_view::npos && sentence[last] == '?') return false;
  // Nor does a sentence about the text instead of its subject.
  return !grounding::SpeaksOfTheText(sentence);
}

// How near a span is to what was meant, as AgreementBeside takes it.
double Nearness(const grounding::Comparison& comparison) {
  const bool denial = comparison.Has(Kind::kNegation) || comparison.Has(Kind::kModality);
  return comparison.context_alignment + (denial ? grounding::kDenialBonus : 0);
}

// The feature "agreement" beside a contradiction; `nearest` is the nearness of the nearest span
// that contradicts.
double Agreement(const grounding::Comparison& comparison, double nearest) {
  double agreement = grounding::AgreementBeside(std::max(nearest, Nearness(comparison)));
  if (comparison.SaidNowhere(Kind::kNumber)) {
    agreement = std::min(agreement, grounding::kNumberSaidNowhere);
  }
  if (comparison.SaidNowhere(Kind::kName)) {
    agreement = std::min(agreement, grounding::kNameSaidNowhere);
  }
  return agreement;
}

NamedFeatures Named(const SentenceFeatures& features) {
  NamedFeatures named;
  for (size_t i = 0; i < features.values.size(); ++i) {
    named.emplace_back(grounding::kSentenceFeatureNames[i], features.values[i]);
  }
  return named;
}

}  // namespace

// A pair says no more than its sentences do: where one of them comes as near as the pair and says
// otherwise, a number or "not" that the other happens to have does not make it true.
void SupportScorer::State::CarryOver(const Claims& claims, const grounding::EvidenceSpan& span,
                                     grounding::Comparison& comparison) const {
  if (span.count == 1 || comparison.Contradicts()) return;
  for (int unit = span.first; unit < span.first + span.count; ++unit) {
    grounding::Comparison single = evidence_.Compare(claims, spans()[static_cast<size_t>(unit)]);
    if (!single.Contradicts() ||
        single.context_alignment < comparison.alignment - grounding::kContradictionMargin) {
      continue;
    }
    comparison.problems = std::move(single.problems);
    comparison.context_alignment = single.context_alignment;
    return;
  }
}

StatusOr<SentenceSupport> SupportScorer::State::ScoreSentence(std::string_view sentence,
                                                              int max_results,
                                                              const CallContext& call) {
  SentenceSupport result;
  if (!Asserts(sentence)) return result;
  const Claims claims = grounding::Analyse(sentence);
  if (claims.words.empty()) return result;
  result.claims = true;

  std::vector<SupportCandidate> candidates(spans().size());
  for (size_t i = 0; i < candidates.size(); ++i) {
    candidates[i].span = i;
    candidates[i].comparison.alignment =
        evidence_.Align(claims, spans()[i], /*for_question=*/false);
  }
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const SupportCandidate& a, const SupportCandidate& b) {
                     return a.comparison.alignment > b.comparison.alignment;
                   });
  candidates.resize(std::min(candidates.size(), static_cast<size_t>(grounding::kEmbeddedSpans)));
  FOOTNOTE_RETURN_IF_ERROR(Similarities(sentence, TextRole::kPassage, candidates, call));

  // Where the span that comes nearest says otherwise, farther ones do not rescue.
  double contradicted_alignment = 0;
  double contradicted_nearness = 0;
  double disputed_alignment = 0;  // the same, with numbers and names that only stand elsewhere
  double single_alignment = 0;    // of the best single sentence
  for (SupportCandidate& candidate : candidates) {
    candidate.comparison = evidence_.Compare(claims, spans()[candidate.span]);
    CarryOver(claims, spans()[candidate.span], candidate.comparison);
    if (candidate.comparison.Contradicts()) {
      contradicted_alignment =
          std::max(contradicted_alignment, candidate.comparison.context_alignment);
      contradicted_nearness = std::max(contradicted_nearness, Nearness(candidate.comparison));
    }
    if (!candidate.comparison.problems.empty()) {
      disputed_alignment = std::max(disputed_alignment, candidate.comparison.context_alignment);
    }
    if (spans()[candidate.span].count == 1) {
      single_alignment = std::max(single_alignment, candidate.comparison.alignment);
    }
  }
  SentenceFeatures features;
  features[SentenceFeature::words] = phrases_.Words(claims);
  features[SentenceFeature::pairs] = phrases_.Pairs(claims);
  features[SentenceFeature::copied] = phrases_.Copied(claims);
  features[SentenceFeature::names] = phrases_.Names(claims);
  features[SentenceFeature::numbers] = phrases_.Numbers(claims);
  SentenceFeatures best_features = features;
  double best = -1;
  for (SupportCandidate& candidate : candidates) {
    const grounding::Comparison& comparison = candidate.comparison;
    const bool contradicted =
        comparison.Contradicts() ||
        comparison.alignment < contradicted_alignment - grounding::kContradictionMargin;
    const bool agrees = !contradicted && comparison.problems.empty();
    features[SentenceFeature::alignment] = comparison.alignment;
    features[SentenceFeature::similarity] = std::max(0.0, candidate.similarity);
    const double contradiction = Agreement(comparison, contradicted_nearness);
    features[SentenceFeature::agreement] = agrees         ? 1
                                           : contradicted ? contradiction
                                                          : grounding::kSaidElsewhere;
    double score = grounding::SupportOf(features, has_embedder());
    if (spans()[candidate.span].count > 1 &&
        comparison.alignment < single_alignment + grounding::kPairGain) {
      score -= grounding::kPairPenalty;
    }
    if (!agrees || comparison.alignment < disputed_alignment - grounding::kContradictionMargin) {
      score *= grounding::kContradictedShare;
    }
    candidate.score = std::max(0.0, score);
    if (candidate.score > best) {
      best = candidate.score;
      best_features = features;
    }
  }
  result.features = Named(best_features);
  result.supports = Best(std::move(candidates), max_results, /*one_a_passage=*/true);
  if (!result.supports.empty()) result.score = result.supports.front().score;
  return result;
}

StatusOr<SupportScorer> SupportScorer::Create(const Embedder* embedder,
                                              std::span<const Passage> passages,
                                              const CallContext& call) {
  FOOTNOTE_RETURN_IF_ERROR(call.Check());
  return SupportScorer(std::make_shared<State>(embedder, passages));
}

StatusOr<std::vector<Support>> SupportScorer::Score(std::string_view sentence, int max_results,
                                                    const CallContext& call) const {
  FOOTNOTE_RETURN_IF_ERROR(call.Check());
  FOOTNOTE_ASSIGN_OR_RETURN(SentenceSupport support,
                            state_->ScoreSentence(sentence, max_results, call));
  return std::move(support.supports);
}

}  // namespace footnote::generator
