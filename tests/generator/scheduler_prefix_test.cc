// Prompts that begin alike share pages, and nothing else changes.

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>

#include "tests/generator/fake_step_runner.h"
#include "tests/testing/status_matchers.h"

namespace footnote::generator {
namespace {

using namespace std::chrono_literals;

SchedulerOptions ReusingOptions(int budget = 24, int running = 4) {
  SchedulerOptions options = Options(budget, running);
  options.reuse_prefixes = true;
  return options;
}

TEST(Scheduler, APromptThatBeginsAlikeIsReadFromWhereTheyPart) {
  FakeRunner runner(100);
  ASSERT_OK_AND_ASSIGN(const auto scheduler, Scheduler::Create(&runner, ReusingOptions()));
  const std::vector<TokenId> first = Prompt(70, 1);
  const auto cold = scheduler->Generate(Request(first, 20), CallContext(), nullptr);
  ASSERT_OK(cold);
  EXPECT_EQ(cold->cached_prompt_tokens, 0);
  // The same again: all full pages but the one with the last token, which must be computed.
  const auto again = scheduler->Generate(Request(first, 20), CallContext(), nullptr);
  ASSERT_OK(again);
  EXPECT_EQ(again->tokens, cold->tokens);
  EXPECT_EQ(again->cached_prompt_tokens, 64);
  // Another question behind the same passages.
  std::vector<TokenId> other(first.begin(), first.begin() + 50);
  for (int i = 0; i < 30; ++i) other.push_back(static_cast<TokenId>(i % 7));
  const auto part = scheduler->Generate(Request(other, 20), CallContext(), nullptr);
  ASSERT_OK(part);
  EXPECT_EQ(part->tokens, Continuation(other, 20));
  EXPECT_EQ(part->cached_prompt_tokens, 48);
  // A conversation goes on behind its answer: written are prompt and answer but its last token.
  std::vector<TokenId> next = first;
  next.insert(next.end(), cold->tokens.begin(), cold->tokens.end());
  next.push_back(3);
  const auto turn = scheduler->Generate(Request(next, 5), CallContext(), nullptr);
  ASSERT_OK(turn);
  EXPECT_EQ(turn->tokens, Continuation(next, 5));
  EXPECT_EQ(turn->cached_prompt_tokens, 80);
}

// What a sequence's keys are rotated by depends on its length; the fake's pages know by which.
std::unique_ptr<Scheduler> TwoRotations(FakeRunner& runner, int guess_tokens = 0) {
  runner.short_rotation_tokens = 64;
  SchedulerOptions options = ReusingOptions();
  options.short_rotation_tokens = 64;
  options.guess_tokens = guess_tokens;
  return std::move(Scheduler::Create(&runner, options)).value();
}

TEST(Scheduler, ASequenceThatGrowsLongIsReadAnew) {
  for (const int guess_tokens : {0, 8}) {
    FakeRunner runner(100);
    if (guess_tokens > 0) runner.next = CopyingToken;
    const auto scheduler = TwoRotations(runner, guess_tokens);
    for (const int length : {1, 40, 63, 64, 65, 100}) {
      const std::vector<TokenId> prompt = Prompt(length, length);
      const auto answer = scheduler->Generate(Request(prompt, 80), CallContext(), nullptr);
      ASSERT_OK(answer);
      EXPECT_EQ(answer->tokens, Continuation(prompt, 80, runner.next)) << length;
    }
    EXPECT_GT(runner.pages().free(), 0);
  }
}

TEST(Scheduler, APromptInPiecesIsRotatedAsAWhole) {
  FakeRunner runner(100);
  const auto scheduler = TwoRotations(runner);
  const std::vector<TokenId> prompt = Prompt(100, 1);  // five passes of 24 rows
  ASSERT_OK(scheduler->Generate(Request(prompt, 2), CallContext(), nullptr));
  ASSERT_OK(scheduler->LogProbabilities(prompt, Prompt(30, 2), CallContext()));
}

TEST(Scheduler, PrefixesAreSharedAmongSequencesOfOneRotationOnly) {
  FakeRunner runner(100);
  const auto scheduler = TwoRotations(runner);
  const std::vector<TokenId> passages = Prompt(100, 1);
  const auto cached = [&](size_t length, int max_tokens) {
    const auto answer = scheduler->Generate(
        Request({passages.begin(), passages.begin() + static_cast<ptrdiff_t>(length)}, max_tokens),
        CallContext(), nullptr);
    EXPECT_OK(answer);
    return answer->cached_prompt_tokens;
  };
  EXPECT_EQ(cached(40, 4), 0);
  EXPECT_EQ(cached(100, 4), 0) << "the short one's keys are no use to it";
  EXPECT_EQ(cached(90, 4), 80);
  EXPECT_EQ(cached(50, 4), 32);
  EXPECT_EQ(cached(50, 40), 0) << "it will write over its pages";
}

TEST(Scheduler, APromptOfWholePagesLeavesItsLastTokenToCompute) {
  FakeRunner runner(100);
  ASSERT_OK_AND_ASSIGN(const auto scheduler, Scheduler::Create(&runner, ReusingOptions()));
  const std::vector<TokenId> prompt = Prompt(4 * kPageTokens, 1);
  ASSERT_OK(scheduler->Generate(Request(prompt, 3), CallContext(), nullptr));
  const auto again = scheduler->Generate(Request(prompt, 3), CallContext(), nullptr);
  ASSERT_OK(again);
  EXPECT_EQ(again->tokens, Continuation(prompt, 3));
  EXPECT_EQ(again->cached_prompt_tokens, 3 * kPageTokens);
}

TEST(Scheduler, TenantsDoNotShare) {
  FakeRunner runner(100);
  ASSERT_OK_AND_ASSIGN(const auto scheduler, Scheduler::Create(&runner, ReusingOptions()));
  GenerationRequest request = Request(Prompt(70, 1), 5);
  request.tenant = "ann";
  ASSERT_OK(scheduler->Generate(request, CallContext(), nullptr));
  request.tenant = "bob";
  const auto other = scheduler->Generate(request, CallContext(), nullptr);
  ASSERT_OK(other);
  EXPECT_EQ(other->cached_prompt_tokens, 0);
  request.tenant = "ann";
  const auto same = scheduler->Generate(request, CallContext(), nullptr);
  ASSERT_OK(same);
  EXPECT_EQ(same->cached_prompt_tokens, 64);
}

TEST(Scheduler, ARequestSharesWhatAnotherHasReadSoFar) {
  FakeRunner runner(100);
  Gate gate;
  std::atomic<int> steps{0};
  runner.before_step = [&] {
    if (++steps == 4) gate.Pass();  // three pieces of the long prompt are read
  };
  ASSERT_OK_AND_ASSIGN(const auto scheduler, Scheduler::Create(&runner, ReusingOptions(24)));
  const std::vector<TokenId> prompt = Prompt(150, 1);
  auto first = std::async(std::launch::async, [&] {
    return scheduler->Generate(Request(prompt, 5), CallContext(), nullptr);
  });
  gate.AwaitArrival();
  auto second = std::async(std::launch::async, [&] {
    return scheduler->Generate(Request(prompt, 5), CallContext(), nullptr);
  });
  std::this_thread::sleep_for(50ms);
  gate.Open();
  const auto results = {first.get(), second.get()};
  int64_t cached = 0;
  for (const auto& result : results) {
    ASSERT_OK(result);
    EXPECT_EQ(result->tokens, Continuation(prompt, 5));
    cached += result->cached_prompt_tokens;
  }
  EXPECT_GE(cached, 64);
}

TEST(Scheduler, OldPrefixesMakeRoomForNewRequests) {
  FakeRunner runner(12);
  ASSERT_OK_AND_ASSIGN(const auto scheduler, Scheduler::Create(&runner, ReusingOptions()));
  for (int round = 0; round < 3; ++round) {
    for (TokenId start = 0; start < 6; ++start) {
      const std::vector<TokenId> prompt = Prompt(100, start);
      const auto result = scheduler->Generate(Request(prompt, 60), CallContext(), nullptr);
      ASSERT_OK(result);
      EXPECT_EQ(result->tokens, Continuation(prompt, 60));
    }
  }
}

}  // namespace
}  // namespace footnote::generator
