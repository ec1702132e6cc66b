// Gemma 3 270M (Q4_K_M) against Hugging Face on the same dequantised weights: windows and rotations
// by layer over more positions than a window, in the formats a quantiser falls back to.

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "common/file.h"
#include "generator/engine.h"
#include "generator/model.h"
#include "tests/testing/model_goldens.h"
#include "tests/testing/status_matchers.h"

namespace footnote::generator {
namespace {

using footnote::testing::GoldenLines;
using nlohmann::json;

class Gemma3 : public ::testing::Test {
 protected:
  void SetUp() override {
    path_ = footnote::testing::CachedModel("gemma3-270m");
    if (path_.empty()) {
      GTEST_SKIP() << "the model is not in the cache: run tools/fetch_models.sh gemma3-270m";
    }
    golden_ = GoldenLines("gemma3_perplexity.jsonl").at(0);
    ModelOptions options;
    options.precision = kernels::Precision::kExact;
    ASSERT_OK_AND_ASSIGN(model_, Model::Load(path_, options));
    ASSERT_OK_AND_ASSIGN(generator_, MakeTextGenerator(model_, {}));
  }

  std::filesystem::path path_;
  json golden_;
  std::shared_ptr<const Model> model_;
  std::unique_ptr<TextGenerator> generator_;
};

TEST_F(Gemma3, ExactPerplexityOfTheGpl) {
  const auto text = ReadFile("/usr/share/common-licenses/GPL-3");
  if (!text.ok()) GTEST_SKIP() << "no GPL-3 text on this machine";
  std::vector<TokenId> ids = model_->tokenizer().Encode(*text, {});
  const size_t count = golden_["tokens"].get<size_t>();
  ASSERT_GE(ids.size(), count);
  ids.resize(count);
  EXPECT_EQ(std::vector<TokenId>(ids.begin(), ids.begin() + 32),
            golden_["prompt"].get<std::vector<TokenId>>());
  const std::span<const TokenId> all(ids);
  const auto scores = generator_->LogProbabilities(all.first(1), all.subspan(1), CallContext());
  ASSERT_OK(scores);
  const double sum = std::accumulate(scores->begin(), scores->end(), 0.0);
  const double perplexity = std::exp(-sum / static_cast<double>(count - 1));
  RecordProperty("perplexity", std::to_string(perplexity));
  EXPECT_NEAR(perplexity, golden_["perplexity"].get<double>(), 0.002);
}

TEST_F(Gemma3, WritesHuggingFacesTokens) {
  GenerationRequest request;
  request.prompt = golden_["prompt"].get<std::vector<TokenId>>();
  request.ignore_eos = true;
  auto want = golden_["greedy"].get<std::vector<TokenId>>();
  request.max_tokens = static_cast<int>(want.size());
  auto result = generator_->Generate(request, CallContext(), nullptr);
  ASSERT_OK(result);
  size_t sure = 0;
  while (sure < want.size() && golden_["greedy_margins"][sure] > 0.01) ++sure;
  ASSERT_GT(sure, 8u);
  want.resize(sure);
  result->tokens.resize(sure);
  EXPECT_EQ(result->tokens, want);
}

}  // namespace
}  // namespace footnote::generator
