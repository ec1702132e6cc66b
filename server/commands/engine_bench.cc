// footnote bench generator|embedder: how fast a model runs here. Prompts are made up, so the
// figures need no data; each is the best of the repetitions, since others only add noise.

#include <algorithm>
#include <chrono>
#include <fstream>
#include <future>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "common/thread_pool.h"
#include "generator/engine.h"
#include "generator/model.h"
#include "server/commands/command.h"

namespace footnote::server {
namespace {

using generator::TokenId;
using Json = nlohmann::ordered_json;

struct BenchOptions {
  std::string path;
  std::string precision = "fast";
  int threads = 0;
  int prompt_tokens = 512;
  int new_tokens = 64;
  int sequences = 1;
  int chunks = 64;
  int chunk_tokens = 182;
  int repetitions = 3;
  bool json = false;
};

double SecondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

std::string CpuName() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  }
  return "unknown";
}

StatusOr<std::shared_ptr<const generator::Model>> Load(const BenchOptions& options) {
  generator::ModelOptions model_options;
  model_options.threads = options.threads;
  FOOTNOTE_ASSIGN_OR_RETURN(model_options.precision, kernels::PrecisionFromName(options.precision));
  return generator::Model::Load(options.path, model_options);
}

Json Settings(const BenchOptions& options, const generator::Model& model) {
  const int cpus = ThreadPool::AvailableCpus();
  return {{"model", model.info().name},
          {"precision", options.precision},
          {"isa", kernels::IsaName(model.isa())},
          {"threads", options.threads == 0 ? cpus : options.threads},
          {"repetitions", options.repetitions},
          {"cpu", CpuName()},
          {"cpus", cpus}};
}

void Print(const BenchOptions& options, const Json& json) {
  if (options.json) {
    std::cout << json.dump() << "\n";
    return;
  }
  for (const auto& [key, value] : json.items()) {
    std::cout << key << std::string(key.size() < 28 ? 28 - key.size() : 1, ' ')
              << (value.is_string() ? value.get<std::string>() : value.dump()) << "\n";
  }
}

// Spread over the vocabulary, the same every time.
std::vector<TokenId> MadeUpTokens(int count, int vocabulary, int which) {
  std::vector<TokenId> ids;
  for (int i = 0; i < count; ++i) {
    const int64_t mixed = (static_cast<int64_t>(i) * 7919 + which * 104729 + 17) % vocabulary;
    ids.push_back(static_cast<TokenId>(mixed));
  }
  return ids;
}

Status BenchGenerator(const BenchOptions& options) {
  FOOTNOTE_ASSIGN_OR_RETURN(const auto model, Load(options));
  generator::EngineOptions engine;
  engine.kv_cache_bytes = int64_t{1} << 30;
  engine.max_running = std::max(engine.max_running, options.sequences);
  engine.batch_budget_tokens = std::max(engine.batch_budget_tokens, options.sequences + 1);
  FOOTNOTE_ASSIGN_OR_RETURN(const auto generator, generator::MakeTextGenerator(model, engine));
  const int vocabulary = model->info().vocabulary_size;
  double prefill = 0;
  double decode = 0;
  for (int repetition = 0; repetition < options.repetitions; ++repetition) {
    generator::GenerationRequest request;
    request.prompt = MadeUpTokens(options.prompt_tokens, vocabulary, 0);
    request.max_tokens = 1;
    request.ignore_eos = true;
    FOOTNOTE_ASSIGN_OR_RETURN(const generator::GenerationResult first,
                              generator->Generate(request, CallContext(), nullptr));
    prefill = std::max(prefill, options.prompt_tokens * 1000.0 / first.prefill_ms);

    // Short prompts, so that what is timed is decoding; all sequences run together.
    std::vector<std::future<StatusOr<generator::GenerationResult>>> calls;
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < options.sequences; ++i) {
      request.prompt = MadeUpTokens(1, vocabulary, i);
      request.max_tokens = options.new_tokens;
      calls.push_back(std::async(std::launch::async, [&generator, request] {
        return generator->Generate(request, CallContext(), nullptr);
      }));
    }
    Status status;
    for (auto& call : calls) {
      if (const auto result = call.get(); !result.ok()) status = result.status();
    }
    FOOTNOTE_RETURN_IF_ERROR(status);
    decode = std::max(decode, options.sequences * options.new_tokens / SecondsSince(start));
  }
  Json json = Settings(options, *model);
  json["prompt_tokens"] = options.prompt_tokens;
  json["new_tokens"] = options.new_tokens;
  json["sequences"] = options.sequences;
  json["prefill_tokens_per_second"] = prefill;
  json["decode_tokens_per_second"] = decode;
  Print(options, json);
  return OkStatus();
}

Status BenchEmbedder(const BenchOptions& options) {
  FOOTNOTE_ASSIGN_OR_RETURN(const auto model, Load(options));
  generator::EncoderBatch batch;
  batch.offsets.push_back(0);
  for (int chunk = 0; chunk < options.chunks; ++chunk) {
    const std::vector<TokenId> ids =
        MadeUpTokens(options.chunk_tokens, model->info().vocabulary_size, chunk);
    batch.ids.insert(batch.ids.end(), ids.begin(), ids.end());
    batch.offsets.push_back(static_cast<int64_t>(batch.ids.size()));
  }
  double chunks = 0;
  for (int repetition = 0; repetition < options.repetitions; ++repetition) {
    const auto start = std::chrono::steady_clock::now();
    FOOTNOTE_RETURN_IF_ERROR(model->Encode(batch).status());
    chunks = std::max(chunks, options.chunks / SecondsSince(start));
  }
  Json json = Settings(options, *model);
  json["chunks"] = options.chunks;
  json["chunk_tokens"] = options.chunk_tokens;
  json["chunks_per_second"] = chunks;
  json["tokens_per_second"] = chunks * options.chunk_tokens;
  Print(options, json);
  return OkStatus();
}

void AddCommon(CLI::App& command, BenchOptions& options) {
  command.add_option("path", options.path, "A .gguf file or a Hugging Face folder")->required();
  command.add_option("--precision", options.precision)
      ->check(CLI::IsMember({"fast", "exact", "int8"}))
      ->capture_default_str();
  command.add_option("--threads", options.threads, "0: one per available CPU")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
  command.add_option("--repetitions", options.repetitions)
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  command.add_flag("--json", options.json, "Print one JSON document");
}

}  // namespace

void AddBenchCommand(CLI::App& app, CommandResult& result) {
  CLI::App* command = app.add_subcommand("bench", "Measure speed on this machine");
  command->require_subcommand(1);
  const CLI::Range size(1, 1 << 20);

  auto options = std::make_shared<BenchOptions>();
  CLI::App* generator = command->add_subcommand("generator", "Prefill and decoding of a decoder");
  AddCommon(*generator, *options);
  generator->add_option("--prompt-tokens", options->prompt_tokens)
      ->check(size)
      ->capture_default_str();
  generator->add_option("--new-tokens", options->new_tokens)->check(size)->capture_default_str();
  generator->add_option("--sequences", options->sequences, "Generated at once")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  generator->callback([options, &result] { result.status = BenchGenerator(*options); });

  CLI::App* embedder = command->add_subcommand("embedder", "Vectors of packed chunks");
  AddCommon(*embedder, *options);
  embedder->add_option("--chunks", options->chunks)->check(size)->capture_default_str();
  embedder->add_option("--chunk-tokens", options->chunk_tokens)->check(size)->capture_default_str();
  embedder->callback([options, &result] { result.status = BenchEmbedder(*options); });
}

}  // namespace footnote::server
