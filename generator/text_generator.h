// Generation, as the rest of the service sees it: prompt tokens in, tokens out, many callers at
// once.
//
// The interface is narrow so that its second implementation can be any OpenAI-compatible server.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "common/call_context.h"
#include "common/status.h"
#include "generator/chat_template.h"
#include "generator/tokenizer.h"

namespace footnote::generator {

struct SamplingOptions {
  double temperature = 0;         // 0: greedy, the rest is then ignored
  int top_k = 0;                  // 0: all
  double top_p = 1;               // (0, 1]
  double min_p = 0;               // [0, 1)
  double repetition_penalty = 1;  // > 0, over the tokens generated so far; 1: none
  uint64_t seed = 0;
};

// Tokens [begin, end) of a sequence.
struct TokenSpan {
  size_t begin = 0;
  size_t end = 0;
};

// Which tokens may come next, where not all may. Threads: const, any; called on the scheduler's
// thread for each token, so it must be quick.
class TokenConstraint {
 public:
  virtual ~TokenConstraint() = default;
  // In any order, each in the vocabulary; never empty. Depends on `generated`, the request's new
  // tokens so far, and on nothing else.
  virtual std::vector<TokenId> Allowed(std::span<const TokenId> generated) const = 0;
};

struct GenerationRequest {
  std::vector<TokenId> prompt;
  // Parts of the prompt whose words the answer is likely to repeat (the passages). Where they are
  // changes how fast tokens come, never which.
  std::vector<TokenSpan> quotable;
  int max_tokens = 256;     // new tokens, > 0
  bool ignore_eos = false;  // go on after an end-of-generation token
  SamplingOptions sampling;
  // Tokens the sampler must never choose (citation marks of passages that are not in the context,
  // for one).
  std::vector<TokenId> banned;
  // Null: all other tokens may come.
  std::shared_ptr<const TokenConstraint> constraint = nullptr;
  // Of each new token, how likely it was and so many others that might have come: the likeliest
  // that are neither banned nor kept back by the constraint. 0: not told.
  int alternatives = 0;
  // With alternatives: ends before a token that is less likely (finish = kStopped). Where a
  // constraint leaves a model no good word, what it goes on with is of no use.
  float least_log_probability = -std::numeric_limits<float>::infinity();
  // Requests of different tenants never share cached prompts.
  std::string tenant;
};

enum class FinishReason { kEndOfGeneration, kLength, kStopped };

// How likely a token was: natural log of the probability that the model gives it among all tokens,
// bans and constraint aside, at temperature 1.
struct TokenLikelihood {
  TokenId id = 0;
  float log_probability = 0;
};

struct TokenChoice {
  TokenLikelihood chosen;
  std::vector<TokenLikelihood> others;  // the likeliest first; the lower id among equals
};

struct GenerationResult {
  std::vector<TokenId> tokens;  // new ones, without the end-of-generation token
  FinishReason finish = FinishReason::kEndOfGeneration;
  // With alternatives: of each of `tokens`, and of one more where that was not taken (an
  // end-of-generation token, one that was not likely enough).
  std::vector<TokenChoice> choices;
  int64_t cached_prompt_tokens = 0;
  int64_t guessed_tokens = 0;   // looked up in the sequence, and computed beside its last token
  int64_t accepted_tokens = 0;  // of them, those that the model chose too: steps saved
  double prefill_ms = 0;
  double decode_ms = 0;
};

// Since the start.
struct GeneratorStats {
  int64_t prompt_tokens = 0;  // of requests that ended, cached ones included
  int64_t cached_prompt_tokens = 0;
  int64_t generated_tokens = 0;
  int64_t guessed_tokens = 0;
  int64_t accepted_tokens = 0;
  // What cancelled and late requests were still allowed to generate when they ended.
  int64_t tokens_not_generated = 0;
  int running = 0;  // now
  int waiting = 0;  // now
};

class TextGenerator {
 public:
  virtual ~TextGenerator() = default;

  virtual GeneratorStats stats() const { return {}; }

  virtual const Tokenizer& tokenizer() const = 0;
  virtual const ChatTemplate* chat_template() const = 0;  // null for a base model
  virtual int context_tokens() const = 0;                 // prompt and answer together
  virtual const std::string& name() const = 0;

  // Called with each new token on the scheduler's thread; false stops the generation (finish =
  // kStopped). Must be quick.
  using TokenSink = std::function<bool(TokenId)>;

  // Blocks until done. Calls from several threads are batched together. The tokens do not depend on
  // what else runs. Errors: INVALID_ARGUMENT (empty prompt, prompt and max_tokens beyond
  // context_tokens, ids or spans out of range), RESOURCE_EXHAUSTED (the queue is full: says when to
  // try again), CANCELLED, DEADLINE_EXCEEDED (both are looked at before every step, and between the
  // tokens of one).
  virtual StatusOr<GenerationResult> Generate(const GenerationRequest& request,
                                              const CallContext& call, const TokenSink& sink) = 0;

  // Natural-log probability of each token of `continuation` after `prompt`: for scoring support.
  // Same errors.
  virtual StatusOr<std::vector<float>> LogProbabilities(std::span<const TokenId> prompt,
                                                        std::span<const TokenId> continuation,
                                                        const CallContext& call) = 0;
};

}  // namespace footnote::generator
