#include "generator/runtime/query_likelihood.h"

#include <algorithm>
#include <cmath>
#include <future>
#include <utility>

namespace footnote::generator {
namespace {

// Scored together, so that their rows share passes; a cancelled call waits for the pass.
constexpr size_t kAtOnce = 8;
// Chunks are shorter; and more of a passage costs time in proportion.
constexpr size_t kMostPassageTokens = 512;
// Of the context, so that a passage finds room beside the longest question.
constexpr size_t kQuestionShare = 4;
// Measured: docs/quality.md. From 0.5 to 0.8 there is little between them.
constexpr double kShare = 0.6;

}  // namespace

QueryLikelihood::QueryLikelihood(TextGenerator* generator, std::string model_sha256)
    : generator_(generator),
      model_sha256_(std::move(model_sha256)),
      name_(generator->name() + " (query likelihood)") {
  const Tokenizer& tokenizer = generator->tokenizer();
  const std::vector<TokenId> around = tokenizer.Encode("", {});
  if (tokenizer.bos().has_value() && !around.empty() && around.front() == *tokenizer.bos()) {
    lead_ = {around.front()};
  }
  asks_ = tokenizer.Encode("\n\nQuestion:", {.add_special = false});
}

double QueryLikelihood::share() const { return kShare; }

StatusOr<double> QueryLikelihood::MeanLogProbability(std::span<const TokenId> passage,
                                                     std::span<const TokenId> question,
                                                     const CallContext& call) const {
  std::vector<TokenId> prompt = lead_;
  prompt.insert(prompt.end(), passage.begin(), passage.end());
  prompt.insert(prompt.end(), asks_.begin(), asks_.end());
  FOOTNOTE_ASSIGN_OR_RETURN(const std::vector<float> logs,
                            generator_->LogProbabilities(prompt, question, call));
  double sum = 0;
  for (const float log : logs) sum += static_cast<double>(log);
  return sum / static_cast<double>(logs.size());
}

StatusOr<std::vector<float>> QueryLikelihood::Score(std::string_view query,
                                                    std::span<const std::string_view> texts,
                                                    const CallContext& call) const {
  if (texts.empty()) return std::vector<float>();
  const Tokenizer& tokenizer = generator_->tokenizer();
  const auto context = static_cast<size_t>(generator_->context_tokens());
  std::vector<TokenId> question =
      tokenizer.Encode(std::string(" ").append(query), {.add_special = false});
  if (question.size() > context / kQuestionShare) question.resize(context / kQuestionShare);
  const size_t beside = lead_.size() + asks_.size() + question.size();
  if (question.empty() || beside >= context) {
    return InvalidArgumentError(generator_->name() + ": a context of " + std::to_string(context) +
                                " tokens is too short to score a question");
  }
  const size_t room = std::min(context - beside, kMostPassageTokens);
  FOOTNOTE_ASSIGN_OR_RETURN(const double alone, MeanLogProbability({}, question, call));
  std::vector<float> scores;
  for (size_t first = 0; first < texts.size(); first += kAtOnce) {
    FOOTNOTE_RETURN_IF_ERROR(call.Check());
    std::vector<std::future<StatusOr<double>>> means;
    for (size_t i = first; i < std::min(first + kAtOnce, texts.size()); ++i) {
      means.push_back(std::async(std::launch::async, [&, text = texts[i]] {
        std::vector<TokenId> passage = tokenizer.Encode(text, {.add_special = false});
        if (passage.size() > room) passage.resize(room);
        return MeanLogProbability(passage, question, call);
      }));
    }
    // All are waited for, also behind one that failed: they look at what lives here.
    Status failed;
    for (std::future<StatusOr<double>>& each : means) {
      const StatusOr<double> mean = each.get();
      if (!mean.ok()) failed = mean.status();
      if (mean.ok()) scores.push_back(static_cast<float>(1 / (1 + std::exp(alone - *mean))));
    }
    FOOTNOTE_RETURN_IF_ERROR(failed);
  }
  return scores;
}

}  // namespace footnote::generator
