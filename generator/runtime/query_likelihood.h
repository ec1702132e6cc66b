// The Reranker over a generator: how much likelier a passage makes the question. Private to the
// generator room.
//
// The mean natural-log probability of the question's tokens after "passage … Question:" is compared
// with that after "Question:" alone, m and m0. The score is e^m / (e^m + e^m0): 0.5 where the
// passage tells nothing of the question, towards 1 the more it does; so questions of common and of
// rare words have scores of one scale. Source: Ponte and Croft 1998, "A Language Modeling Approach
// to Information Retrieval"; with a language model as Sachan et al. 2022, "Improving Passage
// Retrieval with Zero-Shot Question Generation".
//
// Keys and values of the passages are not kept for the next question: those of 32 passages would
// take 100 MB with the smallest generator and drive those of answers out of the cache, and what was
// kept of one asker's passages would show in the time that another's take.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/reranker.h"
#include "generator/text_generator.h"

namespace footnote::generator {

// Threads: as Reranker.
class QueryLikelihood final : public Reranker {
 public:
  // `generator` outlives it. `model_sha256` is the generator's.
  QueryLikelihood(TextGenerator* generator, std::string model_sha256);

  const std::string& name() const override { return name_; }
  const std::string& model_sha256() const override { return model_sha256_; }
  double share() const override;
  StatusOr<std::vector<float>> Score(std::string_view query,
                                     std::span<const std::string_view> texts,
                                     const CallContext& call) const override;

 private:
  // Mean natural-log probability of the question's tokens behind `passage`.
  StatusOr<double> MeanLogProbability(std::span<const TokenId> passage,
                                      std::span<const TokenId> question,
                                      const CallContext& call) const;

  TextGenerator* generator_;
  std::string model_sha256_;
  std::string name_;
  std::vector<TokenId> lead_;  // what the model puts before a text: BOS, or nothing
  std::vector<TokenId> asks_;  // "\n\nQuestion:"
};

}  // namespace footnote::generator
