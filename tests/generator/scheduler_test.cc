#include "generator/runtime/scheduler.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <future>
#include <numeric>
#include <random>
#include <thread>

#include "tests/generator/fake_step_runner.h"
#include "tests/testing/status_matchers.h"

namespace footnote::generator {
namespace {

using namespace std::chrono_literals;

TEST(Scheduler, GivesTheModelsTokensWhateverTheChunkSize) {
  for (const int budget : {5, 16, 33, 500}) {
    FakeRunner runner(100);
    runner.budget = budget;
    ASSERT_OK_AND_ASSIGN(const auto scheduler, Scheduler::Create(&runner, Options(budget)));
    std::vector<TokenId> heard;
    const auto result =
        scheduler->Generate(Request(Prompt(70, 3), 20), CallContext(), [&](TokenId token) {
          heard.push_back(token);
          return true;
        });
    ASSERT_OK(result);
    EXPECT_EQ(result->tokens, Continuation(Prompt(70, 3), 20));
    EXPECT_EQ(heard, result->tokens);
    EXPECT_EQ(result->finish, FinishReason::kLength);
  }
}

TEST(Scheduler, EndsAtTheEndTokenUnlessToldToIgnoreIt) {
  FakeRunner runner(100);
  runner.end_after = 12;
  ASSERT_OK_AND_ASSIGN(const auto scheduler, Scheduler::Create(&runner, Options()));
  GenerationRequest request = Request(Prompt(10, 1), 9);
  const auto ended = scheduler->Generate(request, CallContext(), nullptr);
  ASSERT_OK(ended);
  EXPECT_EQ(ended->finish, FinishReason::kEndOfGeneration);
  EXPECT_EQ(ended->tokens, Continuation(Prompt(10, 1), 3));
  request.ignore_eos = true;
  const auto ignored = scheduler->Generate(request, CallContext(), nullptr);
  ASSERT_OK(ignored);
  EXPECT_EQ(ignored->finish, FinishReason::kLength);
  EXPECT_EQ(ignored->tokens.size(), 9u);
  EXPECT_EQ(ignored->tokens[4], kEnd);
}

TEST(Scheduler, StopsWhenTheSinkSaysSo) {
  FakeRunner runner(100);
  ASSERT_OK_AND_ASSIGN(const auto scheduler, Scheduler::Create(&runner, Options()));
  int heard = 0;
  const auto result = scheduler->Generate(Request(Prompt(10, 1), 50), CallContext(),
                                          [&](TokenId) { return ++heard < 4; });
  ASSERT_OK(result);
  EXPECT_EQ(result->finish, FinishReason::kStopped);
  EXPECT_EQ(result->tokens.size(), 4u);
}

TEST(Scheduler, GeneratingSequencesAdvanceInEveryStepBesideALongPrompt) {
  FakeRunner runner(100);
  runner.budget = 12;
  ASSERT_OK_AND_ASSIGN(const auto scheduler, Scheduler::Create(&runner, Options(12)));
  std::promise<void> generating;
  std::atomic<bool> prompt_done{false};
  auto first = std::async(std::launch::async, [&, heard = 0]() mutable {
    return scheduler->Generate(Request(Prompt(4, 1), 390), CallContext(), [&](TokenId) {
      if (++heard == 1) generating.set_value();
      std::this_thread::sleep_for(1ms);  // so that it does not end before the prompt comes
      return !prompt_done;
    });
  });
  generating.get_future().wait();
  const auto second = scheduler->Generate(Request(Prompt(110, 2), 1), CallContext(), nullptr);
  prompt_done = true;
  ASSERT_OK(second);
  ASSERT_OK(first.get());
  std::lock_guard lock(runner.mutex);
  int mixed = 0;
  for (const std::vector<int64_t>& step : runner.steps) {
    if (step.size() != 2) continue;
    ++mixed;
    EXPECT_EQ(step[0], 1) << "the generating sequence comes first";
    EXPECT_LE(step[1], 11);
  }
  EXPECT_EQ(mixed, 10) << "110 prompt tokens in pieces of 11";
}

TEST(Scheduler, AShortPromptPassesALongOneThatIsHalfRead) {
  FakeRunner runner(700);  // all at once
  runner.budget = 256;
  SchedulerOptions options = Options(256);
  options.context_tokens = 5000;
  ASSERT_OK_AND_ASSIGN(const auto scheduler, Scheduler::Create(&runner, options));
  std::promise<void> reading;
  std::atomic<int> steps{0};
  runner.before_step = [&] {
    // All others come while the long prompt is read.
    if (++steps != 2) return;
    reading.set_value();
    while (scheduler->stats().running + scheduler->stats().waiting < 4) {
      std::this_thread::sleep_for(1ms);
    }
  };
  std::mutex mutex;
  std::vector<std::string> first_tokens;
  const auto run = [&](const char* name, size_t length) {
    return scheduler->Generate(Request(Prompt(length, 2), 1), CallContext(), [&](TokenId) {
      const std::lock_guard lock(mutex);
      first_tokens.push_back(name);
      return true;
    });
  };
  auto long_one = std::async(std::launch::async, run, "long", 4000);
  reading.get_future().wait();
  auto other = std::async(std::launch::async, run, "other", 3000);
  auto another = std::async(std::launch::async, run, "another", 3500);
  ASSERT_OK(run("short", 60));
  ASSERT_OK(long_one.get());
  ASSERT_OK(other.get());
  ASSERT_OK(another.get());
  ASSERT_EQ(first_tokens.size(), 4u);
  EXPECT_EQ(first_tokens[0], "short");
  EXPECT_EQ(first_tokens[1], "long") << "the oldest is not held up by those behind it";
  std::lock_guard lock(runner.mutex);
  int full = 0;
  for (const std::vector<int64_t>& step : runner.steps) {
    const int64_t rows = std::accumulate(step.begin(), step.end(), int64_t{0});
    EXPECT_LE(rows, 256);
    full += rows == 256;
    if (step.size() == 4) {
      EXPECT_GE(step[0], 128) << "half is the oldest's";
      EXPECT_GE(*std::min_element(step.begin() + 1, step.end()), 18) << "60 tokens: 42 and 18";
    }
  }
  EXPECT_GE(full, (4000 + 3000 + 3500 + 60) / 256 - 1) << "no row of the budget is left unused";
}

TEST(Scheduler, RefusesWhatCanNeverRun) {
  FakeRunner runner(4);
  ASSERT_OK_AND_ASSIGN(const auto scheduler, Scheduler::Create(&runner, Options()));
  const auto generate = [&](const GenerationRequest& request) {
    return scheduler->Generate(request, CallContext(), nullptr);
  };
  EXPECT_STATUS(generate(Request({}, 5)), kInvalidArgument, "prompt is empty");
  EXPECT_STATUS(generate(Request({1, kVocabulary}, 5)), kInvalidArgument, "40");
  EXPECT_STATUS(generate(Request({-1}, 5)), kInvalidArgument, "-1");
  EXPECT_STATUS(generate(Request({1}, 0)), kInvalidArgument, "max_tokens");
  EXPECT_STATUS(generate(Request(Prompt(399, 1), 2)), kInvalidArgument, "401");
  EXPECT_STATUS(generate(Request(Prompt(60, 1), 5)), kResourceExhausted, "5 pages");
  GenerationRequest banned = Request({1}, 5);
  banned.banned = {kVocabulary};
  EXPECT_STATUS(generate(banned), kInvalidArgument, "banned token");
  GenerationRequest quoting = Request({1, 2}, 5);
  quoting.quotable = {{1, 3}};
  EXPECT_STATUS(generate(quoting), kInvalidArgument, "quotable");
  EXPECT_EQ(runner.pages().free(), 4);
}

TEST(Scheduler, RefusesOptionsOutOfRange) {
  FakeRunner runner(4);
  SchedulerOptions guessing = Options();
  guessing.guess_tokens = 16;
  EXPECT_STATUS(Scheduler::Create(&runner, guessing), kInvalidArgument, "guess_tokens");
  EXPECT_STATUS(Scheduler::Create(&runner, Options(4, 4)), kInvalidArgument, "batch_budget_tokens");
}

TEST(Scheduler, AFullQueueRefusesAtOnce) {
  FakeRunner runner(100);
  Gate gate;
  runner.before_step = [&] { gate.Pass(); };
  ASSERT_OK_AND_ASSIGN(const auto scheduler, Scheduler::Create(&runner, Options(24, 1, 1)));
  const auto run = [&] {
    return scheduler->Generate(Request(Prompt(4, 1), 2), CallContext(), nullptr);
  };
  auto first = std::async(std::launch::async, run);
  gate.AwaitArrival();
  // Of two more, one waits and the other is refused while the model is still busy.
  auto second = std::async(std::launch::async, run);
  auto third = std::async(std::launch::async, run);
  const auto ready = [](const auto& call) {
    return call.wait_for(1ms) == std::future_status::ready;
  };
  while (!ready(second) && !ready(third)) {
  }
  auto& refused = ready(second) ? second : third;
  auto& waiting = ready(second) ? third : second;
  const auto refusal = refused.get();
  EXPECT_STATUS(refusal, kResourceExhausted, "queue is full");
  EXPECT_EQ(refusal.status().retry_after(), 1s) << "nothing was measured yet";
  EXPECT_FALSE(ready(waiting));
  gate.Open();
  EXPECT_OK(waiting.get());
  EXPECT_OK(first.get());
}

TEST(Scheduler, AFullQueueSaysWhenThereWillBeRoom) {
  FakeRunner runner(100);
  runner.before_step = [] { std::this_thread::sleep_for(2ms); };
  ASSERT_OK_AND_ASSIGN(const auto scheduler, Scheduler::Create(&runner, Options(24, 1, 0)));
  int heard = 0;
  const auto running = scheduler->Generate(Request(Prompt(4, 1), 60), CallContext(), [&](TokenId) {
    if (++heard < 10) return true;
    const auto refused = scheduler->Generate(Request(Prompt(4, 1), 1), CallContext(), nullptr);
    EXPECT_STATUS(refused, kResourceExhausted, "ms");
    EXPECT_GE(refused.status().retry_after(), 100ms) << "50 passes of at least 2 ms are left";
    return false;
  });
  EXPECT_OK(running);
}

TEST(Scheduler, ACallerWhoCancelsInTheQueueIsLetGoWhileOthersRun) {
  FakeRunner runner(100);
  ASSERT_OK_AND_ASSIGN(const auto scheduler, Scheduler::Create(&runner, Options(24, 1, 4)));
  std::stop_source stop;
  std::future<StatusOr<GenerationResult>> queued;
  int heard = 0;
  const auto running = scheduler->Generate(Request(Prompt(4, 1), 300), CallContext(), [&](TokenId) {
    if (++heard == 1) {
      queued = std::async(std::launch::async, [&] {
        return scheduler->Generate(Request(Prompt(4, 2), 5), CallContext(stop.get_token()),
                                   nullptr);
      });
    }
    if (heard == 5) stop.request_stop();
    // Long enough that the queued call, once cancelled, ends before this one.
    std::this_thread::sleep_for(200us);
    if (heard > 250) {
      EXPECT_EQ(queued.wait_for(0s), std::future_status::ready);
    }
    return true;
  });
  EXPECT_OK(running);
  EXPECT_STATUS(queued.get(), kCancelled, "cancelled");
}

TEST(Scheduler, CancellationReachesALongPrompt) {
  FakeRunner runner(100);
  std::stop_source stop;
  std::atomic<int> steps{0};
  runner.before_step = [&] {
    if (++steps == 3) stop.request_stop();
  };
  ASSERT_OK_AND_ASSIGN(const auto scheduler, Scheduler::Create(&runner, Options(5)));
  EXPECT_STATUS(
      scheduler->Generate(Request(Prompt(300, 1), 5), CallContext(stop.get_token()), nullptr),
      kCancelled, "cancelled");
  EXPECT_EQ(steps, 3) << "no step after the cancellation";
  EXPECT_EQ(runner.pages().free(), 100);
}

TEST(Scheduler, ADeadlineEndsTheGeneration) {
  FakeRunner runner(100);
  runner.before_step = [] { std::this_thread::sleep_for(2ms); };
  ASSERT_OK_AND_ASSIGN(const auto scheduler, Scheduler::Create(&runner, Options()));
  const CallContext call(std::stop_token(), CallContext::Clock::now() + 30ms);
  EXPECT_STATUS(scheduler->Generate(Request(Prompt(4, 1), 390), call, nullptr), kDeadlineExceeded,
                "deadline");
  EXPECT_EQ(runner.pages().free(), 100);
}

TEST(Scheduler, CountsWhatWasGeneratedAndWhatNobodyWaitedFor) {
  FakeRunner runner(100);
  ASSERT_OK_AND_ASSIGN(const auto scheduler, Scheduler::Create(&runner, Options()));
  ASSERT_OK(scheduler->Generate(Request(Prompt(4, 1), 7), CallContext(), nullptr));
  // Stopped by its caller, who has enough: nothing was saved.
  ASSERT_OK(
      scheduler->Generate(Request(Prompt(4, 1), 50), CallContext(), [](TokenId) { return false; }));
  GeneratorStats stats = scheduler->stats();
  EXPECT_EQ(stats.prompt_tokens, 8);
  EXPECT_EQ(stats.generated_tokens, 8);
  EXPECT_EQ(stats.tokens_not_generated, 0);

  std::stop_source stop;
  int heard = 0;
  EXPECT_STATUS(scheduler->Generate(Request(Prompt(4, 1), 50), CallContext(stop.get_token()),
                                    [&](TokenId) {
                                      if (++heard == 10) stop.request_stop();
                                      return true;
                                    }),
                kCancelled, "cancelled");
  stats = scheduler->stats();
  EXPECT_EQ(stats.generated_tokens, 18);
  EXPECT_EQ(stats.tokens_not_generated, 40);
  // Too late before it was queued.
  EXPECT_STATUS(scheduler->Generate(Request(Prompt(4, 1), 30), CallContext(stop.get_token()), {}),
                kCancelled, "cancelled");
  stats = scheduler->stats();
  EXPECT_EQ(stats.tokens_not_generated, 70);
  EXPECT_EQ(stats.running + stats.waiting, 0);
}

TEST(Scheduler, AFailedStepEndsItsRequestsAndTheNextOnesRun) {
  FakeRunner runner(100);
  runner.failure = InternalError("a kernel refused");
  ASSERT_OK_AND_ASSIGN(const auto scheduler, Scheduler::Create(&runner, Options()));
  EXPECT_STATUS(scheduler->Generate(Request(Prompt(4, 1), 5), CallContext(), nullptr), kInternal,
                "a kernel refused");
  const auto next = scheduler->Generate(Request(Prompt(4, 1), 5), CallContext(), nullptr);
  ASSERT_OK(next);
  EXPECT_EQ(next->tokens, Continuation(Prompt(4, 1), 5));
  EXPECT_EQ(runner.pages().free(), 100);
}

TEST(Scheduler, ItsEndCancelsCallsInFlight) {
  FakeRunner runner(100);
  Gate gate;
  runner.before_step = [&] { gate.Pass(); };
  ASSERT_OK_AND_ASSIGN(auto scheduler, Scheduler::Create(&runner, Options(24, 1, 4)));
  Scheduler* raw = scheduler.get();
  std::vector<std::future<StatusOr<GenerationResult>>> calls;
  for (int i = 0; i < 3; ++i) {
    calls.push_back(std::async(std::launch::async, [raw] {
      return raw->Generate(Request(Prompt(4, 1), 300), CallContext(), nullptr);
    }));
  }
  gate.AwaitArrival();
  std::thread ender([&] { scheduler.reset(); });
  std::this_thread::sleep_for(20ms);
  gate.Open();
  ender.join();
  for (auto& call : calls) EXPECT_STATUS(call.get(), kCancelled, "");
  EXPECT_EQ(runner.pages().free(), 100);
}

TEST(Scheduler, ALargeRequestIsNotOvertakenForEver) {
  FakeRunner runner(8);  // 128 positions
  runner.before_step = [] { std::this_thread::sleep_for(50us); };
  ASSERT_OK_AND_ASSIGN(const auto scheduler, Scheduler::Create(&runner, Options()));
  std::atomic<bool> over{false};
  std::vector<std::thread> small;
  for (int i = 0; i < 3; ++i) {
    small.emplace_back([&] {
      while (!over) {
        EXPECT_OK(scheduler->Generate(Request(Prompt(10, 1), 20), CallContext(), nullptr));
      }
    });
  }
  // Needs every page, while small requests come without a pause.
  const CallContext call(std::stop_token(), CallContext::Clock::now() + 60s);
  EXPECT_OK(scheduler->Generate(Request(Prompt(100, 1), 28), call, nullptr));
  over = true;
  for (std::thread& thread : small) thread.join();
}

TEST(Scheduler, ScoresAContinuationToken) {
  FakeRunner runner(100);
  ASSERT_OK_AND_ASSIGN(const auto scheduler, Scheduler::Create(&runner, Options(500)));
  const std::vector<TokenId> prompt = Prompt(30, 2);
  // Longer than the rows of logits that one step may hold.
  std::vector<TokenId> text = Continuation(prompt, 150);
  const TokenId unlikely = text[60] == 0 ? 1 : 0;
  std::vector<TokenId> changed(text.begin(), text.begin() + 60);
  changed.push_back(unlikely);
  const double total = std::exp(5.0) + (kVocabulary - 1);
  const auto likely = scheduler->LogProbabilities(prompt, text, CallContext());
  ASSERT_OK(likely);
  ASSERT_EQ(likely->size(), 150u);
  for (const float score : *likely) EXPECT_NEAR(score, 5 - std::log(total), 1e-5);
  const auto broken = scheduler->LogProbabilities(prompt, changed, CallContext());
  ASSERT_OK(broken);
  EXPECT_NEAR(broken->back(), -std::log(total), 1e-5);
  const auto nothing = scheduler->LogProbabilities(prompt, {}, CallContext());
  ASSERT_OK(nothing);
  EXPECT_TRUE(nothing->empty());
  EXPECT_STATUS(scheduler->LogProbabilities({}, text, CallContext()), kInvalidArgument, "empty");
}

TEST(Scheduler, TellsHowLikelyTokensWere) {
  FakeRunner runner(100);
  ASSERT_OK_AND_ASSIGN(const auto scheduler, Scheduler::Create(&runner, Options(500)));
  GenerationRequest request = Request(Prompt(30, 2), 6);
  const auto untold = scheduler->Generate(request, CallContext(), nullptr);
  ASSERT_OK(untold);
  EXPECT_TRUE(untold->choices.empty());
  request.alternatives = 2;
  const auto told = scheduler->Generate(request, CallContext(), nullptr);
  ASSERT_OK(told);
  EXPECT_EQ(told->tokens, untold->tokens);
  ASSERT_EQ(told->choices.size(), 6u);
  const double total = std::exp(5.0) + (kVocabulary - 1);
  for (size_t i = 0; i < 6; ++i) {
    EXPECT_EQ(told->choices[i].chosen.id, told->tokens[i]);
    EXPECT_NEAR(told->choices[i].chosen.log_probability, 5 - std::log(total), 1e-5);
    ASSERT_EQ(told->choices[i].others.size(), 2u);
    EXPECT_NEAR(told->choices[i].others[0].log_probability, -std::log(total), 1e-5);
  }
  request.alternatives = -1;
  EXPECT_STATUS(scheduler->Generate(request, CallContext(), nullptr), kInvalidArgument,
                "alternatives");
}

TEST(Scheduler, EndsBeforeATokenThatIsNotLikelyEnough) {
  FakeRunner runner(100);
  ASSERT_OK_AND_ASSIGN(const auto scheduler, Scheduler::Create(&runner, Options(500)));
  GenerationRequest request = Request(Prompt(30, 2), 6);
  const std::vector<TokenId> tokens = Continuation(Prompt(30, 2), 6);
  request.banned = {tokens[3]};  // then nothing that is left is likely
  request.alternatives = 1;
  request.least_log_probability = -1;
  int heard = 0;
  const auto result = scheduler->Generate(request, CallContext(), [&](TokenId) {
    ++heard;
    return true;
  });
  ASSERT_OK(result);
  EXPECT_EQ(result->finish, FinishReason::kStopped);
  EXPECT_EQ(result->tokens, std::vector<TokenId>(tokens.begin(), tokens.begin() + 3));
  EXPECT_EQ(heard, 3);
  ASSERT_EQ(result->choices.size(), 4u) << "and the one that was not taken";
  EXPECT_NE(result->choices[3].chosen.id, tokens[3]);
  EXPECT_LT(result->choices[3].chosen.log_probability, -1);
}

// Whatever callers do, every call ends with what it should, nobody's tokens are disturbed, and
// every page comes back.
struct Ways {
  bool reuse_prefixes;
  int guess_tokens;
};
class SchedulerInAllWays : public ::testing::TestWithParam<Ways> {};

TEST_P(SchedulerInAllWays, SurvivesCallersWhoComeCancelStopAndScoreAtAnyStep) {
  FakeRunner runner(30);
  runner.budget = 20;
  runner.next = CopyingToken;
  SchedulerOptions options = Options(20, 5, 100);
  options.reuse_prefixes = GetParam().reuse_prefixes;
  options.guess_tokens = GetParam().guess_tokens;
  ASSERT_OK_AND_ASSIGN(auto scheduler, Scheduler::Create(&runner, options));
  constexpr int kThreads = 8;
  constexpr int kCalls = 60;
  std::atomic<int> completed{0};
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      std::mt19937 random(static_cast<unsigned>(thread));
      const auto pick = [&random](int low, int high) {
        return std::uniform_int_distribution<int>(low, high)(random);
      };
      for (int call = 0; call < kCalls; ++call) {
        // Few beginnings, so that many are alike.
        const std::vector<TokenId> prompt = Prompt(static_cast<size_t>(pick(1, 120)), pick(0, 3));
        const int max_tokens = pick(1, 60);
        const std::vector<TokenId> expected = Continuation(prompt, max_tokens, CopyingToken);
        const int kind = pick(0, 4);
        const int at = pick(1, max_tokens);
        std::stop_source stop;
        int heard = 0;
        if (kind == 4) {
          const auto scores = scheduler->LogProbabilities(prompt, expected, CallContext());
          EXPECT_OK(scores);
          if (scores.ok()) {
            EXPECT_EQ(scores->size(), expected.size());
          }
          continue;
        }
        if (kind == 3) stop.request_stop();
        const auto result = scheduler->Generate(Request(prompt, max_tokens),
                                                CallContext(stop.get_token()), [&](TokenId token) {
                                                  EXPECT_EQ(token, expected[heard]);
                                                  ++heard;
                                                  if (kind == 1 && heard == at) return false;
                                                  if (kind == 2 && heard == at) stop.request_stop();
                                                  return true;
                                                });
        if (kind == 0) {
          EXPECT_OK(result);
          if (result.ok()) {
            EXPECT_EQ(result->tokens, expected);
          }
        } else if (kind == 1) {
          EXPECT_OK(result);
          EXPECT_EQ(heard, at);
        } else if (kind == 2 && at == max_tokens) {
          EXPECT_OK(result) << "the last token was there before the cancellation was seen";
        } else {
          EXPECT_STATUS(result, kCancelled, "cancelled");
          EXPECT_LE(heard, at);
        }
        ++completed;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_GT(completed, 0);
  if (options.guess_tokens > 0) {
    EXPECT_GT(scheduler->stats().accepted_tokens, 0);
  }
  if (options.reuse_prefixes) {
    EXPECT_GT(scheduler->stats().cached_prompt_tokens, 0);
    scheduler = nullptr;  // what is kept for later requests goes with it
  }
  EXPECT_EQ(runner.pages().free(), 30);
}

INSTANTIATE_TEST_SUITE_P(PrefixesAndGuesses, SchedulerInAllWays,
                         ::testing::Values(Ways{false, 0}, Ways{true, 0}, Ways{false, 8},
                                           Ways{true, 8}));

}  // namespace
}  // namespace footnote::generator
