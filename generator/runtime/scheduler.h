// Many requests, one model: continuous batching by a token budget, on one thread.
//
// Every step makes one forward pass: first one row for each sequence that is generating, then
// pieces of waiting prompts, oldest first, until the budget is spent. A request is admitted, in
// order of arrival, when pages for its prompt and all its new tokens are free, so an admitted
// request always ends. Callers block. Rows do not influence one another, so a request's tokens do
// not depend on what else runs. Private to the generator room.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "common/call_context.h"
#include "common/status.h"
#include "generator/arch/network.h"
#include "generator/runtime/kv_cache.h"
#include "generator/runtime/prefix_cache.h"
#include "generator/text_generator.h"

namespace footnote::generator {

// What the scheduler drives: a decoder with its cache, or a fake in tests. Threads: one at a time.
class StepRunner {
 public:
  virtual ~StepRunner() = default;
  virtual int64_t vocabulary_size() const = 0;
  virtual PagePool& pages() = 0;
  // One pass; logits [batch.logits_rows.size(), vocabulary_size].
  virtual Status Step(const DecoderBatch& batch, kernels::Matrix logits) = 0;
};

struct SchedulerOptions {
  int max_running = 16;
  int max_queued = 64;
  int batch_budget_tokens = 512;  // above max_running, so that prompts advance beside generation
  int64_t context_tokens = 0;     // longest prompt and answer together
  // Keeps what prompts left in free pages, for later and concurrent requests of the same tenant
  // that begin alike.
  bool reuse_prefixes = true;
  std::vector<TokenId> end_of_generation;
};

// Threads: Generate and LogProbabilities may be called from any number.
class Scheduler {
 public:
  // Errors: INVALID_ARGUMENT names an option out of its range. `runner` outlives the scheduler.
  static StatusOr<std::unique_ptr<Scheduler>> Create(StepRunner* runner, SchedulerOptions options);

  // Ends calls in flight with CANCELLED.
  ~Scheduler();

  // As TextGenerator.
  StatusOr<GenerationResult> Generate(const GenerationRequest& request, const CallContext& call,
                                      const TextGenerator::TokenSink& sink);
  StatusOr<std::vector<float>> LogProbabilities(std::span<const TokenId> prompt,
                                                std::span<const TokenId> continuation,
                                                const CallContext& call);
  GeneratorStats stats() const;

 private:
  struct Job;
  struct Piece;  // a job's rows in one pass
  using JobPtr = std::shared_ptr<Job>;

  Scheduler(StepRunner* runner, SchedulerOptions options);

  Status CheckInput(std::span<const TokenId> tokens, int64_t new_tokens) const;
  Status SubmitAndWait(const JobPtr& job);
  void Run();
  void Admit();  // needs mutex_
  bool ReservePages(Job& job);
  void Remember(const Job& job);
  void DropEnded();                   // cancelled or late ones; needs mutex_
  void EndAll(const Status& status);  // needs mutex_
  void End(Job& job, Status status);
  void Count(const Job& job, const Status& status);
  void Step();
  std::vector<Piece> PlanPieces();
  void Deliver(Piece& piece, kernels::Matrix logits);
  void DeliverToken(Job& job, std::span<float> logits);

  StepRunner* runner_;
  const SchedulerOptions options_;
  mutable std::mutex mutex_;  // guards waiting_, active_, stopping_
  std::condition_variable wake_;
  std::deque<JobPtr> waiting_;
  int active_ = 0;  // waiting and running
  bool stopping_ = false;
  std::vector<JobPtr> running_;  // the scheduler thread's
  std::vector<float> logits_;    // the scheduler thread's
  PrefixCache prefixes_;         // the scheduler thread's
  mutable std::mutex stats_mutex_;
  GeneratorStats stats_;  // without what is running and waiting now
  std::thread thread_;    // last: it uses all of the above
};

}  // namespace footnote::generator
