// The Reranker over an encoder with a classifying head: query and text in one pass, joined as the
// model's tokenizer does ("[CLS] query [SEP] text [SEP]"). Private to the generator room.
//
// Source: Nogueira and Cho 2019, "Passage Re-ranking with BERT".
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/reranker.h"
#include "generator/runtime/loaded_model.h"
#include "generator/runtime/pair_template.h"

namespace footnote::generator {

// Which of a head's labels means that the text answers the query: the only one; the second of two;
// of more the one named "relevant" or "entailment", in capital letters or small. Errors:
// INVALID_ARGUMENT lists the labels when none of these is there.
StatusOr<size_t> RelevantLabel(std::span<const std::string> labels);

// 0…1: the logistic function of a single logit, the softmax of `label` among several.
float Relevance(std::span<const float> logits, size_t label);

// Threads: as Reranker.
class CrossEncoder final : public Reranker {
 public:
  // Errors: INVALID_ARGUMENT (no head, or one for tokens, unclear labels, too short for a pair),
  // those of ReadPairTemplate.
  static StatusOr<std::unique_ptr<Reranker>> Create(std::shared_ptr<const LoadedModel> model,
                                                    std::string model_sha256);

  const std::string& name() const override { return name_; }
  const std::string& model_sha256() const override { return model_sha256_; }
  double share() const override;
  StatusOr<std::vector<float>> Score(std::string_view query,
                                     std::span<const std::string_view> texts,
                                     const CallContext& call) const override;

 private:
  CrossEncoder(std::shared_ptr<const LoadedModel> model, std::string model_sha256, size_t label);

  // Tokens of a text, without special ones and without control tokens written in it; at most
  // `limit` of them, the first.
  std::vector<TokenId> Tokens(std::string_view text, size_t limit) const;

  std::shared_ptr<const LoadedModel> model_;
  std::string model_sha256_;
  std::string name_;
  size_t label_;
  PairTemplate pair_;
};

}  // namespace footnote::generator
