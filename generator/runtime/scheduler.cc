#include "generator/runtime/scheduler.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "generator/runtime/sampler.h"

namespace footnote::generator {
namespace {

using Clock = std::chrono::steady_clock;

// Rows of logits that scoring may ask for in one pass: a row of a large vocabulary is a megabyte.
constexpr int64_t kScoringRowsPerStep = 64;

double Milliseconds(Clock::duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

}  // namespace

struct Scheduler::Job {
  explicit Job(PagePool* pool) : pages(pool) {}

  // Set by the caller before it submits.
  std::vector<TokenId> tokens;  // prompt; then what was generated, or the continuation to score
  size_t prompt_size = 0;
  int64_t max_positions = 0;  // pages are reserved for as many
  CallContext call;
  // Generating:
  std::optional<Sampler> sampler;
  const TextGenerator::TokenSink* sink = nullptr;
  int max_tokens = 0;
  bool ignore_eos = false;
  std::string tenant;

  // The scheduler's.
  PageList pages;
  size_t written = 0;  // tokens whose keys and values are in the cache
  GenerationResult result;
  std::vector<float> scores;
  Clock::time_point admitted, prompt_done;
  bool ended = false;  // on the scheduler's thread

  // Between the two.
  std::mutex mutex;
  std::condition_variable done_signal;
  bool done = false;
  Status status;

  bool scoring() const { return !sampler.has_value(); }
  // Tokens whose rows must be computed: the last token of a scored text predicts nothing.
  size_t rows_wanted() const { return scoring() ? tokens.size() - 1 : tokens.size(); }
  // The first row whose logits are wanted.
  size_t first_logits_row() const { return scoring() ? prompt_size - 1 : tokens.size() - 1; }
  bool generating() const { return !scoring() && tokens.size() > prompt_size; }
};

struct Scheduler::Piece {
  JobPtr job;
  int64_t rows = 0;
  int64_t logits_rows = 0;   // the last ones of its rows
  int64_t first_logits = 0;  // where they are in the pass's logits
};

StatusOr<std::unique_ptr<Scheduler>> Scheduler::Create(StepRunner* runner,
                                                       SchedulerOptions options) {
  if (options.max_running < 1 || options.max_queued < 0) {
    return InvalidArgumentError("max_running must be above 0 and max_queued not below it");
  }
  if (options.batch_budget_tokens <= options.max_running) {
    return InvalidArgumentError(
        "batch_budget_tokens (" + std::to_string(options.batch_budget_tokens) +
        ") must be above max_running (" + std::to_string(options.max_running) +
        "), or prompts would wait for ever beside running generations");
  }
  if (options.context_tokens < 1) return InvalidArgumentError("context_tokens must be above 0");
  return std::unique_ptr<Scheduler>(new Scheduler(runner, std::move(options)));
}

Scheduler::Scheduler(StepRunner* runner, SchedulerOptions options)
    : runner_(runner),
      options_(std::move(options)),
      prefixes_(&runner->pages()),
      thread_([this] { Run(); }) {}

Scheduler::~Scheduler() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

Status Scheduler::CheckInput(std::span<const TokenId> tokens, int64_t new_tokens) const {
  if (tokens.empty()) return InvalidArgumentError("the prompt is empty");
  for (const TokenId id : tokens) {
    if (id < 0 || id >= runner_->vocabulary_size()) {
      return InvalidArgumentError("token id " + std::to_string(id) +
                                  " is not in the vocabulary of " +
                                  std::to_string(runner_->vocabulary_size()));
    }
  }
  const int64_t positions = static_cast<int64_t>(tokens.size()) + new_tokens;
  if (positions > options_.context_tokens) {
    return InvalidArgumentError("prompt and answer need " + std::to_string(positions) +
                                " tokens; the context holds " +
                                std::to_string(options_.context_tokens));
  }
  const int64_t pages = PagePool::PagesFor(positions);
  if (pages > runner_->pages().total()) {
    return ResourceExhaustedError(
        "prompt and answer need " + std::to_string(pages) + " pages and the whole KV cache has " +
        std::to_string(runner_->pages().total()) + "; ask for fewer tokens or enlarge the cache");
  }
  return OkStatus();
}

Status Scheduler::SubmitAndWait(const JobPtr& job) {
  if (Status status = job->call.Check(); !status.ok()) {
    Count(*job, status);
    return status;
  }
  {
    std::lock_guard lock(mutex_);
    if (stopping_) return CancelledError("the generator is shutting down");
    if (active_ >= options_.max_running + options_.max_queued) {
      return ResourceExhaustedError("the generator's queue is full (" +
                                    std::to_string(options_.max_queued) +
                                    " requests wait); try again later");
    }
    ++active_;
    waiting_.push_back(job);
  }
  wake_.notify_all();
  std::unique_lock lock(job->mutex);
  job->done_signal.wait(lock, [&] { return job->done; });
  return job->status;
}

StatusOr<GenerationResult> Scheduler::Generate(const GenerationRequest& request,
                                               const CallContext& call,
                                               const TextGenerator::TokenSink& sink) {
  if (request.max_tokens < 1) return InvalidArgumentError("max_tokens must be above 0");
  FOOTNOTE_RETURN_IF_ERROR(CheckInput(request.prompt, request.max_tokens));
  FOOTNOTE_ASSIGN_OR_RETURN(Sampler sampler, Sampler::Create(request.sampling, request.banned,
                                                             runner_->vocabulary_size()));
  auto job = std::make_shared<Job>(&runner_->pages());
  job->tokens = request.prompt;
  job->prompt_size = request.prompt.size();
  job->max_positions = static_cast<int64_t>(request.prompt.size()) + request.max_tokens;
  job->call = call;
  job->sampler = std::move(sampler);
  job->sink = &sink;
  job->max_tokens = request.max_tokens;
  job->ignore_eos = request.ignore_eos;
  job->tenant = request.tenant;
  FOOTNOTE_RETURN_IF_ERROR(SubmitAndWait(job));
  return std::move(job->result);
}

StatusOr<std::vector<float>> Scheduler::LogProbabilities(std::span<const TokenId> prompt,
                                                         std::span<const TokenId> continuation,
                                                         const CallContext& call) {
  auto job = std::make_shared<Job>(&runner_->pages());
  job->tokens.assign(prompt.begin(), prompt.end());
  job->tokens.insert(job->tokens.end(), continuation.begin(), continuation.end());
  if (prompt.empty()) return InvalidArgumentError("the prompt is empty");
  FOOTNOTE_RETURN_IF_ERROR(CheckInput(job->tokens, 0));
  if (continuation.empty()) return std::vector<float>();
  job->prompt_size = prompt.size();
  job->max_positions = static_cast<int64_t>(job->tokens.size());
  job->call = call;
  FOOTNOTE_RETURN_IF_ERROR(SubmitAndWait(job));
  return std::move(job->scores);
}

void Scheduler::Run() {
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !waiting_.empty() || !running_.empty(); });
      if (stopping_) {
        EndAll(CancelledError("the generator is shutting down"));
        return;
      }
      DropEnded();
      Admit();
    }
    if (!running_.empty()) Step();
    // Outside of mutex_, which a caller's next Generate needs.
    const auto ended = [](const JobPtr& job) { return job->ended; };
    const auto gone = std::erase_if(running_, ended);
    std::lock_guard lock(mutex_);
    active_ -= static_cast<int>(gone);
  }
}

void Scheduler::DropEnded() {
  for (const JobPtr& job : waiting_) {
    if (Status status = job->call.Check(); !status.ok()) End(*job, std::move(status));
  }
  active_ -=
      static_cast<int>(std::erase_if(waiting_, [](const JobPtr& job) { return job->ended; }));
  for (const JobPtr& job : running_) {
    if (Status status = job->call.Check(); !status.ok()) End(*job, std::move(status));
  }
  active_ -=
      static_cast<int>(std::erase_if(running_, [](const JobPtr& job) { return job->ended; }));
}

void Scheduler::Admit() {
  // In order of arrival: a small request never overtakes a large one that waits for pages, so
  // nobody starves.
  while (!waiting_.empty() && static_cast<int>(running_.size()) < options_.max_running) {
    const JobPtr& job = waiting_.front();
    if (!ReservePages(*job)) return;
    job->admitted = Clock::now();
    running_.push_back(job);
    waiting_.pop_front();
  }
}

// What is known of the prompt, then pages for the rest; of what only the cache holds, as much is
// given up as that takes.
bool Scheduler::ReservePages(Job& job) {
  if (options_.reuse_prefixes) {
    // The prompt's last row must be computed: its logits are what comes next.
    const auto known = static_cast<int64_t>(job.prompt_size - 1) / kernels::kPageTokens;
    for (const int32_t page : prefixes_.Match(job.tenant, job.tokens, known)) {
      job.pages.AppendShared(page);
    }
  }
  const auto shared = static_cast<int64_t>(job.pages.pages().size());
  const int64_t missing = PagePool::PagesFor(job.max_positions) - shared;
  if (missing > runner_->pages().free()) prefixes_.Evict(missing);
  if (!job.pages.Reserve(job.max_positions).ok()) {
    job.pages.Clear();
    return false;
  }
  job.written = static_cast<size_t>(shared * kernels::kPageTokens);
  job.result.cached_prompt_tokens = static_cast<int64_t>(job.written);
  return true;
}

void Scheduler::Remember(const Job& job) {
  if (!options_.reuse_prefixes) return;
  prefixes_.Insert(job.tenant, std::span(job.tokens).first(job.written), job.pages.pages());
}

void Scheduler::EndAll(const Status& status) {
  for (const JobPtr& job : waiting_) End(*job, status);
  for (const JobPtr& job : running_) End(*job, status);
  waiting_.clear();
  running_.clear();
  active_ = 0;
}

void Scheduler::End(Job& job, Status status) {
  if (job.prompt_done != Clock::time_point()) {
    job.result.prefill_ms = Milliseconds(job.prompt_done - job.admitted);
    job.result.decode_ms = Milliseconds(Clock::now() - job.prompt_done);
  }
  if (status.ok()) Remember(job);
  job.pages.Clear();
  job.ended = true;
  Count(job, status);
  std::lock_guard lock(job.mutex);
  job.status = std::move(status);
  job.done = true;
  job.done_signal.notify_all();
}

void Scheduler::Count(const Job& job, const Status& status) {
  const auto generated = static_cast<int64_t>(job.result.tokens.size());
  const std::lock_guard lock(stats_mutex_);
  stats_.prompt_tokens += static_cast<int64_t>(job.prompt_size);
  stats_.cached_prompt_tokens += job.result.cached_prompt_tokens;
  stats_.generated_tokens += generated;
  if (!status.ok() && !job.scoring()) stats_.tokens_not_generated += job.max_tokens - generated;
}

GeneratorStats Scheduler::stats() const {
  int active = 0;
  int waiting = 0;
  {
    const std::lock_guard lock(mutex_);
    active = active_;
    waiting = static_cast<int>(waiting_.size());
  }
  const std::lock_guard lock(stats_mutex_);
  GeneratorStats stats = stats_;
  stats.running = active - waiting;
  stats.waiting = waiting;
  return stats;
}

std::vector<Scheduler::Piece> Scheduler::PlanPieces() {
  std::vector<Piece> pieces;
  int64_t budget = options_.batch_budget_tokens;
  for (const JobPtr& job : running_) {
    if (!job->generating()) continue;
    pieces.push_back({job, 1, 1, 0});
    --budget;
  }
  int64_t scoring_rows = kScoringRowsPerStep;
  for (const JobPtr& job : running_) {
    if (job->generating()) continue;
    const int64_t written = static_cast<int64_t>(job->written);
    const int64_t first_logits = static_cast<int64_t>(job->first_logits_row());
    int64_t end = std::min(static_cast<int64_t>(job->rows_wanted()), written + budget);
    if (job->scoring()) {
      end = std::min(end, std::max(written, first_logits) + scoring_rows);
      scoring_rows -= std::max<int64_t>(0, end - std::max(written, first_logits));
    }
    if (end <= written) continue;
    const int64_t rows = end - written;
    pieces.push_back({job, rows, std::clamp<int64_t>(end - first_logits, 0, rows), 0});
    budget -= rows;
  }
  return pieces;
}

void Scheduler::Step() {
  std::vector<Piece> pieces = PlanPieces();
  std::vector<TokenId> ids;
  std::vector<kernels::KvSequence> sequences;
  std::vector<int64_t> logits_rows;
  for (Piece& piece : pieces) {
    Job& job = *piece.job;
    kernels::KvSequence sequence;
    sequence.first_row = static_cast<int64_t>(ids.size());
    sequence.rows = piece.rows;
    sequence.first_position = static_cast<int64_t>(job.written);
    sequence.pages = job.pages.pages();
    sequences.push_back(sequence);
    const auto first = job.tokens.begin() + static_cast<ptrdiff_t>(job.written);
    ids.insert(ids.end(), first, first + static_cast<ptrdiff_t>(piece.rows));
    piece.first_logits = static_cast<int64_t>(logits_rows.size());
    for (int64_t i = piece.logits_rows; i > 0; --i) {
      logits_rows.push_back(static_cast<int64_t>(ids.size()) - i);
    }
  }
  const int64_t vocabulary = runner_->vocabulary_size();
  const size_t logits_wanted = logits_rows.size() * static_cast<size_t>(vocabulary);
  if (logits_.size() < logits_wanted) logits_.resize(logits_wanted);
  const kernels::Matrix logits =
      kernels::Matrix::Of(logits_.data(), static_cast<int64_t>(logits_rows.size()), vocabulary);
  const Status status = runner_->Step({ids, sequences, logits_rows}, logits);
  for (Piece& piece : pieces) {
    if (!status.ok()) {
      End(*piece.job, status);
    } else {
      Deliver(piece, logits);
    }
  }
}

void Scheduler::Deliver(Piece& piece, kernels::Matrix logits) {
  Job& job = *piece.job;
  const size_t vocabulary = static_cast<size_t>(logits.shape[1]);
  const auto row = [&](int64_t i) {
    return std::span<float>(logits.row(piece.first_logits + i), vocabulary);
  };
  job.written += static_cast<size_t>(piece.rows);
  // Pages of the prompt are known as soon as they are full: a request that comes meanwhile shares
  // them. Those of the answer follow when it ends.
  if (!job.generating()) Remember(job);
  if (!job.scoring()) {
    if (piece.logits_rows > 0) DeliverToken(job, row(0));
    return;
  }
  for (int64_t i = 0; i < piece.logits_rows; ++i) {
    const TokenId next = job.tokens[job.prompt_size + job.scores.size()];
    job.scores.push_back(LogProbability(row(i), next));
  }
  if (job.written == job.rows_wanted()) End(job, OkStatus());
}

void Scheduler::DeliverToken(Job& job, std::span<float> logits) {
  std::vector<TokenId>& generated = job.result.tokens;
  if (generated.empty()) job.prompt_done = Clock::now();
  const StatusOr<TokenId> token = job.sampler->Sample(logits, generated);
  if (!token.ok()) return End(job, token.status());
  const std::vector<TokenId>& ends = options_.end_of_generation;
  if (!job.ignore_eos && std::find(ends.begin(), ends.end(), *token) != ends.end()) {
    job.result.finish = FinishReason::kEndOfGeneration;
    return End(job, OkStatus());
  }
  generated.push_back(*token);
  job.tokens.push_back(*token);
  const bool go_on = !*job.sink || (*job.sink)(*token);
  if (!go_on) {
    job.result.finish = FinishReason::kStopped;
    return End(job, OkStatus());
  }
  if (static_cast<int>(generated.size()) == job.max_tokens) {
    job.result.finish = FinishReason::kLength;
    return End(job, OkStatus());
  }
}

}  // namespace footnote::generator
