// One step of the scheduler: what goes into the pass, the pass, and what comes out of it.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <utility>

#include "generator/runtime/scheduler.h"
#include "generator/runtime/scheduler_job.h"

namespace footnote::generator {
namespace {

using Clock = std::chrono::steady_clock;

// Rows of logits that scoring may ask for in one pass: a row of a large vocabulary is a megabyte.
constexpr int64_t kScoringRowsPerStep = 64;

// Weight of the newest pass in the mean that retry hints are made of.
constexpr double kNewestPassShare = 0.1;

}  // namespace

std::vector<Scheduler::Piece> Scheduler::PlanPieces() {
  std::vector<Piece> pieces;
  PlanGenerating(pieces);
  int64_t budget = options_.batch_budget_tokens;
  for (const Piece& piece : pieces) budget -= piece.rows;
  PlanPrompts(budget, pieces);
  return pieces;
}

void Scheduler::PlanGenerating(std::vector<Piece>& pieces) {
  for (const JobPtr& job : running_) {
    if (job->generating()) pieces.push_back({job, 1, 1, 0, {}});
  }
  const auto rows = static_cast<int64_t>(pieces.size());
  const bool alone = pieces.size() == running_.size();
  // Prompts keep half of what they would have without guesses.
  const int64_t beside = (options_.batch_budget_tokens - rows) / (alone ? 1 : 2);
  const int64_t spare = std::min(beside, PassCosts::kMostRows - rows);
  if (options_.guess_tokens == 0 || rows == 0 || spare <= 0) return;
  std::vector<GuessOffer> offers;
  for (Piece& piece : pieces) {
    Job& job = *piece.job;
    // One token comes without a guess, so all positions lie within the reservation.
    int64_t limit = std::min<int64_t>(options_.guess_tokens, job.tokens_left() - 1);
    if (MayTurnLong(job)) {
      // What turns it long must not stand behind rows that are rotated for a short sequence.
      const int64_t room = options_.short_rotation_tokens - static_cast<int64_t>(job.tokens.size());
      limit = std::min(limit, room);
    }
    piece.guess = job.lookup->Next(job.tokens, static_cast<size_t>(limit));
    offers.push_back({piece.guess.match, piece.guess.tokens.size(), &job.rates});
  }
  const std::vector<size_t> lengths =
      alone ? PlanGuesses(offers, rows, spare, costs_) : PlanLikelyGuesses(offers, spare);
  for (size_t i = 0; i < pieces.size(); ++i) {
    pieces[i].guess.tokens.resize(lengths[i]);
    pieces[i].rows = 1 + static_cast<int64_t>(lengths[i]);
    pieces[i].logits_rows = pieces[i].rows;
    pieces[i].job->result.guessed_tokens += static_cast<int64_t>(lengths[i]);
  }
}

void Scheduler::PlanPrompts(int64_t budget, std::vector<Piece>& pieces) {
  struct Want {
    const JobPtr* job;
    int64_t rows;
    int64_t given = 0;
  };
  std::vector<Want> wants;  // oldest first
  int64_t scoring_rows = kScoringRowsPerStep;
  for (const JobPtr& job : running_) {
    if (job->generating()) continue;
    const auto written = static_cast<int64_t>(job->written);
    auto end = static_cast<int64_t>(job->rows_wanted());
    if (job->scoring()) {
      const int64_t first = std::max(written, static_cast<int64_t>(job->first_logits_row()));
      end = std::min(end, first + scoring_rows);
      scoring_rows -= std::max<int64_t>(0, end - first);
    }
    if (end > written) wants.push_back({&job, end - written});
  }
  if (wants.empty()) return;
  int64_t others_half = budget / 2;
  const int64_t others = std::max<int64_t>(1, static_cast<int64_t>(wants.size()) - 1);
  const int64_t share = std::max<int64_t>(1, others_half / others);
  for (size_t i = 1; i < wants.size(); ++i) {
    wants[i].given = std::min({wants[i].rows, share, others_half});
    others_half -= wants[i].given;
    budget -= wants[i].given;
  }
  for (Want& want : wants) {
    const int64_t more = std::min(want.rows - want.given, budget);
    want.given += more;
    budget -= more;
    if (want.given == 0) continue;
    const Job& job = **want.job;
    const int64_t end = static_cast<int64_t>(job.written) + want.given;
    const int64_t logits =
        std::clamp<int64_t>(end - static_cast<int64_t>(job.first_logits_row()), 0, want.given);
    pieces.push_back({*want.job, want.given, logits, 0, {}});
  }
}

// Scores need logits, and so does a draw.
bool Scheduler::Chooses(const std::vector<Piece>& pieces) const {
  return runner_->chooses() && std::all_of(pieces.begin(), pieces.end(), [](const Piece& piece) {
           return piece.logits_rows == 0 || piece.job->only_chooses();
         });
}

// For each row of logits, as if the guesses before it had come true: else it is not looked at.
std::vector<AllowedTokens> Scheduler::AllowedIn(const std::vector<Piece>& pieces) const {
  std::vector<AllowedTokens> allowed;
  const int64_t vocabulary = runner_->vocabulary_size();
  for (const Piece& piece : pieces) {
    if (piece.logits_rows == 0) continue;
    std::vector<TokenId> generated = piece.job->result.tokens;
    for (int64_t i = 0; i < piece.logits_rows; ++i) {
      if (i > 0) generated.push_back(piece.guess.tokens[static_cast<size_t>(i - 1)]);
      allowed.push_back({piece.job->sampler->Allowed(generated, vocabulary)});
    }
  }
  return allowed;
}

Status Scheduler::RunPass(std::vector<Piece>& pieces, PassResult& result) {
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
    sequence.known_positions = static_cast<int64_t>(job.tokens.size());
    sequences.push_back(sequence);
    const std::vector<TokenId>& guess = piece.guess.tokens;
    const auto known = piece.rows - static_cast<int64_t>(guess.size());
    const auto first = job.tokens.begin() + static_cast<ptrdiff_t>(job.written);
    ids.insert(ids.end(), first, first + static_cast<ptrdiff_t>(known));
    ids.insert(ids.end(), guess.begin(), guess.end());
    piece.first_logits = static_cast<int64_t>(logits_rows.size());
    for (int64_t i = piece.logits_rows; i > 0; --i) {
      logits_rows.push_back(static_cast<int64_t>(ids.size()) - i);
    }
  }
  const DecoderBatch batch{ids, sequences, logits_rows};
  const Clock::time_point start = Clock::now();
  Status status;
  if (Chooses(pieces)) {
    chosen_.resize(logits_rows.size());
    status = runner_->Choose(batch, AllowedIn(pieces), chosen_);
    result.chosen = chosen_;
  } else {
    const int64_t vocabulary = runner_->vocabulary_size();
    const size_t logits_wanted = logits_rows.size() * static_cast<size_t>(vocabulary);
    if (logits_.size() < logits_wanted) logits_.resize(logits_wanted);
    result.logits =
        kernels::Matrix::Of(logits_.data(), static_cast<int64_t>(logits_rows.size()), vocabulary);
    status = runner_->Step(batch, result.logits);
  }
  const double pass_ms = std::chrono::duration<double, std::milli>(Clock::now() - start).count();
  const bool decoding_alone = std::all_of(
      pieces.begin(), pieces.end(), [](const Piece& piece) { return piece.job->generating(); });
  if (status.ok() && decoding_alone) costs_.Add(static_cast<int64_t>(ids.size()), pass_ms);
  pass_ms_ += (pass_ms_ == 0 ? 1 : kNewestPassShare) * (pass_ms - pass_ms_);
  return status;
}

void Scheduler::Step() {
  std::vector<Piece> pieces = PlanPieces();
  PassResult result;
  const Status status = RunPass(pieces, result);
  for (Piece& piece : pieces) {
    if (!status.ok()) {
      End(*piece.job, status);
    } else {
      Deliver(piece, result);
    }
  }
  EstimateRoom();
}

// A place in the queue is free when one is in the batch: when the running request ends that has
// the fewest passes before it. An upper bound, since answers end early and guesses come true.
void Scheduler::EstimateRoom() {
  double passes = std::numeric_limits<double>::infinity();
  for (const JobPtr& job : running_) {
    if (job->ended) continue;
    const auto rows = static_cast<double>(job->rows_wanted() - job->written);
    passes = std::min(
        passes, rows / options_.batch_budget_tokens + static_cast<double>(job->tokens_left()));
  }
  if (!std::isfinite(passes)) passes = 1;  // all have just ended
  room_in_ms_ = std::max<int64_t>(1, std::llround(passes * pass_ms_));
}

void Scheduler::Deliver(Piece& piece, const PassResult& result) {
  Job& job = *piece.job;
  const size_t known = static_cast<size_t>(piece.rows) - piece.guess.tokens.size();
  const bool generating = job.generating();
  job.written += known;
  // Pages of the prompt are known as soon as they are full: a request that comes meanwhile shares
  // them. Those of the answer follow when it ends.
  const bool page_filled =
      job.written / kernels::kPageTokens != (job.written - known) / kernels::kPageTokens;
  if (!generating && page_filled) Remember(job);
  if (!job.scoring()) {
    if (piece.logits_rows > 0) DeliverTokens(piece, result);
    return;
  }
  const kernels::Matrix& logits = result.logits;
  const auto vocabulary = static_cast<size_t>(logits.shape[1]);
  for (int64_t i = 0; i < piece.logits_rows; ++i) {
    const TokenId next = job.tokens[job.prompt_size + job.scores.size()];
    const std::span<float> row(logits.row(piece.first_logits + i), vocabulary);
    job.scores.push_back(LogProbability(row, next));
  }
  if (job.written == job.rows_wanted()) End(job, OkStatus());
}

void Scheduler::DeliverTokens(Piece& piece, const PassResult& result) {
  Job& job = *piece.job;
  const std::vector<TokenId>& guess = piece.guess.tokens;
  std::vector<TokenId>& generated = job.result.tokens;
  if (generated.empty()) job.prompt_done = Clock::now();
  for (size_t i = 0; i <= guess.size(); ++i) {
    if (i > 0) {
      // The row of a guess that came true is a row of the sequence.
      ++job.written;
      if (Status status = job.call.Check(); !status.ok()) return End(job, std::move(status));
    }
    const int64_t at = piece.first_logits + static_cast<int64_t>(i);
    const kernels::Matrix& logits = result.logits;
    TokenChoice choice;
    if (result.chosen.empty()) {
      StatusOr<TokenChoice> sampled = job.sampler->SampleAmong(
          {logits.row(at), static_cast<size_t>(logits.shape[1])}, generated, job.alternatives);
      if (!sampled.ok()) return End(job, sampled.status());
      choice = *std::move(sampled);
    } else {
      const StatusOr<TokenId> chosen = Sampler::Chosen(result.chosen[static_cast<size_t>(at)]);
      if (!chosen.ok()) return End(job, chosen.status());
      choice.chosen.id = *chosen;
    }
    const TokenId token = choice.chosen.id;
    const bool guessed = i < guess.size() && guess[i] == token;
    if (i < guess.size()) {
      const int match = piece.guess.match + static_cast<int>(i);
      job.rates.Add(match, guessed);
      rates_.Add(match, guessed);
      if (guessed) ++job.result.accepted_tokens;
    }
    if (job.alternatives > 0) {
      const bool likely = choice.chosen.log_probability >= job.least_log_probability;
      job.result.choices.push_back(std::move(choice));
      if (!likely) {
        job.result.finish = FinishReason::kStopped;
        return End(job, OkStatus());
      }
    }
    if (!DeliverToken(job, token) || !guessed) return;
  }
}

bool Scheduler::DeliverToken(Job& job, TokenId token) {
  const auto end = [&](FinishReason reason) {
    job.result.finish = reason;
    End(job, OkStatus());
    return false;
  };
  const std::vector<TokenId>& ends = options_.end_of_generation;
  if (!job.ignore_eos && std::find(ends.begin(), ends.end(), token) != ends.end()) {
    return end(FinishReason::kEndOfGeneration);
  }
  job.result.tokens.push_back(token);
  job.tokens.push_back(token);
  if (*job.sink && !(*job.sink)(token)) return end(FinishReason::kStopped);
  if (job.tokens_left() == 0) return end(FinishReason::kLength);
  if (!job.long_rotation && IsLong(static_cast<int64_t>(job.tokens.size()))) {
    job.long_rotation = true;
    job.written = 0;
  }
  return true;
}

}  // namespace footnote::generator
