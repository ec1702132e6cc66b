// The likeliest sentences that a model may write under a constraint.
//
// Token by token, a constrained model runs into dead ends: it begins a sentence that no source can
// end, and then strings what is left to it. So several are tried: the model writes a sentence, then
// writes on from those tokens that it did not take but holds likely behind what stood before them,
// and so on. What it ends is given where the model, asked without the constraint, would say it too.
//
// Threads: any; what is tried at the same time is batched by the generator. The same request gives
// the same sentences.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/call_context.h"
#include "common/status.h"
#include "generator/grounding.h"
#include "generator/text_generator.h"

namespace footnote::generator {

struct SentenceSearchOptions {
  int rounds = 3;       // the first writes one sentence
  int tries = 4;        // of each of the others
  int max_tokens = 72;  // of a sentence: a longer one is no short answer
  // What is given at least, in natural logs of probabilities without the constraint: the mean of a
  // sentence's tokens, any of them, and its full stop. Of 90 sentences that were read, nearly all
  // below the first two made no sense, and nearly all above did; the ends were chosen on 80 others
  // (docs/grounding.md).
  double least_mean = -0.85;
  double least_token = -6.2;
  double least_end = -2.5;
  // Instead of least_end, of what has no word that is surely a verb: it may be half a sentence.
  double least_end_without_verb = -1.45;
};

struct FoundSentence {
  std::string text;                 // ends with a full stop
  double mean_log_probability = 0;  // of its tokens
};

struct FoundSentences {
  std::vector<FoundSentence> sentences;  // the likeliest first
  // Of all that was tried; the times are those that passed.
  int64_t prompt_tokens = 0;
  int64_t cached_prompt_tokens = 0;
  int64_t generated_tokens = 0;
  double prefill_ms = 0;  // of the first
  double decode_ms = 0;   // all behind that
};

// `request` without its constraint, alternatives and max_tokens. Errors: Generate's.
StatusOr<FoundSentences> FindSentences(TextGenerator& generator, const GenerationRequest& request,
                                       const std::shared_ptr<const InOrder>& in_order,
                                       const SentenceSearchOptions& options,
                                       const CallContext& call);

}  // namespace footnote::generator
