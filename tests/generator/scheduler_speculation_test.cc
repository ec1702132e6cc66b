// Guesses change how many passes an answer takes, never a token of it.

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <thread>

#include "tests/generator/fake_step_runner.h"
#include "tests/testing/status_matchers.h"

namespace footnote::generator {
namespace {

SchedulerOptions GuessingOptions(int guess_tokens = 8, int budget = 24) {
  SchedulerOptions options = Options(budget);
  options.guess_tokens = guess_tokens;
  return options;
}

// A pass that takes as long for many rows as for one, so that guesses pay.
void TakeEquallyLong(FakeRunner& runner) {
  runner.before_step = [] { std::this_thread::sleep_for(std::chrono::microseconds(300)); };
}

// Passes that `runner` has made.
size_t Passes(FakeRunner& runner) {
  std::lock_guard lock(runner.mutex);
  return runner.steps.size();
}

TEST(Speculation, GreedyTokensAreTheModelsInFewerPasses) {
  for (const int guess_tokens : {1, 3, 8, 15}) {
    for (const int budget : {5, 24, 500}) {
      FakeRunner runner(100);
      runner.budget = budget;
      runner.next = CopyingToken;
      TakeEquallyLong(runner);
      ASSERT_OK_AND_ASSIGN(const auto scheduler,
                           Scheduler::Create(&runner, GuessingOptions(guess_tokens, budget)));
      const std::vector<TokenId> prompt = Prompt(40, 3);
      const auto result = scheduler->Generate(Request(prompt, 200), CallContext(), nullptr);
      ASSERT_OK(result);
      EXPECT_EQ(result->tokens, Continuation(prompt, 200, CopyingToken));
      EXPECT_GT(result->accepted_tokens, 5);
      EXPECT_GE(result->guessed_tokens, result->accepted_tokens);
      // Each pass gives one token and those that were accepted.
      const auto prompt_passes = static_cast<size_t>((40 + budget - 1) / budget);
      EXPECT_EQ(Passes(runner), prompt_passes + 199 - static_cast<size_t>(result->accepted_tokens));
      const GeneratorStats stats = scheduler->stats();
      EXPECT_EQ(stats.guessed_tokens, result->guessed_tokens);
      EXPECT_EQ(stats.accepted_tokens, result->accepted_tokens);
    }
  }
}

TEST(Speculation, SampledTokensAreTheSameWithAndWithoutGuesses) {
  int64_t accepted = 0;
  for (uint64_t seed = 0; seed < 30; ++seed) {
    GenerationRequest request = Request(Prompt(20 + seed, static_cast<TokenId>(seed)), 60);
    request.sampling.seed = seed;
    request.sampling.temperature = 0.6 + 0.05 * static_cast<double>(seed % 5);
    request.sampling.repetition_penalty = seed % 3 == 0 ? 1.2 : 1;
    request.sampling.top_k = seed % 2 == 0 ? 10 : 0;
    request.sampling.top_p = seed % 5 == 0 ? 0.9 : 1;
    if (seed % 4 == 0) request.banned = {1, 7, 20};
    request.quotable = {{2, 15}};
    std::vector<TokenId> without;
    for (const int guess_tokens : {0, 2, 8}) {
      FakeRunner runner(100);
      runner.next = CopyingToken;
      ASSERT_OK_AND_ASSIGN(const auto scheduler,
                           Scheduler::Create(&runner, GuessingOptions(guess_tokens)));
      const auto result = scheduler->Generate(request, CallContext(), nullptr);
      ASSERT_OK(result);
      if (guess_tokens == 0) {
        without = result->tokens;
        EXPECT_EQ(result->guessed_tokens, 0);
      }
      EXPECT_EQ(result->tokens, without) << "seed " << seed << ", " << guess_tokens << " guesses";
      accepted += result->accepted_tokens;
    }
  }
  EXPECT_GT(accepted, 30);
}

TEST(Speculation, ConcurrentRequestsGetWhatEachGetsAlone) {
  FakeRunner runner(100);
  runner.next = CopyingToken;
  runner.budget = 24;
  ASSERT_OK_AND_ASSIGN(const auto scheduler, Scheduler::Create(&runner, GuessingOptions()));
  std::vector<std::future<StatusOr<GenerationResult>>> calls;
  const auto prompt = [](int which) {
    return Prompt(static_cast<size_t>(10 + 13 * which), static_cast<TokenId>(which));
  };
  for (int which = 0; which < 8; ++which) {
    calls.push_back(std::async(std::launch::async, [&, which] {
      return scheduler->Generate(Request(prompt(which), 80), CallContext(), nullptr);
    }));
  }
  for (int which = 0; which < 8; ++which) {
    const auto result = calls[static_cast<size_t>(which)].get();
    ASSERT_OK(result);
    EXPECT_EQ(result->tokens, Continuation(prompt(which), 80, CopyingToken));
  }
  EXPECT_GT(scheduler->stats().accepted_tokens, 0);
}

// The reservation is exactly what prompt and answer need: the fake fails on a row beyond it.
TEST(Speculation, TheLimitIsKeptInsideAGuessAndNoPageIsNeededBeyondTheReserved) {
  for (int max_tokens = 1; max_tokens <= 40; ++max_tokens) {
    const std::vector<TokenId> prompt = Prompt(24, 1);
    FakeRunner runner(PagePool::PagesFor(24 + max_tokens));
    runner.next = CopyingToken;
    ASSERT_OK_AND_ASSIGN(const auto scheduler, Scheduler::Create(&runner, GuessingOptions()));
    const auto result = scheduler->Generate(Request(prompt, max_tokens), CallContext(), nullptr);
    ASSERT_OK(result);
    EXPECT_EQ(result->tokens, Continuation(prompt, max_tokens, CopyingToken));
    EXPECT_EQ(result->finish, FinishReason::kLength);
    EXPECT_EQ(runner.pages().free(), runner.pages().total());
  }
}

TEST(Speculation, AnEndTokenEndsInsideAGuess) {
  for (int64_t end_after = 24; end_after < 70; ++end_after) {
    FakeRunner runner(100);
    runner.next = CopyingToken;
    runner.end_after = end_after;
    ASSERT_OK_AND_ASSIGN(const auto scheduler, Scheduler::Create(&runner, GuessingOptions()));
    const std::vector<TokenId> prompt = Prompt(24, 1);
    const auto result = scheduler->Generate(Request(prompt, 100), CallContext(), nullptr);
    ASSERT_OK(result);
    EXPECT_EQ(result->finish, FinishReason::kEndOfGeneration);
    const int expected = static_cast<int>(end_after) - 23;
    EXPECT_EQ(result->tokens, Continuation(prompt, expected, CopyingToken));
  }
}

// Whatever ends an answer inside a guess, only what was kept is remembered: a later prompt that
// begins with prompt and answer, or with what was guessed and dropped, reads right pages.
TEST(Speculation, AStopOrCancelInsideAGuessLeavesOnlyKeptPositionsBehind) {
  const std::vector<TokenId> prompt = Prompt(24, 1);
  const std::vector<TokenId> answer = Continuation(prompt, 100, CopyingToken);
  for (int stop_at = 1; stop_at < 60; ++stop_at) {
    for (const bool cancel : {false, true}) {
      FakeRunner runner(100);
      runner.next = CopyingToken;
      SchedulerOptions options = GuessingOptions();
      options.reuse_prefixes = true;
      ASSERT_OK_AND_ASSIGN(const auto scheduler, Scheduler::Create(&runner, options));
      std::stop_source stop;
      std::vector<TokenId> heard;
      const auto result = scheduler->Generate(Request(prompt, 100), CallContext(stop.get_token()),
                                              [&](TokenId token) {
                                                heard.push_back(token);
                                                if (static_cast<int>(heard.size()) < stop_at) {
                                                  return true;
                                                }
                                                if (cancel) stop.request_stop();
                                                return cancel;
                                              });
      EXPECT_EQ(result.ok(), !cancel);
      EXPECT_EQ(heard, std::vector<TokenId>(answer.begin(), answer.begin() + stop_at))
          << "nothing comes after a stop or a cancellation";
      for (const TokenId differs : {0, 1}) {
        std::vector<TokenId> next = prompt;
        next.insert(next.end(), heard.begin(), heard.end());
        next.push_back(differs);
        next.insert(next.end(), answer.begin(), answer.begin() + 20);
        const auto turn = scheduler->Generate(Request(next, 10), CallContext(), nullptr);
        ASSERT_OK(turn);
        EXPECT_EQ(turn->tokens, Continuation(next, 10, CopyingToken));
      }
    }
  }
}

TEST(Speculation, BesidePromptsTheBudgetHolds) {
  FakeRunner runner(200);
  runner.next = CopyingToken;
  runner.budget = 24;
  ASSERT_OK_AND_ASSIGN(const auto scheduler, Scheduler::Create(&runner, GuessingOptions()));
  std::promise<void> generating;
  auto first = std::async(std::launch::async, [&, heard = 0]() mutable {
    return scheduler->Generate(Request(Prompt(40, 1), 300), CallContext(), [&](TokenId) {
      if (++heard == 1) generating.set_value();
      return true;
    });
  });
  generating.get_future().wait();
  for (int i = 0; i < 6; ++i) {
    const std::vector<TokenId> prompt = Prompt(static_cast<size_t>(100 + i), 2);
    const auto result = scheduler->Generate(Request(prompt, 2), CallContext(), nullptr);
    ASSERT_OK(result);
    EXPECT_EQ(result->tokens, Continuation(prompt, 2, CopyingToken));
  }
  const auto result = first.get();
  ASSERT_OK(result);
  EXPECT_EQ(result->tokens, Continuation(Prompt(40, 1), 300, CopyingToken));
}

}  // namespace
}  // namespace footnote::generator
