// Models on a GPU that is emulated on the host (tests/testing/emulated_gpu.h): the layers' order
// and wiring, the numbers of a pass, padding, captured graphs, layers shared with the CPU, and what
// happens when there is no GPU or it fails. Kernels are tested in tests/kernels.

#include <gtest/gtest.h>

#include <future>
#include <thread>
#include <utility>

#include "generator/engine.h"
#include "generator/runtime/gpu_model.h"
#include "tests/testing/emulated_gpu.h"
#include "tests/testing/model_goldens.h"
#include "tests/testing/status_matchers.h"

namespace footnote::generator {
namespace {

using footnote::testing::DataDir;
using footnote::testing::EmulatedDevice;
using footnote::testing::GoldenFloats;
using footnote::testing::GoldenLines;
using footnote::testing::RelativeError;
using nlohmann::json;

struct Emulation {
  std::shared_ptr<EmulatedDevice> device = std::make_shared<EmulatedDevice>();

  ModelOptions Options(kernels::Precision precision = kernels::Precision::kExact) const {
    ModelOptions options;
    options.precision = precision;
    options.threads = 1;
    options.device = "cuda";
    options.open_gpu = [device = device](int) -> StatusOr<std::unique_ptr<kernels::Gpu>> {
      return footnote::testing::MakeEmulatedGpu(device);
    };
    return options;
  }
};

StatusOr<std::shared_ptr<const Model>> LoadTiny(const std::string& name,
                                                const ModelOptions& options) {
  return Model::Load(DataDir() / "models" / name, options);
}

json Golden(const std::string& name) {
  for (json& row : GoldenLines("tiny_decoders.jsonl")) {
    if (row["model"] == name) return std::move(row);
  }
  ADD_FAILURE() << "no golden for " << name;
  return json();
}

GenerationRequest GreedyRequest(const json& golden) {
  GenerationRequest request;
  request.prompt = golden["greedy_prompt"].get<std::vector<TokenId>>();
  request.max_tokens = static_cast<int>(golden["greedy"].size());
  request.ignore_eos = true;
  return request;
}

// Hugging Face's float32 lies 1.5e-6 from float64 on these models.
constexpr double kTolerance = 1.5e-5;

constexpr std::pair<const char*, const char*> kDecoders[] = {
    {"tiny-llama", "tiny-llama"},
    {"tiny-llama-untied", "tiny-llama-untied"},
    {"tiny-llama-gguf/tiny-llama-f32.gguf", "tiny-llama"},
    {"tiny-llama-gguf/tiny-llama-q8_0.gguf", "tiny-llama-q8_0"},
    {"tiny-mistral-swa", "tiny-mistral-swa"}};

TEST(GpuModel, DecodersGiveHuggingFacesLogitsAndTokens) {
  for (const auto& [path, name] : kDecoders) {
    SCOPED_TRACE(path);
    const json golden = Golden(name);
    const Emulation emulation;
    ASSERT_OK_AND_ASSIGN(const auto model, LoadTiny(path, emulation.Options()));
    EXPECT_EQ(model->info().device, "CUDA 0 (emulated, 9.0)");
    ASSERT_OK_AND_ASSIGN(const auto logits,
                         model->Logits(golden["ids"].get<std::vector<TokenId>>()));
    EXPECT_LE(RelativeError(logits, GoldenFloats(golden["logits_file"])), kTolerance);
    ASSERT_OK_AND_ASSIGN(const auto generator, MakeTextGenerator(model, {}));
    ASSERT_OK_AND_ASSIGN(const auto result,
                         generator->Generate(GreedyRequest(golden), CallContext(), nullptr));
    EXPECT_EQ(result.tokens, golden["greedy"].get<std::vector<TokenId>>());
    EXPECT_GT(emulation.device->choices, 0) << "logits were fetched to choose a token";
    EXPECT_GT(emulation.device->replays, emulation.device->captures);
    EXPECT_GT(emulation.device->captures, 0);
  }
}

TEST(GpuModel, FreesAllItsMemory) {
  const Emulation emulation;
  {
    ASSERT_OK_AND_ASSIGN(const auto model, LoadTiny("tiny-llama", emulation.Options()));
    ASSERT_OK_AND_ASSIGN(const auto generator, MakeTextGenerator(model, {}));
    ASSERT_OK(generator->Generate(GreedyRequest(Golden("tiny-llama")), CallContext(), nullptr));
    EXPECT_GT(emulation.device->used_bytes, 0);
  }
  EXPECT_EQ(emulation.device->used_bytes, 0);
}

// Sequences of different lengths in one batch, padded to a bucket, come and go.
TEST(GpuModel, ManySequencesAtOnceGiveWhatEachGivesAlone) {
  const Emulation emulation;
  ASSERT_OK_AND_ASSIGN(const auto model, LoadTiny("tiny-llama", emulation.Options()));
  EngineOptions options;
  options.batch_budget_tokens = 40;
  options.max_running = 11;
  ASSERT_OK_AND_ASSIGN(const auto generator, MakeTextGenerator(model, options));
  const auto request = [](int i) {
    GenerationRequest each;
    for (int t = 0; t < 3 + 4 * i; ++t) {
      each.prompt.push_back((t * 31 + i * 17) % 90 + 5);
    }
    each.max_tokens = 6 + i % 5;
    each.ignore_eos = true;
    each.tenant = std::to_string(i);
    return each;
  };
  std::vector<std::vector<TokenId>> alone;
  for (int i = 0; i < 11; ++i) {
    ASSERT_OK_AND_ASSIGN(const auto result,
                         generator->Generate(request(i), CallContext(), nullptr));
    alone.push_back(result.tokens);
  }
  std::vector<std::future<StatusOr<GenerationResult>>> calls;
  for (int i = 0; i < 11; ++i) {
    calls.push_back(std::async(std::launch::async, [&, i] {
      return generator->Generate(request(i), CallContext(), nullptr);
    }));
  }
  for (size_t i = 0; i < calls.size(); ++i) {
    const auto result = calls[i].get();
    ASSERT_OK(result);
    EXPECT_EQ(result->tokens, alone[i]) << "request " << i;
  }
}

// Requests of one tenant with the same passages share pages; their decode steps are told so.
TEST(GpuModel, SequencesThatBeginAlikeAreReadOnce) {
  const Emulation emulation;
  ASSERT_OK_AND_ASSIGN(const auto model, LoadTiny("tiny-llama", emulation.Options()));
  ASSERT_OK_AND_ASSIGN(const auto generator, MakeTextGenerator(model, {}));
  const auto request = [](int i) {
    GenerationRequest each;
    for (int t = 0; t < 150; ++t) each.prompt.push_back(t * 31 % 90 + 5);
    each.prompt.push_back(5 + i);
    each.max_tokens = 8;
    each.ignore_eos = true;
    each.tenant = "one";
    return each;
  };
  std::vector<std::vector<TokenId>> alone;
  for (int i = 0; i < 5; ++i) {
    ASSERT_OK_AND_ASSIGN(const auto result,
                         generator->Generate(request(i), CallContext(), nullptr));
    alone.push_back(result.tokens);
  }
  EXPECT_EQ(emulation.device->most_shared_keys, 0);
  // The first, at its first token, holds the scheduler until the others wait, so that they decode
  // together whichever thread is slow.
  std::vector<std::future<StatusOr<GenerationResult>>> others;
  const TextGenerator::TokenSink call_others = [&](TokenId) {
    if (!others.empty()) return true;
    for (int i = 1; i < 5; ++i) {
      others.push_back(std::async(std::launch::async, [&, i] {
        return generator->Generate(request(i), CallContext(), nullptr);
      }));
    }
    while (generator->stats().waiting < 4) std::this_thread::yield();
    return true;
  };
  ASSERT_OK_AND_ASSIGN(const auto first,
                       generator->Generate(request(0), CallContext(), call_others));
  EXPECT_EQ(first.tokens, alone[0]);
  ASSERT_EQ(others.size(), 4);
  for (size_t i = 0; i < others.size(); ++i) {
    const auto result = others[i].get();
    ASSERT_OK(result);
    EXPECT_EQ(result->tokens, alone[i + 1]) << "request " << i + 1;
  }
  EXPECT_EQ(emulation.device->most_shared_keys, 128);
}

TEST(GpuModel, ConstraintsAndBansHoldWhereTheTokenIsChosenOnTheDevice) {
  class OddOnly final : public TokenConstraint {
   public:
    std::vector<TokenId> Allowed(std::span<const TokenId> generated) const override {
      std::vector<TokenId> ids;
      for (TokenId id = generated.size() % 2 == 0 ? 1 : 2; id < 90; id += 2) ids.push_back(id);
      return ids;
    }
  };
  const Emulation emulation;
  ModelOptions on_cpu = emulation.Options();
  on_cpu.device = "cpu";
  std::vector<std::vector<TokenId>> tokens;
  for (const ModelOptions& options : {on_cpu, emulation.Options()}) {
    ASSERT_OK_AND_ASSIGN(const auto model, LoadTiny("tiny-llama", options));
    ASSERT_OK_AND_ASSIGN(const auto generator, MakeTextGenerator(model, {}));
    GenerationRequest request = GreedyRequest(Golden("tiny-llama"));
    request.max_tokens = 12;
    ASSERT_OK_AND_ASSIGN(const auto free, generator->Generate(request, CallContext(), nullptr));
    request.banned = {free.tokens[0]};
    request.constraint = std::make_shared<OddOnly>();
    ASSERT_OK_AND_ASSIGN(const auto result, generator->Generate(request, CallContext(), nullptr));
    for (size_t i = 0; i < result.tokens.size(); ++i) {
      EXPECT_EQ(result.tokens[i] % 2, i % 2 == 0 ? 1 : 0);
      EXPECT_NE(result.tokens[i], free.tokens[0]);
    }
    tokens.push_back(result.tokens);
  }
  EXPECT_EQ(tokens[0], tokens[1]);
}

TEST(GpuModel, ScoresAndDrawsUseLogits) {
  const Emulation emulation;
  ModelOptions on_cpu = emulation.Options();
  on_cpu.device = "cpu";
  std::vector<std::vector<float>> scores;
  std::vector<std::vector<TokenId>> drawn;
  const json golden = Golden("tiny-llama");
  for (const ModelOptions& options : {on_cpu, emulation.Options()}) {
    ASSERT_OK_AND_ASSIGN(const auto model, LoadTiny("tiny-llama", options));
    ASSERT_OK_AND_ASSIGN(const auto generator, MakeTextGenerator(model, {}));
    const auto prompt = golden["greedy_prompt"].get<std::vector<TokenId>>();
    const auto next = golden["greedy"].get<std::vector<TokenId>>();
    ASSERT_OK_AND_ASSIGN(scores.emplace_back(),
                         generator->LogProbabilities(prompt, next, CallContext()));
    GenerationRequest request = GreedyRequest(golden);
    request.sampling.temperature = 0.7;
    request.sampling.seed = 5;
    ASSERT_OK_AND_ASSIGN(const auto result, generator->Generate(request, CallContext(), nullptr));
    drawn.push_back(result.tokens);
  }
  ASSERT_EQ(scores[0].size(), scores[1].size());
  for (size_t i = 0; i < scores[0].size(); ++i) EXPECT_NEAR(scores[0][i], scores[1][i], 1e-4);
  EXPECT_EQ(drawn[0], drawn[1]);
}

TEST(GpuModel, LayersSharedWithTheCpuGiveTheSameLogits) {
  for (const auto& [path, name] : kDecoders) {
    const json golden = Golden(name);
    for (const int layers : {0, 1}) {
      SCOPED_TRACE(std::string(path) + ", " + std::to_string(layers) + " layers");
      const Emulation emulation;
      ModelOptions options = emulation.Options();
      options.gpu_layers = layers;
      ASSERT_OK_AND_ASSIGN(const auto model, LoadTiny(path, options));
      EXPECT_NE(model->info().device.find("the rest on the CPU"), std::string::npos);
      ASSERT_OK_AND_ASSIGN(const auto logits,
                           model->Logits(golden["ids"].get<std::vector<TokenId>>()));
      EXPECT_LE(RelativeError(logits, GoldenFloats(golden["logits_file"])), kTolerance);
      ASSERT_OK_AND_ASSIGN(const auto generator, MakeTextGenerator(model, {}));
      ASSERT_OK_AND_ASSIGN(const auto result,
                           generator->Generate(GreedyRequest(golden), CallContext(), nullptr));
      EXPECT_EQ(result.tokens, golden["greedy"].get<std::vector<TokenId>>());
    }
  }
}

TEST(GpuModel, EncodersGiveTheCpusVectors) {
  const Emulation emulation;
  ModelOptions on_cpu = emulation.Options();
  on_cpu.device = "cpu";
  for (const auto& [precision, tolerance] :
       {std::pair(kernels::Precision::kExact, 1e-5), std::pair(kernels::Precision::kFast, 5e-3)}) {
    std::vector<std::vector<float>> vectors;
    for (ModelOptions options : {on_cpu, emulation.Options()}) {
      options.precision = precision;
      ASSERT_OK_AND_ASSIGN(const auto model, LoadTiny("tiny-bert", options));
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
  for (const ModelOptions& options : {on_cpu, emulation.Options()}) {
    ASSERT_OK_AND_ASSIGN(const auto model, LoadTiny("tiny-cross-encoder", options));
    EncoderBatch batch;
    batch.ids = {2, 7, 9, 11, 3, 2, 5, 3};
    batch.offsets = {0, 5, 8};
    ASSERT_OK_AND_ASSIGN(scores.emplace_back(), model->Classify(batch));
  }
  EXPECT_LE(RelativeError(scores[1], scores[0]), 1e-5);
}

// RoBERTa's positions come from the host; what else is unlike BERT's is refused by name.
TEST(GpuModel, OtherEncodersRunOrSayWhatIsNotDone) {
  const Emulation emulation;
  ModelOptions on_cpu = emulation.Options();
  on_cpu.device = "cpu";
  std::vector<std::vector<float>> results;
  for (ModelOptions options : {on_cpu, emulation.Options()}) {
    options.precision = kernels::Precision::kExact;
    ASSERT_OK_AND_ASSIGN(const auto model, LoadTiny("tiny-xlmr-reranker", options));
    EncoderBatch batch;
    batch.ids = {0, 7, 9, 11, 2, 0, 5, 2};
    batch.offsets = {0, 5, 8};
    ASSERT_OK_AND_ASSIGN(results.emplace_back(), model->Classify(batch));
    ASSERT_OK_AND_ASSIGN(results.emplace_back(), model->Encode(batch));
  }
  EXPECT_LE(RelativeError(results[2], results[0]), 1e-5);
  EXPECT_LE(RelativeError(results[3], results[1]), 1e-5);
  for (const auto& [name, what] :
       {std::pair("tiny-deberta-v3", "relative"), std::pair("tiny-mpnet", "relative"),
        std::pair("tiny-modernbert", "ModernBERT"), std::pair("tiny-nomic", "rotary"),
        std::pair("tiny-roberta", "pooling"), std::pair("tiny-distilbert", "token types"),
        std::pair("tiny-electra", "projection"), std::pair("tiny-bert-tokens", "tokens")}) {
    const auto model = LoadTiny(name, emulation.Options());
    EXPECT_STATUS(model, kUnimplemented, what);
    EXPECT_STATUS(model, kUnimplemented, "--device cpu");
  }
}

TEST(GpuModel, ReplicasOnSeveralGpusShareCallsAndGiveTheSameTokens) {
  EXPECT_EQ(DevicesNamed("cuda:0,3"), (std::vector<std::string>{"cuda:0", "cuda:3"}));
  EXPECT_EQ(DevicesNamed("cuda"), std::vector<std::string>{"cuda"});
  const json golden = Golden("tiny-llama");
  const Emulation emulations[2];
  std::vector<std::unique_ptr<TextGenerator>> replicas;
  for (const Emulation& emulation : emulations) {
    ASSERT_OK_AND_ASSIGN(const auto model, LoadTiny("tiny-llama", emulation.Options()));
    EngineOptions options;
    options.max_running = 1;
    options.max_queued = 3;
    ASSERT_OK_AND_ASSIGN(replicas.emplace_back(), MakeTextGenerator(model, options));
  }
  const auto generator = MakeReplicatedGenerator(std::move(replicas));
  std::vector<std::future<StatusOr<GenerationResult>>> calls;
  for (int i = 0; i < 8; ++i) {  // as many as both have room for together
    calls.push_back(std::async(std::launch::async, [&] {
      return generator->Generate(GreedyRequest(golden), CallContext(), nullptr);
    }));
  }
  for (auto& call : calls) {
    const auto result = call.get();
    ASSERT_OK(result);
    EXPECT_EQ(result->tokens, golden["greedy"].get<std::vector<TokenId>>());
  }
  EXPECT_EQ(generator->stats().generated_tokens, 8 * static_cast<int64_t>(golden["greedy"].size()));
  // While one is at work, another call of the same tenant goes to the other.
  const TextGenerator::TokenSink ask_another = [&, asked = false](TokenId) mutable {
    if (!std::exchange(asked, true)) {
      EXPECT_OK(generator->Generate(GreedyRequest(golden), CallContext(), nullptr));
    }
    return true;
  };
  EXPECT_OK(generator->Generate(GreedyRequest(golden), CallContext(), ask_another));
  for (const Emulation& emulation : emulations) EXPECT_GT(emulation.device->choices, 0);
}

TEST(GpuModel, AutoFallsBackToTheCpuAndSaysWhy) {
  ModelOptions options;
  options.threads = 1;
  options.device = "auto";
  options.open_gpu = [](int) -> StatusOr<std::unique_ptr<kernels::Gpu>> {
    return FailedPreconditionError("no NVIDIA GPU found");
  };
  ASSERT_OK_AND_ASSIGN(const auto model, LoadTiny("tiny-llama", options));
  EXPECT_TRUE(model->info().device.starts_with("CPU (")) << model->info().device;
  EXPECT_EQ(model->info().device_note, "no NVIDIA GPU found");
  options.device = "cuda";
  EXPECT_STATUS(LoadTiny("tiny-llama", options), kFailedPrecondition, "no NVIDIA GPU found");
  options.device = "gpu";
  EXPECT_STATUS(LoadTiny("tiny-llama", options), kInvalidArgument, "auto");
}

TEST(GpuModel, TooLittleMemoryIsSaidOrTheCpuTakesOver) {
  const Emulation emulation;
  emulation.device->capacity_bytes = 20000;
  ModelOptions options = emulation.Options();
  EXPECT_STATUS(LoadTiny("tiny-llama", options), kResourceExhausted, "full");
  options.device = "auto";
  ASSERT_OK_AND_ASSIGN(const auto model, LoadTiny("tiny-llama", options));
  EXPECT_TRUE(model->info().device.starts_with("CPU ("));
  EXPECT_NE(model->info().device_note.find("full"), std::string::npos);
  EXPECT_EQ(emulation.device->used_bytes, 0) << "what was uploaded before it was full stays";
}

TEST(GpuModel, ACacheThatDoesNotFitIsRefusedBeforeItsPagesAreCounted) {
  const Emulation emulation;
  ASSERT_OK_AND_ASSIGN(const auto model, LoadTiny("tiny-llama", emulation.Options()));
  EngineOptions options;
  options.kv_cache_bytes = int64_t{1} << 50;  // the pages' numbers alone would be terabytes
  EXPECT_STATUS(MakeTextGenerator(model, options), kResourceExhausted, "the KV cache");
}

TEST(GpuModel, AFailedDeviceEndsRequestsWithItsError) {
  const Emulation emulation;
  ASSERT_OK_AND_ASSIGN(const auto model, LoadTiny("tiny-llama", emulation.Options()));
  ASSERT_OK_AND_ASSIGN(const auto generator, MakeTextGenerator(model, {}));
  emulation.device->fail_after = 30;
  EXPECT_STATUS(generator->Generate(GreedyRequest(Golden("tiny-llama")), CallContext(), nullptr),
                kInternal, "has failed");
}

}  // namespace
}  // namespace footnote::generator
