// One request inside the scheduler, and its part of a pass. Included by the scheduler's sources
// only.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "generator/runtime/prompt_lookup.h"
#include "generator/runtime/sampler.h"
#include "generator/runtime/scheduler.h"

namespace footnote::generator {

struct Scheduler::Job {
  explicit Job(PagePool* pool) : pages(pool) {}

  // Set by the caller before it submits.
  std::vector<TokenId> tokens;  // prompt; then what was generated, or the continuation to score
  size_t prompt_size = 0;
  int64_t max_positions = 0;  // pages are reserved for as many
  CallContext call;
  // Generating:
  std::optional<Sampler> sampler;
  const TextGenerator::TokenSink* sink = nullptr;
  int max_tokens = 0;
  bool ignore_eos = false;
  int alternatives = 0;
  float least_log_probability = 0;  // with alternatives
  std::string tenant;
  std::optional<PromptLookup> lookup;  // nothing: guesses nothing

  // The scheduler's.
  PageList pages;
  size_t written = 0;          // tokens whose keys and values are in the cache
  bool long_rotation = false;  // of those; see SchedulerOptions::short_rotation_tokens
  GenerationResult result;
  std::vector<float> scores;
  AcceptanceRates rates;
  std::chrono::steady_clock::time_point admitted, prompt_done;
  bool ended = false;  // on the scheduler's thread

  // Between the two.
  std::mutex mutex;
  std::condition_variable done_signal;
  bool done = false;
  Status status;

  // Whether all that is wanted of logits is the likeliest token that may come.
  bool only_chooses() const { return !scoring() && sampler->greedy() && alternatives == 0; }
  bool scoring() const { return !sampler.has_value(); }
  // Tokens whose rows must be computed: the last token of a scored text predicts nothing.
  size_t rows_wanted() const { return scoring() ? tokens.size() - 1 : tokens.size(); }
  // The first row whose logits are wanted.
  size_t first_logits_row() const { return scoring() ? prompt_size - 1 : tokens.size() - 1; }
  // All but the last token are written, so its row gives a new one. (A sequence that is read anew
  // is a prompt again.)
  bool generating() const {
    return !scoring() && tokens.size() > prompt_size && written + 1 == tokens.size();
  }
  // Whose pages it may take and leaves: other tenants' never, nor keys that are rotated otherwise.
  std::string prefix_group() const { return (long_rotation ? "long " : "short ") + tenant; }
  int64_t tokens_left() const {
    return scoring() ? 0 : max_tokens - static_cast<int64_t>(result.tokens.size());
  }
};

struct Scheduler::Piece {
  JobPtr job;
  int64_t rows = 0;
  int64_t logits_rows = 0;    // the last ones of its rows
  int64_t first_logits = 0;   // where they are in the pass's logits
  PromptLookup::Guess guess;  // the tokens of its last rows, which the sequence does not have yet
};

}  // namespace footnote::generator
