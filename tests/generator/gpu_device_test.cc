// Models on the first real GPU against Hugging Face in float32 and against the CPU; skipped where
// there is none. gpu_model_test.cc has the same on an emulated one.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "generator/engine.h"
#include "generator/model.h"
#include "kernels/device.h"
#include "tests/testing/model_goldens.h"
#include "tests/testing/status_matchers.h"

namespace footnote::generator {
namespace {

using footnote::testing::DataDir;
using footnote::testing::GoldenFloats;
using footnote::testing::GoldenLines;
using footnote::testing::RelativeError;
using nlohmann::json;

std::string WhyNoGpu() {
  const kernels::GpuReport report = kernels::FindGpus();
  return report.gpus.empty() ? report.note : report.gpus.front().why_not;
}

StatusOr<std::shared_ptr<const Model>> LoadOn(const std::string& device, const std::string& name,
                                              kernels::Precision precision) {
  ModelOptions options;
  options.device = device;
  options.precision = precision;
  return Model::Load(DataDir() / "models" / name, options);
}

double RelativeL2(std::span<const float> a, std::span<const float> b) {
  double difference = 0;
  double size = 0;
  for (size_t i = 0; i < b.size(); ++i) {
    difference += std::pow(static_cast<double>(a[i]) - static_cast<double>(b[i]), 2);
    size += std::pow(static_cast<double>(b[i]), 2);
  }
  return std::sqrt(difference / size);
}

json Golden(const std::string& name) {
  for (json& row : GoldenLines("tiny_decoders.jsonl")) {
    if (row["model"] == name) return std::move(row);
  }
  ADD_FAILURE() << "no golden for " << name;
  return json();
}

constexpr std::pair<const char*, const char*> kDecoders[] = {
    {"tiny-llama", "tiny-llama"},
    {"tiny-llama-untied", "tiny-llama-untied"},
    {"tiny-llama-gguf/tiny-llama-f32.gguf", "tiny-llama"},
    {"tiny-llama-gguf/tiny-llama-q8_0.gguf", "tiny-llama-q8_0"},
    {"tiny-mistral-swa", "tiny-mistral-swa"}};

StatusOr<std::vector<TokenId>> Greedy(const std::shared_ptr<const Model>& model,
                                      const json& golden) {
  FOOTNOTE_ASSIGN_OR_RETURN(const auto generator, MakeTextGenerator(model, {}));
  GenerationRequest request;
  request.prompt = golden["greedy_prompt"].get<std::vector<TokenId>>();
  request.max_tokens = static_cast<int>(golden["greedy"].size());
  request.ignore_eos = true;
  FOOTNOTE_ASSIGN_OR_RETURN(auto result, generator->Generate(request, CallContext(), nullptr));
  return result.tokens;
}

TEST(GpuDevice, ExactDecodersGiveHuggingFacesLogitsAndTokens) {
  if (const std::string why = WhyNoGpu(); !why.empty()) GTEST_SKIP() << why;
  for (const auto& [path, name] : kDecoders) {
    SCOPED_TRACE(path);
    const json golden = Golden(name);
    ASSERT_OK_AND_ASSIGN(const auto model, LoadOn("cuda", path, kernels::Precision::kExact));
    ASSERT_OK_AND_ASSIGN(const auto logits,
                         model->Logits(golden["ids"].get<std::vector<TokenId>>()));
    EXPECT_LE(RelativeError(logits, GoldenFloats(golden["logits_file"])), 2e-5);
    ASSERT_OK_AND_ASSIGN(const auto tokens, Greedy(model, golden));
    EXPECT_EQ(tokens, golden["greedy"].get<std::vector<TokenId>>());
  }
}

TEST(GpuDevice, FastDecodersStayNearTheCpu) {
  if (const std::string why = WhyNoGpu(); !why.empty()) GTEST_SKIP() << why;
  for (const auto& [path, name] : kDecoders) {
    SCOPED_TRACE(path);
    const json golden = Golden(name);
    const auto ids = golden["ids"].get<std::vector<TokenId>>();
    ASSERT_OK_AND_ASSIGN(const auto cpu, LoadOn("cpu", path, kernels::Precision::kFast));
    ASSERT_OK_AND_ASSIGN(const auto gpu, LoadOn("cuda", path, kernels::Precision::kFast));
    ASSERT_OK_AND_ASSIGN(const auto wanted, cpu->Logits(ids));
    ASSERT_OK_AND_ASSIGN(const auto logits, gpu->Logits(ids));
    const bool quantised = std::string(name).find("q8") != std::string::npos;
    // On the CPU activations of 8 bits, over widths of 64 and 96, or of bfloat16.
    EXPECT_LE(RelativeL2(logits, wanted), quantised ? 8e-2 : 2.5e-2);
    const std::vector<float> exact = GoldenFloats(golden["logits_file"]);
    EXPECT_LE(RelativeL2(logits, exact), 5e-3) << "from Hugging Face's float32";
    ASSERT_OK_AND_ASSIGN(const auto again, gpu->Logits(ids));
    EXPECT_EQ(logits, again) << "the same batch gave other bits";
  }
}

TEST(GpuDevice, EncodersGiveTheCpusVectors) {
  if (const std::string why = WhyNoGpu(); !why.empty()) GTEST_SKIP() << why;
  for (const auto& [precision, tolerance] :
       {std::pair(kernels::Precision::kExact, 2e-5), std::pair(kernels::Precision::kFast, 1e-2)}) {
    std::vector<std::vector<float>> vectors;
    for (const char* device : {"cpu", "cuda"}) {
      ASSERT_OK_AND_ASSIGN(const auto model, LoadOn(device, "tiny-bert", precision));
      EncoderBatch batch;
      batch.ids = {2, 7, 9, 11, 3, 2, 5, 3, 2, 8, 8, 8, 8, 3};
      batch.offsets = {0, 5, 8, 14};
      batch.types = {0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 1, 1, 1};
      batch.parts = {{1, 3}, {5, 8}, {9, 13}};
      ASSERT_OK_AND_ASSIGN(vectors.emplace_back(), model->Encode(batch));
    }
    EXPECT_LE(RelativeError(vectors[1], vectors[0]), tolerance);
  }
  std::vector<std::vector<float>> scores;
  for (const char* device : {"cpu", "cuda"}) {
    ASSERT_OK_AND_ASSIGN(const auto model,
                         LoadOn(device, "tiny-cross-encoder", kernels::Precision::kExact));
    EncoderBatch batch;
    batch.ids = {2, 7, 9, 11, 3, 2, 5, 3};
    batch.offsets = {0, 5, 8};
    ASSERT_OK_AND_ASSIGN(scores.emplace_back(), model->Classify(batch));
  }
  EXPECT_LE(RelativeError(scores[1], scores[0]), 2e-5);
}

TEST(GpuDevice, LayersSharedWithTheCpuAndTooManyOfThem) {
  if (const std::string why = WhyNoGpu(); !why.empty()) GTEST_SKIP() << why;
  const json golden = Golden("tiny-llama");
  ModelOptions options;
  options.device = "cuda";
  options.gpu_layers = 1;
  options.precision = kernels::Precision::kExact;
  ASSERT_OK_AND_ASSIGN(const auto model, Model::Load(DataDir() / "models" / "tiny-llama", options));
  ASSERT_OK_AND_ASSIGN(const auto logits, model->Logits(golden["ids"].get<std::vector<TokenId>>()));
  EXPECT_LE(RelativeError(logits, GoldenFloats(golden["logits_file"])), 2e-5);
  options.gpu_layers = -1;
  ASSERT_OK_AND_ASSIGN(const auto whole, Model::Load(DataDir() / "models" / "tiny-llama", options));
  EngineOptions too_much;
  too_much.kv_cache_bytes = int64_t{1} << 50;
  EXPECT_STATUS(MakeTextGenerator(whole, too_much), kResourceExhausted, "too little memory");
  // And the device works on.
  ASSERT_OK_AND_ASSIGN(const auto tokens, Greedy(model, golden));
  EXPECT_EQ(tokens, golden["greedy"].get<std::vector<TokenId>>());
}

}  // namespace
}  // namespace footnote::generator
