#include "server/commands/engine_bench_generator.h"

#include <algorithm>
#include <chrono>
#include <future>
#include <optional>
#include <span>
#include <string>

#include "common/file.h"
#include "generator/chat_template.h"
#include "generator/engine.h"

namespace footnote::server {
namespace {

using generator::GenerationRequest;
using generator::GenerationResult;
using generator::TextGenerator;
using generator::TokenId;
using Clock = std::chrono::steady_clock;

constexpr size_t kMaxPromptBytes = 1 << 20;
// Tokens at the end of a prompt that differ where its beginning is read again: a question behind
// the same passages.
constexpr int kQuestionTokens = 16;

double SecondsBetween(Clock::time_point start, Clock::time_point end) {
  return std::chrono::duration<double>(end - start).count();
}

// When all sequences are decoding, and how many tokens came since. Its methods are called on the
// scheduler's thread only, until the generations have ended.
class DecodeWatch {
 public:
  DecodeWatch(int sequences, int64_t tokens_wanted)
      : heard_(static_cast<size_t>(sequences), false),
        silent_(sequences),
        tokens_wanted_(tokens_wanted) {}

  // False when enough was heard.
  bool Hear(int sequence) {
    if (!heard_[static_cast<size_t>(sequence)]) {
      heard_[static_cast<size_t>(sequence)] = true;
      if (--silent_ == 0) start_ = Clock::now();
      return true;
    }
    if (silent_ > 0) return true;
    if (!rate_.has_value() && ++tokens_ == tokens_wanted_) {
      rate_ = static_cast<double>(tokens_) / SecondsBetween(start_, Clock::now());
    }
    return !rate_.has_value();
  }

  // Tokens a second of all sequences together; nothing when one ended before enough was heard.
  std::optional<double> rate() const { return rate_; }

 private:
  std::vector<bool> heard_;
  int silent_;  // sequences without a token yet
  const int64_t tokens_wanted_;
  int64_t tokens_ = 0;
  Clock::time_point start_;
  std::optional<double> rate_;
};

class GeneratorBench {
 public:
  GeneratorBench(const GeneratorBenchOptions& options,
                 std::shared_ptr<const generator::Model> model)
      : options_(options),
        model_(std::move(model)),
        vocabulary_(model_->info().vocabulary_size),
        depth_(std::max(1, options.depth)) {}

  StatusOr<std::unique_ptr<TextGenerator>> Make(bool reuse_prefixes, int guess_tokens) const {
    const generator::ModelInfo& info = model_->info();
    generator::EngineOptions engine;
    engine.max_running = std::max(engine.max_running, options_.sequences);
    // The engine's own, unless more sequences decode than it has room for.
    if (options_.sequences > 100) engine.batch_budget_tokens = 2048;
    engine.reuse_prefixes = reuse_prefixes;
    engine.guess_tokens = guess_tokens;
    // Room for all positions; on the CPU address space until it is used.
    const int number_bytes = options_.model.precision == "exact" ? 4 : 2;
    const int64_t position_bytes =
        int64_t{info.layers} * info.kv_heads * info.head_width * 2 * number_bytes;
    const int64_t positions =
        int64_t{options_.sequences} * (depth_ + options_.new_tokens + Slack() + 16) +
        4 * (options_.prompt_tokens + options_.new_tokens) + info.context_tokens;
    engine.kv_cache_bytes = std::max(int64_t{64} << 20, positions * position_bytes);
    return generator::MakeTextGenerator(model_, engine);
  }

  // Threads, buffers and weights as they are in a service that runs.
  Status WarmUp(TextGenerator& generator) const {
    return generator.Generate(MadeUpRequest(64, 4, 0), CallContext(), nullptr).status();
  }

  Status Prefill(TextGenerator& generator, Rates& rates) const {
    GenerationRequest request = MadeUpRequest(options_.prompt_tokens, 1, 0);
    FOOTNOTE_ASSIGN_OR_RETURN(const GenerationResult result,
                              generator.Generate(request, CallContext(), nullptr));
    rates.Add(options_.prompt_tokens * 1000.0 / result.prefill_ms);
    return OkStatus();
  }

  Status Decode(TextGenerator& generator, Rates& rates) const {
    DecodeWatch watch(options_.sequences, int64_t{options_.new_tokens} * options_.sequences);
    std::vector<std::future<Status>> calls;
    calls.reserve(static_cast<size_t>(options_.sequences));
    for (int i = 0; i < options_.sequences; ++i) {
      calls.push_back(std::async(std::launch::async, [&, i] {
        const GenerationRequest request =
            MadeUpRequest(depth_, 1 + options_.new_tokens + Slack(), i);
        return generator.Generate(request, CallContext(), [&](TokenId) { return watch.Hear(i); })
            .status();
      }));
    }
    Status status;
    for (auto& call : calls) {
      if (Status ended = call.get(); !ended.ok()) status = std::move(ended);
    }
    FOOTNOTE_RETURN_IF_ERROR(status);
    if (!watch.rate().has_value()) {
      return InternalError("a sequence ended before all were decoding: ask for fewer --sequences");
    }
    rates.Add(*watch.rate());
    return OkStatus();
  }

  // Rates are first tokens a second, so that more is better here too.
  Status FirstToken(TextGenerator& generator, int repetition, Rates& cold, Rates& cached) const {
    GenerationRequest request = MadeUpRequest(options_.prompt_tokens, 1, 0);
    request.tenant = std::to_string(repetition);  // has read nothing yet
    for (Rates* rates : {&cold, &cached}) {
      const Clock::time_point start = Clock::now();
      Clock::time_point first = start;
      FOOTNOTE_RETURN_IF_ERROR(generator
                                   .Generate(request, CallContext(),
                                             [&](TokenId) {
                                               first = Clock::now();
                                               return true;
                                             })
                                   .status());
      rates->Add(1 / SecondsBetween(start, first));
      const size_t question = std::min<size_t>(kQuestionTokens, request.prompt.size() - 1);
      for (size_t i = request.prompt.size() - question; i < request.prompt.size(); ++i) {
        request.prompt[i] = (request.prompt[i] + 1) % vocabulary_;
      }
    }
    return OkStatus();
  }

  // As the user's message where the model takes messages, else as it is.
  StatusOr<std::vector<TokenId>> PromptOf(const std::filesystem::path& file) const {
    FOOTNOTE_ASSIGN_OR_RETURN(const std::string text, ReadFile(file, kMaxPromptBytes));
    if (model_->chat_template() == nullptr) return model_->tokenizer().Encode(text, {});
    FOOTNOTE_ASSIGN_OR_RETURN(const auto segments,
                              model_->chat_template()->Render({{"user", text}}, true));
    return generator::EncodeSegments(model_->tokenizer(), segments, /*add_bos=*/false);
  }

  StatusOr<std::vector<std::vector<TokenId>>> Prompts() const {
    std::vector<std::vector<TokenId>> prompts;
    for (const std::filesystem::path& file : options_.prompt_files) {
      FOOTNOTE_ASSIGN_OR_RETURN(prompts.emplace_back(), PromptOf(file));
    }
    return prompts;
  }

  // Answers to the prompts, each without and with guesses.
  Status Speculation(std::span<const std::vector<TokenId>> prompts, BenchJson& json) const {
    // A prompt is read once; what is timed is decoding.
    FOOTNOTE_ASSIGN_OR_RETURN(const auto plain, Make(true, 0));
    FOOTNOTE_ASSIGN_OR_RETURN(const auto guessing,
                              Make(true, generator::EngineOptions().guess_tokens));
    Rates plain_rates;
    Rates guessing_rates;
    Rates speedups;
    int64_t answer_tokens = 0;
    for (int repetition = 0; repetition < options_.model.repetitions; ++repetition) {
      double plain_ms = 0;
      double guessing_ms = 0;
      answer_tokens = 0;
      for (size_t i = 0; i < prompts.size(); ++i) {
        GenerationRequest request;
        request.prompt = prompts[i];
        request.max_tokens = options_.new_tokens;
        FOOTNOTE_ASSIGN_OR_RETURN(const GenerationResult without,
                                  plain->Generate(request, CallContext(), nullptr));
        FOOTNOTE_ASSIGN_OR_RETURN(const GenerationResult with,
                                  guessing->Generate(request, CallContext(), nullptr));
        if (with.tokens != without.tokens) {
          return InternalError("guesses changed the answer to " +
                               options_.prompt_files[i].string() + "; this is a bug of the engine");
        }
        plain_ms += without.decode_ms;
        guessing_ms += with.decode_ms;
        // The first token belongs to the prompt's pass.
        answer_tokens += std::max<int64_t>(0, static_cast<int64_t>(with.tokens.size()) - 1);
      }
      plain_rates.Add(static_cast<double>(answer_tokens) * 1000 / plain_ms);
      guessing_rates.Add(static_cast<double>(answer_tokens) * 1000 / guessing_ms);
      speedups.Add(plain_ms / guessing_ms);
    }
    json["prompts"] = prompts.size();
    json["answer_tokens"] = answer_tokens;
    plain_rates.Write("answer_tokens_per_second_plain", json);
    guessing_rates.Write("answer_tokens_per_second_speculating", json);
    speedups.Write("speculation_speedup", json);
    const generator::GeneratorStats stats = guessing->stats();
    json["guessed_tokens"] = stats.guessed_tokens;
    json["accepted_tokens"] = stats.accepted_tokens;
    return OkStatus();
  }

 private:
  GenerationRequest MadeUpRequest(int prompt_tokens, int max_tokens, int which) const {
    GenerationRequest request;
    request.prompt = MadeUpTokens(prompt_tokens, vocabulary_, which);
    request.max_tokens = max_tokens;
    request.ignore_eos = true;
    return request;
  }

  // Tokens that a sequence may decode while others are still read: a pass reads 128 rows or more.
  int Slack() const { return options_.sequences * (depth_ / 128 + 1) + 32; }

  const GeneratorBenchOptions& options_;
  const std::shared_ptr<const generator::Model> model_;
  const int vocabulary_;
  const int depth_;
};

// How near to what the GPU can do: a step reads the weights and what is cached, or multiplies, and
// takes the longer of the two at least.
Status WriteShares(const GeneratorBenchOptions& options, const generator::Model& model,
                   const Rates& prefill, const Rates& decode, BenchJson& json) {
  FOOTNOTE_ASSIGN_OR_RETURN(const auto figures, WriteDevice(model, json));
  if (!figures.has_value()) return OkStatus();
  const generator::ModelInfo& info = model.info();
  const kernels::Gpu::Ceilings& ceilings = figures->ceilings;
  if (!prefill.empty()) {
    json["prefill_rate_share"] = prefill.Median() *
                                 OperationsPerToken(info, *figures, options.prompt_tokens / 2.0) /
                                 ceilings.operations_per_second;
  }
  if (decode.empty()) return OkStatus();
  const double steps_per_second = decode.Median() / options.sequences;
  const double keys = options.depth + options.new_tokens / 2.0;
  const double bytes =
      static_cast<double>(figures->step_weight_bytes) +
      options.sequences * keys * static_cast<double>(figures->kv_bytes_per_position);
  const double operations =
      options.sequences * (OperationsPerToken(info, *figures, keys) +
                           2.0 * static_cast<double>(figures->head_parameters));
  json["step_bytes"] = bytes;
  json["decode_bandwidth_share"] = bytes * steps_per_second / ceilings.read_bytes_per_second;
  json["decode_floor_share"] =
      steps_per_second *
      std::max(bytes / ceilings.read_bytes_per_second, operations / ceilings.operations_per_second);
  return OkStatus();
}

}  // namespace

Status BenchGenerator(const GeneratorBenchOptions& options) {
  if (options.speculation == options.prompt_files.empty()) {
    return InvalidArgumentError(
        "--speculation and --prompt-file go together: what guessing gains depends on the text");
  }
  const Clock::time_point start = Clock::now();
  FOOTNOTE_ASSIGN_OR_RETURN(const auto model, LoadForBench(options.model));
  const GeneratorBench bench(options, model);
  const double loaded_seconds = SecondsBetween(start, Clock::now());
  // Before anything is measured, which takes long.
  FOOTNOTE_ASSIGN_OR_RETURN(const auto prompts, bench.Prompts());
  const Clock::time_point make_start = Clock::now();
  FOOTNOTE_ASSIGN_OR_RETURN(const auto generator, bench.Make(/*reuse_prefixes=*/false, 0));
  const double ready_seconds = loaded_seconds + SecondsBetween(make_start, Clock::now());
  FOOTNOTE_ASSIGN_OR_RETURN(const auto reusing, bench.Make(/*reuse_prefixes=*/true, 0));
  FOOTNOTE_RETURN_IF_ERROR(bench.WarmUp(*generator));

  const auto measured = [&](const char* what) {
    return std::find(options.measures.begin(), options.measures.end(), what) !=
           options.measures.end();
  };
  Rates prefill;
  Rates decode;
  Rates cold;
  Rates cached;
  for (int repetition = 0; repetition < options.model.repetitions; ++repetition) {
    if (measured("prefill")) FOOTNOTE_RETURN_IF_ERROR(bench.Prefill(*generator, prefill));
    if (measured("decode")) FOOTNOTE_RETURN_IF_ERROR(bench.Decode(*generator, decode));
    if (measured("first-token")) {
      FOOTNOTE_RETURN_IF_ERROR(bench.FirstToken(*reusing, repetition, cold, cached));
    }
  }
  BenchJson json = BenchSettings(options.model, *model);
  json["weight_bytes"] = model->info().weight_bytes;
  json["ready_seconds"] = ready_seconds;
  json["prompt_tokens"] = options.prompt_tokens;
  if (!prefill.empty()) prefill.Write("prefill_tokens_per_second", json);
  if (!cold.empty()) {
    json["time_to_first_token_cold_ms"] = 1000 / cold.Median();
    json["time_to_first_token_cold_ms_best"] = 1000 / cold.Best();
    json["time_to_first_token_cached_ms"] = 1000 / cached.Median();
    json["time_to_first_token_cached_ms_best"] = 1000 / cached.Best();
  }
  json["depth"] = options.depth;
  json["new_tokens"] = options.new_tokens;
  json["sequences"] = options.sequences;
  if (!decode.empty()) decode.Write("decode_tokens_per_second", json);
  FOOTNOTE_RETURN_IF_ERROR(WriteShares(options, *model, prefill, decode, json));
  if (options.speculation) FOOTNOTE_RETURN_IF_ERROR(bench.Speculation(prompts, json));
  json["peak_resident_bytes"] = ReadResidentMemory().peak_bytes;
  PrintBench(json, options.model.json);
  return OkStatus();
}

}  // namespace footnote::server
