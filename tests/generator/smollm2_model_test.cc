// SmolLM2-135M-Instruct (Q4_1) against Hugging Face on the same dequantised weights and against
// llama.cpp.

#include <gtest/gtest.h>

#include <cmath>
#include <future>

#include "common/file.h"
#include "generator/chat_template.h"
#include "generator/engine.h"
#include "generator/model.h"
#include "tests/testing/model_goldens.h"
#include "tests/testing/status_matchers.h"

namespace footnote::generator {
namespace {

using footnote::testing::GoldenLines;
using nlohmann::json;

GenerationRequest Sample(const std::vector<TokenId>& prompt, double temperature) {
  GenerationRequest request;
  request.prompt = prompt;
  request.max_tokens = 60;
  request.sampling.temperature = temperature;
  request.sampling.seed = 7;
  return request;
}

class SmolLm2 : public ::testing::Test {
 protected:
  void SetUp() override {
    path_ = footnote::testing::CachedModel("smollm2-135m-instruct");
    if (path_.empty()) {
      GTEST_SKIP() << "the model is not in the cache: run tools/fetch_models.sh";
    }
  }

  std::shared_ptr<const Model> Load(kernels::Precision precision) {
    ModelOptions options;
    options.precision = precision;
    const auto model = Model::Load(path_, options);
    EXPECT_OK(model);
    return model.ok() ? *model : nullptr;
  }

  // Greedy tokens must agree up to the first step at which the oracle's two best logits are nearer
  // than `margin`.
  void ExpectGreedy(kernels::Precision precision, const char* oracle, double margin) {
    const auto model = Load(precision);
    ASSERT_NE(model, nullptr);
    ASSERT_OK_AND_ASSIGN(const auto generator, MakeTextGenerator(model, {}));
    // All at once, so that the passes hold rows of several sequences.
    const std::vector<json> goldens = GoldenLines("smollm2_greedy.jsonl");
    std::vector<std::future<StatusOr<GenerationResult>>> calls;
    for (const json& golden : goldens) {
      GenerationRequest request;
      request.prompt = golden["ids"].get<std::vector<TokenId>>();
      request.ignore_eos = true;
      request.max_tokens = static_cast<int>(golden[oracle]["ids"].size());
      calls.push_back(std::async(std::launch::async, [&generator, request] {
        return generator->Generate(request, CallContext(), nullptr);
      }));
    }
    size_t compared = 0;
    for (size_t i = 0; i < goldens.size(); ++i) {
      const auto result = calls[i].get();
      ASSERT_OK(result);
      const auto want = goldens[i][oracle]["ids"].get<std::vector<TokenId>>();
      const auto margins = goldens[i][oracle]["margins"].get<std::vector<double>>();
      for (size_t step = 0; step < want.size() && margins[step] > margin; ++step, ++compared) {
        EXPECT_EQ(result->tokens[step], want[step]) << goldens[i]["name"] << " step " << step;
      }
    }
    EXPECT_GE(compared, 40u) << "too few steps are comparable to say anything";
  }

  std::filesystem::path path_;
};

TEST_F(SmolLm2, ExactGreedyTokensAreHuggingFaces) {
  ExpectGreedy(kernels::Precision::kExact, "exact", 0.01);
}

TEST_F(SmolLm2, FastGreedyTokensAreLlamaCpps) {
  ExpectGreedy(kernels::Precision::kFast, "llama_cpp", 0.5);
}

TEST_F(SmolLm2, ExactLogitsAreHuggingFaces) {
  const auto model = Load(kernels::Precision::kExact);
  ASSERT_NE(model, nullptr);
  for (const json& golden : GoldenLines("smollm2_logits.jsonl")) {
    const auto logits = model->Logits(golden["ids"].get<std::vector<TokenId>>());
    ASSERT_OK(logits);
    double worst = 0;
    double largest = 0;
    for (const json& at : golden["positions"]) {
      largest = std::max(largest, at["max_abs"].get<double>());
      const size_t row = at["position"].get<size_t>() * 49152;
      for (size_t i = 0; i < at["ids"].size(); ++i) {
        const double ours = (*logits)[row + at["ids"][i].get<size_t>()];
        worst = std::max(worst, std::abs(ours - at["logits"][i].get<double>()));
      }
    }
    EXPECT_LE(worst / largest, 1.5e-5) << golden["text"];
  }
}

TEST_F(SmolLm2, ExactPerplexityOfTheGpl) {
  const auto text = ReadFile("/usr/share/common-licenses/GPL-3");
  if (!text.ok()) GTEST_SKIP() << "no GPL-3 text on this machine";
  const auto model = Load(kernels::Precision::kExact);
  ASSERT_NE(model, nullptr);
  const json golden = GoldenLines("smollm2_perplexity.jsonl").at(0);
  std::vector<TokenId> ids = model->tokenizer().Encode(*text, {});
  const size_t count = golden["tokens"].get<size_t>();
  ASSERT_GE(ids.size(), count);
  ids.resize(count);
  const auto logits = model->Logits(ids);
  ASSERT_OK(logits);
  double loss = 0;
  for (size_t i = 0; i + 1 < count; ++i) {
    const std::span<const float> row(logits->data() + i * 49152, 49152);
    const double top = *std::max_element(row.begin(), row.end());
    double sum = 0;
    for (const float logit : row) sum += std::exp(static_cast<double>(logit) - top);
    loss += top + std::log(sum) - static_cast<double>(row[static_cast<size_t>(ids[i + 1])]);
  }
  const double perplexity = std::exp(loss / static_cast<double>(count - 1));
  RecordProperty("perplexity", std::to_string(perplexity));
  EXPECT_NEAR(perplexity, golden["perplexity"].get<double>(), 0.002) << "19.72 within 0.5 %";
}

TEST_F(SmolLm2, FastLogitsDoNotDependOnTheBudget) {
  const auto model = Load(kernels::Precision::kFast);
  ASSERT_NE(model, nullptr);
  const json golden = GoldenLines("smollm2_greedy.jsonl").back();
  const auto ids = golden["ids"].get<std::vector<TokenId>>();
  ASSERT_GT(ids.size(), 33u) << "more than the smaller budget";
  const std::span<const TokenId> all(ids);
  std::vector<std::vector<float>> scores;
  for (const int budget : {32, 512}) {
    EngineOptions options;
    options.batch_budget_tokens = budget;
    ASSERT_OK_AND_ASSIGN(const auto generator, MakeTextGenerator(model, options));
    const auto result =
        generator->LogProbabilities(all.subspan(0, 4), all.subspan(4), CallContext());
    ASSERT_OK(result);
    scores.push_back(*result);
  }
  EXPECT_EQ(scores[0], scores[1]);
}

TEST_F(SmolLm2, GuessesChangeNoToken) {
  const auto model = Load(kernels::Precision::kFast);
  ASSERT_NE(model, nullptr);
  ASSERT_NE(model->chat_template(), nullptr);
  const std::string passage =
      "The tenant pays a deposit of two monthly rents before the lease begins. The landlord "
      "returns it within thirty days after the keys are handed over, less the cost of repairs.";
  ASSERT_OK_AND_ASSIGN(const auto segments,
                       model->chat_template()->Render(
                           {{"user", passage + "\n\nRepeat the text above word for word."}}, true));
  const std::vector<TokenId> prompt = EncodeSegments(model->tokenizer(), segments, false);
  std::vector<std::vector<TokenId>> tokens;
  for (const int guess_tokens : {0, 8}) {
    EngineOptions options;
    options.guess_tokens = guess_tokens;
    ASSERT_OK_AND_ASSIGN(const auto generator, MakeTextGenerator(model, options));
    for (const double temperature : {0.0, 0.7}) {
      const auto result = generator->Generate(Sample(prompt, temperature), CallContext(), nullptr);
      ASSERT_OK(result);
      tokens.push_back(result->tokens);
    }
    EXPECT_EQ(generator->stats().accepted_tokens > 0, guess_tokens > 0);
  }
  EXPECT_EQ(tokens[2], tokens[0]);
  EXPECT_EQ(tokens[3], tokens[1]);
}

// Hot samples: a token's place among 49,152 turns on the last bits of its logits sooner or later.
TEST_F(SmolLm2, WhatIsKnownOfAPromptChangesNoToken) {
  const auto model = Load(kernels::Precision::kFast);
  ASSERT_NE(model, nullptr);
  const json golden = GoldenLines("smollm2_greedy.jsonl").back();
  const auto ids = golden["ids"].get<std::vector<TokenId>>();
  ASSERT_GT(ids.size(), 33u) << "two pages and one to compute";
  for (const double temperature : {0.0, 1.5}) {
    ASSERT_OK_AND_ASSIGN(const auto generator, MakeTextGenerator(model, {}));
    const GenerationRequest request = Sample(ids, temperature);
    const auto cold = generator->Generate(request, CallContext(), nullptr);
    const auto known = generator->Generate(request, CallContext(), nullptr);
    ASSERT_OK(cold);
    ASSERT_OK(known);
    EXPECT_EQ(cold->cached_prompt_tokens, 0);
    EXPECT_GE(known->cached_prompt_tokens, 32);
    EXPECT_EQ(cold->tokens, known->tokens);
    // What is only scored has no tenant, so it takes nothing from what others asked.
    const std::span<const TokenId> all(ids);
    const int64_t cached = generator->stats().cached_prompt_tokens;
    ASSERT_OK(generator->LogProbabilities(all.subspan(0, 33), all.subspan(33), CallContext()));
    EXPECT_EQ(generator->stats().cached_prompt_tokens, cached);
  }
}

}  // namespace
}  // namespace footnote::generator
