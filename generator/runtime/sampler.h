// Chooses the next token from logits. One sampler per request, with random numbers of its own, so
// that what else runs never changes a request's tokens.
//
// Private to the generator room. Threads: one.
#pragma once

#include <cstdint>
#include <memory>
#include <random>
#include <span>
#include <vector>

#include "common/status.h"
#include "generator/text_generator.h"

namespace footnote::generator {

class Sampler {
 public:
  // Errors: INVALID_ARGUMENT names an option out of its range or a banned id out of the vocabulary.
  static StatusOr<Sampler> Create(const SamplingOptions& options, std::span<const TokenId> banned,
                                  int64_t vocabulary_size,
                                  std::shared_ptr<const TokenConstraint> constraint = nullptr);

  // The next token after `generated`. Greedy takes the lowest id among equals. Otherwise, in this
  // order: repetition penalty, temperature, top-k, top-p, min-p, one draw. May overwrite logits.
  // Errors: INTERNAL when no token is left to choose (NaN, or everything is banned).
  StatusOr<TokenId> Sample(std::span<float> logits, std::span<const TokenId> generated);

  // As Sample, and how likely it and so many others were. 0: not told.
  StatusOr<TokenChoice> SampleAmong(std::span<float> logits, std::span<const TokenId> generated,
                                    int alternatives);

  // Whether Sample takes the largest logit of those in Allowed, so that the choice can be made
  // where the logits are.
  bool greedy() const { return options_.temperature == 0; }
  // A bit for each token that may come after `generated`; nothing when all may.
  std::vector<uint32_t> Allowed(std::span<const TokenId> generated, int64_t vocabulary_size) const;
  // What was chosen there; a negative id is Sample's error.
  static StatusOr<TokenId> Chosen(TokenId id);

 private:
  struct Candidate {
    TokenId id;
    double weight;  // its logit; then exp of the distance to the best, temperature applied
  };

  Sampler(const SamplingOptions& options, std::span<const TokenId> banned,
          std::shared_ptr<const TokenConstraint> constraint)
      : options_(options),
        banned_(banned.begin(), banned.end()),
        constraint_(std::move(constraint)),
        random_(options.seed) {}

  void Constrain(std::span<float> logits, std::span<const TokenId> generated) const;
  void Penalise(std::span<float> logits, std::span<const TokenId> generated) const;
  void CollectTopK(std::span<const float> logits, size_t keep);
  void CollectAll(std::span<const float> logits);
  void KeepTopP();
  void KeepMinP();
  TokenId Draw();

  SamplingOptions options_;
  std::vector<TokenId> banned_;
  std::shared_ptr<const TokenConstraint> constraint_;  // null: none
  std::mt19937_64 random_;
  std::vector<Candidate> candidates_;  // of one token; keeps its memory for the next
};

// The lowest id among the largest logits; -1 when none is a number.
TokenId ArgMax(std::span<const float> logits);

// Natural log of softmax(logits)[id], computed in double.
float LogProbability(std::span<const float> logits, TokenId id);

}  // namespace footnote::generator
