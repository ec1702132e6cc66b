#include "generator/runtime/scheduler.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "generator/runtime/scheduler_job.h"

namespace footnote::generator {
namespace {

using Clock = std::chrono::steady_clock;

// The retry hint before anything was measured.
constexpr std::chrono::milliseconds kUnmeasuredRetry{1000};

double Milliseconds(Clock::duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

}  // namespace

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
  if (options.guess_tokens < 0 || options.guess_tokens >= PassCosts::kMostRows) {
    return InvalidArgumentError("guess_tokens must be from 0 to " +
                                std::to_string(PassCosts::kMostRows - 1));
  }
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
      return QueueIsFull();
    }
    ++active_;
    waiting_.push_back(job);
  }
  wake_.notify_all();
  std::unique_lock lock(job->mutex);
  job->done_signal.wait(lock, [&] { return job->done; });
  return job->status;
}

Status Scheduler::QueueIsFull() const {
  const std::chrono::milliseconds measured(room_in_ms_.load());
  const std::chrono::milliseconds delay = measured.count() > 0 ? measured : kUnmeasuredRetry;
  return ResourceExhaustedError(
             "the generator's queue is full (" + std::to_string(options_.max_queued) +
             " requests wait); try again in " + std::to_string(delay.count()) + " ms")
      .WithRetryAfter(delay);
}

StatusOr<GenerationResult> Scheduler::Generate(const GenerationRequest& request,
                                               const CallContext& call,
                                               const TextGenerator::TokenSink& sink) {
  if (request.max_tokens < 1) return InvalidArgumentError("max_tokens must be above 0");
  if (request.alternatives < 0) return InvalidArgumentError("alternatives must not be below 0");
  FOOTNOTE_RETURN_IF_ERROR(CheckInput(request.prompt, request.max_tokens));
  FOOTNOTE_ASSIGN_OR_RETURN(
      Sampler sampler, Sampler::Create(request.sampling, request.banned, runner_->vocabulary_size(),
                                       request.constraint));
  for (const TokenSpan& span : request.quotable) {
    if (span.begin > span.end || span.end > request.prompt.size()) {
      return InvalidArgumentError("a quotable span ends outside the prompt of " +
                                  std::to_string(request.prompt.size()) + " tokens");
    }
  }
  auto job = std::make_shared<Job>(&runner_->pages());
  job->tokens = request.prompt;
  job->prompt_size = request.prompt.size();
  job->max_positions = static_cast<int64_t>(request.prompt.size()) + request.max_tokens;
  job->call = call;
  job->sampler = std::move(sampler);
  job->sink = &sink;
  job->max_tokens = request.max_tokens;
  job->ignore_eos = request.ignore_eos;
  job->alternatives = request.alternatives;
  job->least_log_probability = request.least_log_probability;
  job->tenant = request.tenant;
  // Here, on the caller's thread, the index costs the batch no time.
  if (options_.guess_tokens > 0) job->lookup.emplace(request.prompt, request.quotable);
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
    job->rates = rates_.AsStart();
    running_.push_back(job);
    waiting_.pop_front();
  }
}

// What is known of the prompt, then pages for the rest; of what only the cache holds, as much is
// given up as that takes.
bool Scheduler::ReservePages(Job& job) {
  job.long_rotation = IsLong(static_cast<int64_t>(job.tokens.size()));
  if (SharesPrefixes(job)) {
    // The prompt's last row must be computed: its logits are what comes next.
    const auto known = static_cast<int64_t>(job.prompt_size - 1) / kernels::kPageTokens;
    for (const int32_t page : prefixes_.Match(job.prefix_group(), job.tokens, known)) {
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

bool Scheduler::SharesPrefixes(const Job& job) const {
  return options_.reuse_prefixes && !job.scoring() && !MayTurnLong(job);
}

bool Scheduler::IsLong(int64_t positions) const {
  return options_.short_rotation_tokens > 0 && positions > options_.short_rotation_tokens;
}

bool Scheduler::MayTurnLong(const Job& job) const {
  return !job.ended && !job.long_rotation && IsLong(job.max_positions);
}

void Scheduler::Remember(const Job& job) {
  if (!SharesPrefixes(job)) return;
  prefixes_.Insert(job.prefix_group(), std::span(job.tokens).first(job.written), job.pages.pages());
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
  job.ended = true;
  if (status.ok()) Remember(job);
  job.pages.Clear();
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
  stats_.guessed_tokens += job.result.guessed_tokens;
  stats_.accepted_tokens += job.result.accepted_tokens;
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

}  // namespace footnote::generator
