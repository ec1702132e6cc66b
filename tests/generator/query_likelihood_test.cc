// How much likelier a passage makes the question: the formula, cuts, failures; and that what is
// scored leaves nothing in the prefix cache.

#include "generator/runtime/query_likelihood.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <mutex>
#include <set>

#include "generator/engine.h"
#include "tests/testing/model_goldens.h"
#include "tests/testing/scripted_generator.h"
#include "tests/testing/status_matchers.h"

namespace footnote::generator {
namespace {

using footnote::testing::DataDir;
using footnote::testing::ScriptedGenerator;

// A question's bytes are likelier, by 1, where the prompt holds them; prompts are remembered.
class CountingGenerator final : public ScriptedGenerator {
 public:
  int context_tokens() const override { return context; }
  StatusOr<std::vector<float>> LogProbabilities(std::span<const TokenId> prompt,
                                                std::span<const TokenId> continuation,
                                                const CallContext& call) override {
    FOOTNOTE_RETURN_IF_ERROR(call.Check());
    EXPECT_LE(prompt.size() + continuation.size(), static_cast<size_t>(context));
    std::vector<float> logs;
    for (const TokenId id : continuation) {
      logs.push_back(std::find(prompt.begin(), prompt.end(), id) == prompt.end() ? -3 : -2);
    }
    const std::lock_guard lock(mutex_);
    prompts.insert(tokenizer().Decode(prompt, true));
    longest_prompt = std::max(longest_prompt, prompt.size());
    questions.insert(tokenizer().Decode(continuation, false));
    if (prompts.size() >= fails_at) return ResourceExhaustedError("the queue is full");
    return logs;
  }

  int context = 1000;
  size_t fails_at = 1000;
  std::set<std::string> prompts, questions;
  size_t longest_prompt = 0;

 private:
  std::mutex mutex_;
};

TEST(QueryLikelihood, IsTheShareOfWhatThePassageAdds) {
  CountingGenerator generator;
  const auto reranker = MakeQueryLikelihood(&generator, "abc");
  EXPECT_EQ(reranker->name(), "scripted (query likelihood)");
  EXPECT_EQ(reranker->model_sha256(), "abc");
  const std::vector<std::string_view> texts = {"XYZ", "-", "X", "", "XYZ"};
  ASSERT_OK_AND_ASSIGN(const auto scores, reranker->Score("XYZ", texts, CallContext()));
  ASSERT_EQ(scores.size(), 5u);
  // Of " XYZ" all but the space are likelier by 1 after the first text, and so on.
  EXPECT_NEAR(scores[0], 1 / (1 + std::exp(-3.0 / 4)), 1e-6);
  EXPECT_NEAR(scores[1], 0.5, 1e-6);
  EXPECT_NEAR(scores[2], 1 / (1 + std::exp(-1.0 / 4)), 1e-6);
  EXPECT_NEAR(scores[3], 0.5, 1e-6);
  EXPECT_EQ(scores[4], scores[0]);
  EXPECT_EQ(generator.questions, std::set<std::string>{" XYZ"});
  EXPECT_TRUE(generator.prompts.contains("XYZ\n\nQuestion:"));
  EXPECT_TRUE(generator.prompts.contains("\n\nQuestion:"));
}

TEST(QueryLikelihood, CutsWhatDoesNotFit) {
  CountingGenerator generator;
  generator.context = 100;
  const auto reranker = MakeQueryLikelihood(&generator, "");
  const std::string text(5000, 't');
  const std::string question(5000, 'q');
  const std::string_view view = text;
  EXPECT_OK(reranker->Score(question, {&view, 1}, CallContext()));
  EXPECT_EQ(generator.questions.begin()->size(), 25u);
  EXPECT_EQ(generator.longest_prompt, 75u);
  generator.context = 12;
  EXPECT_STATUS(reranker->Score(question, {&view, 1}, CallContext()), kInvalidArgument,
                "too short");
}

TEST(QueryLikelihood, FailuresAndCancelsEndIt) {
  CountingGenerator generator;
  const auto reranker = MakeQueryLikelihood(&generator, "");
  std::vector<std::string> texts;
  for (int i = 0; i < 40; ++i) texts.push_back("text " + std::to_string(i));
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  std::stop_source stop;
  stop.request_stop();
  EXPECT_STATUS(reranker->Score("q", views, CallContext(stop.get_token())), kCancelled,
                "cancelled");
  generator.fails_at = 5;
  EXPECT_STATUS(reranker->Score("q", views, CallContext()), kResourceExhausted, "queue");
  EXPECT_LE(generator.prompts.size(), 9u) << "the batches behind it are not begun";
  EXPECT_TRUE(reranker->Score("q", {}, CallContext()).value().empty());
}

TEST(QueryLikelihood, AScoreDoesNotDependOnItsCompanyAndLeavesNothing) {
  ModelOptions options;
  options.threads = 2;
  ASSERT_OK_AND_ASSIGN(const auto model, Model::Load(DataDir() / "models" / "tiny-llama", options));
  ASSERT_OK_AND_ASSIGN(const auto generator, MakeTextGenerator(model, {}));
  const auto reranker = MakeQueryLikelihood(generator.get(), "");
  const std::string_view texts[] = {
      "The tenant pays the rent on the first working day of the month, and not later than that.",
      "Fork creates a process.", "rent"};
  ASSERT_OK_AND_ASSIGN(const auto together, reranker->Score("When is rent due?", texts, {}));
  for (size_t i = 0; i < 3; ++i) {
    ASSERT_OK_AND_ASSIGN(const auto alone,
                         reranker->Score("When is rent due?", {&texts[i], 1}, {}));
    EXPECT_EQ(alone[0], together[i]);
    EXPECT_GT(alone[0], 0);
    EXPECT_LT(alone[0], 1);
  }
  EXPECT_EQ(generator->stats().cached_prompt_tokens, 0);
}

}  // namespace
}  // namespace footnote::generator
