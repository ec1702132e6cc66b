// What copies of a support scorer share: the passages' sentences, analysed, and their vectors.
//
// Threads: one caller at a time; vectors are kept when they are first computed.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "generator/grounding.h"
#include "generator/grounding/evidence.h"
#include "generator/grounding/phrases.h"
#include "generator/grounding/quotation_features.h"
#include "generator/grounding/quotation_model.h"

namespace footnote::generator {

// A span with what was found out about it.
struct SupportCandidate {
  size_t span = 0;
  grounding::Comparison comparison;
  double similarity = 0;
  double score = 0;
};

class SupportScorer::State {
 public:
  State(const Embedder* embedder, std::span<const Passage> passages);

  const grounding::Evidence& evidence() const { return evidence_; }
  const grounding::Phrases& phrases() const { return phrases_; }
  const std::vector<grounding::EvidenceSpan>& spans() const { return evidence_.spans(); }
  std::span<const Passage> passages() const { return passages_; }
  const Passage& passage(int index) const { return passages_[static_cast<size_t>(index)]; }
  bool has_embedder() const { return embedder_ != nullptr; }

  // Sets `similarity` of the candidates: cosine with `text`. Embeds what was not embedded before,
  // in one batch.
  Status Similarities(std::string_view text, TextRole role, std::span<SupportCandidate> candidates,
                      const CallContext& call);

  // The best candidates, none whose bytes another one already quotes; `one_a_passage` if asked.
  std::vector<Support> Best(std::vector<SupportCandidate> candidates, int max_results,
                            bool one_a_passage) const;

  // What two units of evidence, which speak of the same, say differently; nothing where they agree
  // or speak of different things.
  std::optional<SupportProblem::Kind> Difference(size_t a, size_t b) const;

  // A span as an answer to a question.
  struct Quotable {
    SupportCandidate candidate;
    grounding::QuotationFeatures features;
  };
  // The spans that look best by their words and the beginning of the best passage, with their
  // relevance; the best by words first. At most `max_candidates`, and those sentences.
  StatusOr<std::vector<Quotable>> ReadQuotable(std::string_view question, int max_candidates,
                                               const CallContext& call);

  // The bytes of a quotation; of two sentences, without one that has no word of the question nor of
  // the other and does not point back: it came along with its neighbour.
  ByteSpan WithoutStranger(const Support& quotation, const grounding::Claims& asked) const;

  // Of its sentences, the one that answers best by its words; empty where the other does nearly as
  // well.
  ByteSpan CoreOf(const Support& quotation, const grounding::QuotationReader& reader) const;

  // A sentence with its supports; `bytes` is left to the caller.
  StatusOr<SentenceSupport> ScoreSentence(std::string_view sentence, int max_results,
                                          const CallContext& call);

 private:
  // Gives the comparison with a pair of sentences what one of them contradicts.
  void CarryOver(const grounding::Claims& claims, const grounding::EvidenceSpan& span,
                 grounding::Comparison& comparison) const;

  // Chunks may overlap: the same bytes can come in two passages.
  bool SamePlace(const Support& a, const Support& b) const;

  const Embedder* embedder_;
  std::span<const Passage> passages_;
  grounding::Evidence evidence_;
  grounding::Phrases phrases_;
  std::vector<std::vector<float>> vectors_;  // [spans]; empty until needed
};

}  // namespace footnote::generator
