// footnote bench generator|embedder: how fast a model runs here.

#include <algorithm>
#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "common/file.h"
#include "generator/engine.h"
#include "generator/model.h"
#include "server/commands/command.h"
#include "server/commands/corpus_bench.h"
#include "server/commands/engine_bench_generator.h"
#include "server/commands/engine_bench_report.h"

namespace footnote::server {
namespace {

struct EmbedderBenchOptions {
  BenchModelOptions model;
  int chunks = 64;
  int chunk_tokens = 182;
  std::string texts;  // a file of them, instead of made-up chunks
};

double SecondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// One JSON string a line.
StatusOr<std::vector<std::string>> ReadTexts(const std::string& path) {
  FOOTNOTE_ASSIGN_OR_RETURN(const std::string contents, ReadFile(path));
  std::vector<std::string> texts;
  std::istringstream lines(contents);
  for (std::string line; std::getline(lines, line);) {
    if (line.empty()) continue;
    const auto json = nlohmann::json::parse(line, nullptr, false);
    if (!json.is_string()) {
      return InvalidArgumentError(path + ", line " + std::to_string(texts.size() + 1) +
                                  ": not a JSON string; give one text a line, in quotes");
    }
    texts.push_back(json.get<std::string>());
  }
  if (texts.empty()) return InvalidArgumentError(path + " holds no text");
  return texts;
}

// From text to vectors, as the indexer asks for them: tokenising included.
Status BenchTexts(const EmbedderBenchOptions& options) {
  FOOTNOTE_ASSIGN_OR_RETURN(const std::vector<std::string> texts, ReadTexts(options.texts));
  FOOTNOTE_ASSIGN_OR_RETURN(auto model, LoadForBench(options.model));
  BenchJson json = BenchSettings(options.model, *model);
  FOOTNOTE_ASSIGN_OR_RETURN(const auto embedder, generator::MakeEmbedder(std::move(model), ""));
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  int64_t tokens = 0;
  for (const std::string_view text : views) tokens += embedder->CountTokens(text) + 2;
  Rates chunks;
  int64_t truncated = 0;
  for (int repetition = 0; repetition < options.model.repetitions; ++repetition) {
    const auto start = std::chrono::steady_clock::now();
    FOOTNOTE_ASSIGN_OR_RETURN(const Embeddings vectors,
                              embedder->Embed(views, TextRole::kPassage, CallContext()));
    chunks.Add(static_cast<double>(texts.size()) / SecondsSince(start));
    truncated = std::ranges::count(vectors.truncated, true);
  }
  json["chunks"] = texts.size();
  json["chunk_tokens"] = static_cast<double>(tokens) / static_cast<double>(texts.size());
  json["truncated"] = truncated;
  chunks.Write("chunks_per_second", json);
  json["tokens_per_second"] =
      chunks.Median() * static_cast<double>(tokens) / static_cast<double>(texts.size());
  json["peak_resident_bytes"] = ReadResidentMemory().peak_bytes;
  PrintBench(json, options.model.json);
  return OkStatus();
}

Status BenchEmbedder(const EmbedderBenchOptions& options) {
  if (!options.texts.empty()) return BenchTexts(options);
  FOOTNOTE_ASSIGN_OR_RETURN(const auto model, LoadForBench(options.model));
  generator::EncoderBatch batch;
  batch.offsets.push_back(0);
  for (int chunk = 0; chunk < options.chunks; ++chunk) {
    const std::vector<generator::TokenId> ids =
        MadeUpTokens(options.chunk_tokens, model->info().vocabulary_size, chunk);
    batch.ids.insert(batch.ids.end(), ids.begin(), ids.end());
    batch.offsets.push_back(static_cast<int64_t>(batch.ids.size()));
  }
  Rates chunks;
  for (int repetition = 0; repetition < options.model.repetitions; ++repetition) {
    const auto start = std::chrono::steady_clock::now();
    FOOTNOTE_RETURN_IF_ERROR(model->Encode(batch).status());
    chunks.Add(options.chunks / SecondsSince(start));
  }
  BenchJson json = BenchSettings(options.model, *model);
  json["chunks"] = options.chunks;
  json["chunk_tokens"] = options.chunk_tokens;
  chunks.Write("chunks_per_second", json);
  json["tokens_per_second"] = chunks.Median() * options.chunk_tokens;
  FOOTNOTE_ASSIGN_OR_RETURN(const auto figures, WriteDevice(*model, json));
  if (figures.has_value()) {
    json["rate_share"] = chunks.Median() * options.chunk_tokens *
                         OperationsPerToken(model->info(), *figures, options.chunk_tokens) /
                         figures->ceilings.operations_per_second;
  }
  json["peak_resident_bytes"] = ReadResidentMemory().peak_bytes;
  PrintBench(json, options.model.json);
  return OkStatus();
}

void AddModelOptions(CLI::App& command, BenchModelOptions& options) {
  command.add_option("path", options.path, "A .gguf file or a Hugging Face folder")->required();
  command.add_option("--precision", options.precision)
      ->check(CLI::IsMember(kernels::PrecisionNames()))
      ->capture_default_str();
  command.add_option("--device", options.device, "cpu, cuda, cuda:N or auto")
      ->capture_default_str();
  command
      .add_option("--gpu-layers", options.gpu_layers,
                  "Of a decoder, the first so many on the GPU (default: all)")
      ->check(CLI::Range(0, 1000));
  command.add_option("--threads", options.threads, "0: one per available CPU")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
  command.add_option("--repetitions", options.repetitions, "Median and best of as many")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  command.add_flag("--json", options.json, "Print one JSON document");
}

void AddGeneratorBench(CLI::App& command, CommandResult& result) {
  const CLI::Range size(1, 1 << 20);
  auto options = std::make_shared<GeneratorBenchOptions>();
  CLI::App* generator = command.add_subcommand(
      "generator", "Prefill, time to the first token and decoding of a decoder");
  AddModelOptions(*generator, options->model);
  generator->add_option("--prompt-tokens", options->prompt_tokens, "Of the prompts that are read")
      ->check(size)
      ->capture_default_str();
  generator
      ->add_option("--depth", options->depth,
                   "Tokens of a prompt before those whose decoding is timed")
      ->check(CLI::Range(0, 1 << 20))
      ->capture_default_str();
  generator->add_option("--new-tokens", options->new_tokens, "Decoded, each sequence")
      ->check(size)
      ->capture_default_str();
  generator->add_option("--sequences", options->sequences, "Decoded at once")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  generator
      ->add_option("--measure", options->measures,
                   "Of prefill, decode, first-token, separated by commas (default: all)")
      ->delimiter(',')
      ->check(CLI::IsMember(
          std::vector<std::string>(std::begin(kGeneratorMeasures), std::end(kGeneratorMeasures))));
  generator->add_flag("--speculation,!--no-speculation", options->speculation,
                      "Also the answers to --prompt-file, with guesses and without (default: no)");
  generator->add_option("--prompt-file", options->prompt_files,
                        "Texts to answer, for --speculation");
  generator->callback([options, &result] { result.status = BenchGenerator(*options); });
}

void AddEmbedderBench(CLI::App& command, CommandResult& result) {
  const CLI::Range size(1, 1 << 20);
  auto options = std::make_shared<EmbedderBenchOptions>();
  CLI::App* embedder = command.add_subcommand("embedder", "Vectors of packed chunks");
  AddModelOptions(*embedder, options->model);
  embedder->add_option("--chunks", options->chunks)->check(size)->capture_default_str();
  embedder->add_option("--chunk-tokens", options->chunk_tokens)->check(size)->capture_default_str();
  embedder->add_option("--texts", options->texts,
                       "A file of texts, one JSON string a line, instead of made-up chunks");
  embedder->callback([options, &result] { result.status = BenchEmbedder(*options); });
}

}  // namespace

void AddBenchCommand(CLI::App& app, CommandResult& result) {
  CLI::App* command = app.add_subcommand("bench", "Measure speed on this machine");
  command->require_subcommand(1);
  AddGeneratorBench(*command, result);
  AddEmbedderBench(*command, result);
#ifndef FOOTNOTE_ENGINE_ONLY
  AddIndexBench(*command, result);
  AddSearchBench(*command, result);
#endif
}

}  // namespace footnote::server
