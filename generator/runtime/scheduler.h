// Many requests, one model: continuous batching by a token budget, on one thread.
//
// Every step makes one forward pass: first the rows of the sequences that are generating, then
// pieces of prompts until the budget is spent. Of the rows for prompts the oldest takes half, the
// others share the rest equally, and what they leave is the oldest's again: a short question passes
// a long one, and the oldest is never slower than half. A request is admitted, in order of arrival,
// when pages for its prompt and all its new tokens are free, so an admitted request always ends.
// Callers block. Rows do not influence one another, so a request's tokens do not depend on what
// else runs.
//
// A sequence that generates has its last token in the pass, and behind it what prompt_lookup.h
// guesses comes next. Row by row the sampler chooses as if nothing were guessed; while its choice
// is the guess, the next row is valid and gives a further token. Behind the first that differs the
// rest is dropped: its positions lie within the reservation and are written again by the next step.
// So tokens are the same with and without guesses. Private to the generator room.
#pragma once

#include <atomic>
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
#include "generator/runtime/speculation.h"
#include "generator/text_generator.h"

namespace footnote::generator {

// Which tokens may be chosen after a row: bit i of word i / 32. No words: all.
struct AllowedTokens {
  std::vector<uint32_t> words;
};

// What the scheduler drives: a decoder with its cache, or a fake in tests. Threads: one at a time.
class StepRunner {
 public:
  virtual ~StepRunner() = default;
  virtual int64_t vocabulary_size() const = 0;
  virtual PagePool& pages() = 0;
  // One pass; logits [batch.logits_rows.size(), vocabulary_size].
  virtual Status Step(const DecoderBatch& batch, kernels::Matrix logits) = 0;
  // Where the logits are far away: a pass, and the likeliest allowed token (the lowest id among
  // equals) behind each row of batch.logits_rows, -1 where none is a number. Asked for only where
  // chooses() says so.
  virtual bool chooses() const { return false; }
  virtual Status Choose(const DecoderBatch&, std::span<const AllowedTokens>, std::span<TokenId>) {
    return UnimplementedError("this runner gives logits, not tokens");
  }
};

struct SchedulerOptions {
  int max_running = 16;
  int max_queued = 64;
  // Rows of a pass; above max_running, so that prompts advance beside generation. Cancels and
  // deadlines are looked at between passes, so it bounds how long they go unseen.
  int batch_budget_tokens = 256;
  int64_t context_tokens = 0;  // longest prompt and answer together
  int guess_tokens = 8;        // of a sequence in a pass at most; 0: nothing is guessed
  // Keeps what prompts left in free pages, for later and concurrent requests of the same tenant
  // that begin alike. What is only scored leaves and takes nothing: it has no tenant.
  bool reuse_prefixes = true;
  std::vector<TokenId> end_of_generation;
  // NetworkShape's: a sequence that grows beyond so many positions is read anew, since all its keys
  // are rotated otherwise then; prefixes are shared among the shorter and among the longer. 0: no
  // such length.
  int64_t short_rotation_tokens = 0;
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
  Status QueueIsFull() const;
  Status SubmitAndWait(const JobPtr& job);
  void Run();
  void Admit();  // needs mutex_
  bool ReservePages(Job& job);
  bool SharesPrefixes(const Job& job) const;
  bool IsLong(int64_t positions) const;
  // Whether its pages may yet be written anew, so that nobody else may read them.
  bool MayTurnLong(const Job& job) const;
  void Remember(const Job& job);
  void DropEnded();                   // cancelled or late ones; needs mutex_
  void EndAll(const Status& status);  // needs mutex_
  void End(Job& job, Status status);
  void Count(const Job& job, const Status& status);
  void Step();
  std::vector<Piece> PlanPieces();
  void PlanGenerating(std::vector<Piece>& pieces);
  void PlanPrompts(int64_t budget, std::vector<Piece>& pieces);
  // What comes out of a pass: logits, or, when all that is wanted of them are the likeliest tokens
  // and the runner chooses, those tokens.
  struct PassResult {
    kernels::Matrix logits;
    std::span<const TokenId> chosen;
  };
  Status RunPass(std::vector<Piece>& pieces, PassResult& result);
  bool Chooses(const std::vector<Piece>& pieces) const;
  std::vector<AllowedTokens> AllowedIn(const std::vector<Piece>& pieces) const;
  void Deliver(Piece& piece, const PassResult& result);
  void DeliverTokens(Piece& piece, const PassResult& result);
  bool DeliverToken(Job& job, TokenId token);  // false: the job has ended
  void EstimateRoom();

  StepRunner* runner_;
  const SchedulerOptions options_;
  mutable std::mutex mutex_;  // guards waiting_, active_, stopping_
  std::condition_variable wake_;
  std::deque<JobPtr> waiting_;
  int active_ = 0;  // waiting and running
  bool stopping_ = false;
  std::vector<JobPtr> running_;         // the scheduler thread's
  std::vector<float> logits_;           // the scheduler thread's
  std::vector<TokenId> chosen_;         // the scheduler thread's
  PrefixCache prefixes_;                // the scheduler thread's
  AcceptanceRates rates_;               // the scheduler thread's; of all requests
  PassCosts costs_;                     // the scheduler thread's
  double pass_ms_ = 0;                  // the scheduler thread's; moving average of all passes
  std::atomic<int64_t> room_in_ms_{0};  // when the next running request ends, at the latest
  mutable std::mutex stats_mutex_;
  GeneratorStats stats_;  // without what is running and waiting now
  std::thread thread_;    // last: it uses all of the above
};

}  // namespace footnote::generator
