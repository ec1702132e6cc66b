// The scheduler with a fake model whose every token depends on all tokens before it, read back
// through the sequence's pages: a page lost, shared by mistake or written twice changes the answer.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <utility>
#include <vector>

#include "generator/runtime/scheduler.h"

namespace footnote::generator {

using kernels::kPageTokens;

inline constexpr int kVocabulary = 40;
inline constexpr TokenId kEnd = 39;

// Added to a token in a page whose keys are rotated for a long sequence.
inline constexpr TokenId kLong = 1000;

inline uint64_t Mix(uint64_t state, TokenId token) {
  state = (state ^ static_cast<uint64_t>(token + 1)) * 0x9E3779B97F4A7C15u;
  return state ^ state >> 29;
}

// Never kEnd, so that requests go on.
inline TokenId NextToken(std::span<const TokenId> history) {
  uint64_t state = 7;
  for (const TokenId token : history) state = Mix(state, token);
  return static_cast<TokenId>(state % kEnd);
}

// Mostly repeats what stood seven tokens before, so that guesses come true, but not always; depends
// on all tokens all the same.
inline TokenId CopyingToken(std::span<const TokenId> history) {
  uint64_t state = 11;
  for (const TokenId token : history) state = Mix(state, token);
  if (history.size() < 7 || state % 6 == 0) return NextToken(history);
  return history[history.size() - 7];
}

using NextTokenFunction = TokenId (*)(std::span<const TokenId>);

inline std::vector<TokenId> Continuation(std::vector<TokenId> tokens, int count,
                                         NextTokenFunction next = NextToken) {
  std::vector<TokenId> out;
  for (int i = 0; i < count; ++i) {
    out.push_back(next(tokens));
    tokens.push_back(out.back());
  }
  return out;
}

class FakeRunner final : public StepRunner {
 public:
  explicit FakeRunner(int64_t pages)
      : pool_(pages), memory_(static_cast<size_t>(pages * kPageTokens), -1) {}

  int64_t vocabulary_size() const override { return kVocabulary; }
  PagePool& pages() override { return pool_; }

  Status Step(const DecoderBatch& batch, kernels::Matrix logits) override {
    if (before_step) before_step();
    std::lock_guard lock(mutex);
    steps.push_back({});
    int64_t next_row = 0;
    size_t next_logits = 0;
    for (const kernels::KvSequence& sequence : batch.sequences) {
      EXPECT_EQ(sequence.first_row, next_row);
      EXPECT_GT(sequence.rows, 0);
      steps.back().push_back(sequence.rows);
      const bool is_long =
          short_rotation_tokens > 0 && std::max(sequence.first_position + sequence.rows,
                                                sequence.known_positions) > short_rotation_tokens;
      for (int64_t i = 0; i < sequence.rows; ++i) {
        Slot(sequence, sequence.first_position + i) =
            batch.ids[static_cast<size_t>(next_row + i)] + (is_long ? kLong : 0);
      }
      for (; next_logits < batch.logits_rows.size() &&
             batch.logits_rows[next_logits] < next_row + sequence.rows;
           ++next_logits) {
        const int64_t position =
            sequence.first_position + batch.logits_rows[next_logits] - next_row;
        std::vector<TokenId> history;
        for (int64_t i = 0; i <= position; ++i) {
          EXPECT_EQ(Slot(sequence, i) >= kLong, is_long) << "keys of both rotations, at " << i;
          history.push_back(Slot(sequence, i) % kLong);
        }
        float* row = logits.row(static_cast<int64_t>(next_logits));
        std::fill(row, row + kVocabulary, 0.0f);
        row[end_after > 0 && position >= end_after ? kEnd : next(history)] = 5;
      }
      next_row += sequence.rows;
    }
    EXPECT_EQ(next_row, static_cast<int64_t>(batch.ids.size()));
    EXPECT_EQ(next_logits, batch.logits_rows.size());
    EXPECT_LE(next_row, budget);
    return std::exchange(failure, OkStatus());
  }

  std::function<void()> before_step;
  NextTokenFunction next = NextToken;
  int64_t budget = 1 << 20;
  int64_t short_rotation_tokens = 0;        // as SchedulerOptions'
  int64_t end_after = 0;                    // from this position on the model ends its answer
  std::mutex mutex;                         // guards what follows
  Status failure;                           // of the next step
  std::vector<std::vector<int64_t>> steps;  // rows of each sequence

 private:
  TokenId& Slot(const kernels::KvSequence& sequence, int64_t position) {
    EXPECT_LT(position / kPageTokens, static_cast<int64_t>(sequence.pages.size()))
        << "a row beyond the reservation";
    const int32_t page = sequence.pages[static_cast<size_t>(position / kPageTokens)];
    // Two write to one page only by mistake.
    if (position >= sequence.first_position) {
      EXPECT_EQ(pool_.holders(page), 1);
    }
    return memory_[static_cast<size_t>(page * kPageTokens + position % kPageTokens)];
  }

  PagePool pool_;
  std::vector<TokenId> memory_;
};

inline SchedulerOptions Options(int budget = 24, int running = 4, int queued = 64) {
  SchedulerOptions options;
  options.max_running = running;
  options.max_queued = queued;
  options.batch_budget_tokens = budget;
  options.context_tokens = 400;
  options.end_of_generation = {kEnd};
  options.guess_tokens = 0;        // the tests of guesses turn them on
  options.reuse_prefixes = false;  // all pages come back; the tests of prefixes turn it on
  return options;
}

inline GenerationRequest Request(std::vector<TokenId> prompt, int max_tokens) {
  GenerationRequest request;
  request.prompt = std::move(prompt);
  request.max_tokens = max_tokens;
  return request;
}

inline std::vector<TokenId> Prompt(size_t length, TokenId first) {
  std::vector<TokenId> prompt(length);
  for (size_t i = 0; i < length; ++i) {
    prompt[i] = static_cast<TokenId>((static_cast<size_t>(first) + i * 5) % kEnd);
  }
  return prompt;
}

// Lets a test hold the model inside a step.
class Gate {
 public:
  void Pass() {
    std::unique_lock lock(mutex_);
    ++arrived_;
    signal_.notify_all();
    signal_.wait(lock, [this] { return open_; });
  }
  void AwaitArrival() {
    std::unique_lock lock(mutex_);
    signal_.wait(lock, [this] { return arrived_ > 0; });
  }
  void Open() {
    std::lock_guard lock(mutex_);
    open_ = true;
    signal_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable signal_;
  int arrived_ = 0;
  bool open_ = false;
};

}  // namespace footnote::generator
