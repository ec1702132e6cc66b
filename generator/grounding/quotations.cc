// The spans that answer a question best, for quoting.
#include <algorithm>
#include <array>
#include <string>

#include "generator/grounding/quotation_features.h"
#include "generator/grounding/quotation_model.h"
#include "generator/grounding/scoring.h"
#include "generator/grounding/support_state.h"

namespace footnote::generator {
namespace {

using grounding::Claims;
using grounding::ContentWord;
using grounding::EvidenceSpan;
using grounding::QuotationFeature;

// Of two sentences' relevance, the share of the better one's from which on both answer.
constexpr double kNearlyAsRelevant = 0.6;

bool ShareAWord(const Claims& a, const Claims& b) {
  return std::any_of(a.words.begin(), a.words.end(), [&](const ContentWord& word) {
    return std::any_of(b.words.begin(), b.words.end(), [&](const ContentWord& other) {
      return grounding::StemLikeness(word.stem, other.stem) > 0;
    });
  });
}

// "It writes a log." goes on with what was said before.
bool PointsBack(std::string_view sentence) {
  constexpr auto kPronouns =
      std::to_array<std::string_view>({"both", "he", "her", "his", "it", "its", "she", "such",
                                       "that", "their", "these", "they", "this", "those"});
  const std::string lower = grounding::LowerCase(sentence.substr(0, sentence.find(' ')));
  return std::find(kPronouns.begin(), kPronouns.end(), lower) != kPronouns.end();
}

}  // namespace

ByteSpan SupportScorer::State::WithoutStranger(const Support& quotation,
                                               const Claims& asked) const {
  const uint64_t base = passage(quotation.passage).span.start;
  for (const EvidenceSpan& pair : spans()) {
    if (pair.count != 2 || pair.passage != quotation.passage ||
        base + pair.bytes.start != quotation.span.start ||
        base + pair.bytes.end != quotation.span.end) {
      continue;
    }
    const auto first = static_cast<size_t>(pair.first);
    if (ShareAWord(evidence_.units()[first], evidence_.units()[first + 1])) break;
    const auto is_stranger = [&](size_t unit) {
      return !ShareAWord(evidence_.units()[unit], asked) && !PointsBack(spans()[unit].text);
    };
    const bool strangers[] = {is_stranger(first), is_stranger(first + 1)};
    if (strangers[0] == strangers[1]) break;
    const ByteSpan& kept = spans()[strangers[0] ? first + 1 : first].bytes;
    return {base + kept.start, base + kept.end};
  }
  return quotation.span;
}

ByteSpan SupportScorer::State::CoreOf(const Support& quotation,
                                      const grounding::QuotationReader& reader) const {
  const uint64_t base = passage(quotation.passage).span.start;
  ByteSpan core = quotation.span;
  double best = 0;
  double other = 0;
  for (const EvidenceSpan& each : spans()) {
    const ByteSpan bytes = {base + each.bytes.start, base + each.bytes.end};
    if (each.count != 1 || each.passage != quotation.passage ||
        bytes.start < quotation.span.start || bytes.end > quotation.span.end) {
      continue;
    }
    const double relevance = grounding::RelevanceOf(reader.Read(each), /*has_similarity=*/false);
    other = std::max(other, std::min(best, relevance));
    if (relevance <= best) continue;
    best = relevance;
    core = bytes;
  }
  return other < kNearlyAsRelevant * best ? core : ByteSpan();
}

StatusOr<std::vector<SupportScorer::State::Quotable>> SupportScorer::State::ReadQuotable(
    std::string_view question, int max_candidates, const CallContext& call) {
  FOOTNOTE_RETURN_IF_ERROR(call.Check());
  const grounding::QuotationReader reader(question, evidence_, passages_);
  std::vector<Quotable> all(spans().size());
  for (size_t i = 0; i < all.size(); ++i) {
    all[i].candidate.span = i;
    all[i].features = reader.Read(spans()[i]);
    all[i].candidate.comparison.alignment = all[i].features[QuotationFeature::alignment];
    all[i].candidate.score = grounding::RelevanceOf(all[i].features, /*has_similarity=*/false);
  }
  // Embed those that look best by words, and the beginning of the best passage.
  std::stable_sort(all.begin(), all.end(), [](const Quotable& a, const Quotable& b) {
    return a.candidate.score > b.candidate.score;
  });
  std::vector<Quotable> kept;
  int first_sentences = 0;
  for (size_t rank = 0; rank < all.size(); ++rank) {
    const EvidenceSpan& span = spans()[all[rank].candidate.span];
    const bool opening =
        span.passage == 0 && span.count == 1 && span.first < grounding::kEmbeddedFirstSentences;
    if (rank < static_cast<size_t>(max_candidates)) {
      kept.push_back(all[rank]);
    } else if (opening && first_sentences < grounding::kEmbeddedFirstSentences) {
      ++first_sentences;
      kept.push_back(all[rank]);
    }
  }
  std::vector<SupportCandidate> candidates;
  for (const Quotable& quotable : kept) candidates.push_back(quotable.candidate);
  FOOTNOTE_RETURN_IF_ERROR(Similarities(question, TextRole::kQuery, candidates, call));
  for (size_t i = 0; i < kept.size(); ++i) {
    kept[i].candidate.similarity = candidates[i].similarity;
    kept[i].features[QuotationFeature::similarity] = std::clamp(candidates[i].similarity, 0.0, 1.0);
    kept[i].candidate.score = grounding::RelevanceOf(kept[i].features, has_embedder());
  }
  return kept;
}

StatusOr<std::vector<Support>> SupportScorer::BestQuotations(std::string_view question,
                                                             int max_results,
                                                             const CallContext& call) const {
  FOOTNOTE_ASSIGN_OR_RETURN(const std::vector<State::Quotable> quotable,
                            state_->ReadQuotable(question, grounding::kEmbeddedQuotations, call));
  std::vector<SupportCandidate> candidates;
  for (const State::Quotable& each : quotable) candidates.push_back(each.candidate);
  std::vector<Support> best =
      state_->Best(std::move(candidates), std::max(max_results, grounding::kRivals),
                   /*one_a_passage=*/false);
  std::vector<double> relevance;
  for (const Support& each : best) relevance.push_back(each.score);
  relevance.resize(std::min(relevance.size(), static_cast<size_t>(grounding::kRivals)));
  const std::vector<double> confidence = grounding::ConfidenceIn(relevance, state_->has_embedder());
  for (size_t i = 0; i < confidence.size(); ++i) best[i].confidence = confidence[i];
  best.resize(std::min(best.size(), static_cast<size_t>(max_results)));
  const Claims asked = grounding::Analyse(question);
  const grounding::QuotationReader reader(question, state_->evidence(), state_->passages());
  for (Support& each : best) {
    each.core = state_->CoreOf(each, reader);
    each.span = state_->WithoutStranger(each, asked);
  }
  return best;
}

StatusOr<std::vector<QuotationCandidate>> SupportScorer::QuotationCandidates(
    std::string_view question, int max_candidates, const CallContext& call) const {
  FOOTNOTE_ASSIGN_OR_RETURN(const std::vector<State::Quotable> quotable,
                            state_->ReadQuotable(question, max_candidates, call));
  std::vector<QuotationCandidate> candidates;
  for (const State::Quotable& each : quotable) {
    const EvidenceSpan& span = state_->spans()[each.candidate.span];
    const uint64_t base = state_->passage(span.passage).span.start;
    QuotationCandidate& candidate = candidates.emplace_back();
    candidate.passage = span.passage;
    candidate.span = {base + span.bytes.start, base + span.bytes.end};
    candidate.score = each.candidate.score;
    for (size_t i = 0; i < each.features.values.size(); ++i) {
      candidate.features.emplace_back(grounding::kQuotationFeatureNames[i],
                                      each.features.values[i]);
    }
  }
  return candidates;
}

}  // namespace footnote::generator
