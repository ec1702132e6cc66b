// Writing anew where the first try gave nothing: from the best places alone, in their order; and,
// for a summary, with their words alone.
#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "common/text/sentences.h"
#include "common/text/utf8.h"
#include "server/answer_run.h"

namespace footnote::server {

using generator::Prompt;
using generator::Support;
using generator::TokenId;

namespace {

// What the model is made to say is dropped: the least mean natural-log probability of a sentence's
// tokens, and the least of any, without the automaton. Of 90 sentences that were read, nearly all
// below made no sense, and nearly all above did (docs/grounding.md).
constexpr double kLeastMeanLogProbability = -0.85;
constexpr double kLeastLogProbability = -6.2;
// New tokens at most: a longer sentence is no short answer.
constexpr int kMostTokens = 72;
// Beginnings of a sentence that are tried, the longest first.
constexpr size_t kMostBeginnings = 3;

// Whether a word makes a sentence of what stands before a comma: "The mill, a large one," is none.
bool HasVerb(std::string_view text) {
  constexpr auto kVerbs =
      std::to_array<std::string_view>({" are ", " be ", " been ", " can ", " had ", " has ",
                                       " have ", " is ", " was ", " were ", " will "});
  return std::any_of(kVerbs.begin(), kVerbs.end(), [&](std::string_view verb) {
    return text.find(verb) != std::string_view::npos;
  });
}

}  // namespace

// The best spans alone: a small model reads three sentences better than a thousand words.
Status AnswerRun::WriteFocused(size_t spans, const Plan& plan, const SentenceScorer& sentences,
                               AnswerBuilder& builder) {
  std::vector<Passage> focus;
  std::vector<std::string_view> sources;
  for (const Support& quotation : quotations_) {
    if (focus.size() == spans) break;
    sources.push_back(TextOf(quotation));
    Passage& passage = focus.emplace_back(PassageOf(quotation));
    passage.text = TextOf(quotation);
    passage.span = quotation.span;
  }
  FOOTNOTE_ASSIGN_OR_RETURN(
      Prompt prompt, generator::BuildGroundedPrompt(*generator_, request_.question,
                                                    request_.history, focus, PromptLimits()));
  generator::GenerationRequest generation = Generation(std::move(prompt));
  const auto in_order = generator::InOrderFrom(generator_->tokenizer(), sources, asked_);
  generation.constraint = in_order;
  generation.max_tokens = std::min(generation.max_tokens, kMostTokens);
  answer_.tokens.prompt += static_cast<int64_t>(generation.prompt.size());
  std::string text;
  FOOTNOTE_ASSIGN_OR_RETURN(
      const generator::GenerationResult written,
      generator_->Generate(generation, call_, [&](TokenId token) {
        text += generator_->tokenizer().Decode(std::span(&token, 1), /*skip_special=*/true);
        return !IsValidUtf8(text) || SplitSentences(text).size() < 2;  // one sentence
      }));
  answer_.tokens.completion += static_cast<int64_t>(written.tokens.size());
  Count(written);
  FOOTNOTE_ASSIGN_OR_RETURN(const std::vector<std::string> beginnings,
                            LikelyBeginnings(generation.prompt, written.tokens, *in_order));
  for (const std::string& beginning : beginnings) {
    FOOTNOTE_ASSIGN_OR_RETURN(
        const Trial trial, Try(beginning, SentenceOrigin::kRegenerated, plan, sentences, builder));
    if (trial == Trial::kReleased) break;
  }
  return OkStatus();
}

// The first sentence, and what of it stands before a comma, as far as the model would say it
// without an automaton; the longest first. Where an automaton leaves a model no good word, it goes
// on with a bad one, mostly behind a comma.
StatusOr<std::vector<std::string>> AnswerRun::LikelyBeginnings(std::span<const TokenId> prompt,
                                                               std::span<const TokenId> written,
                                                               const generator::InOrder& in_order) {
  std::vector<std::string> beginnings;
  if (written.empty()) return beginnings;
  const Clock::time_point start = Clock::now();
  FOOTNOTE_ASSIGN_OR_RETURN(const std::vector<float> scores,
                            generator_->LogProbabilities(prompt, written, call_));
  const auto text_of = [&](size_t begin, size_t end) {
    return generator_->tokenizer().Decode(written.subspan(begin, end - begin),
                                          /*skip_special=*/true);
  };
  double sum = 0;
  for (size_t i = 0; i < written.size() && scores[i] >= kLeastLogProbability; ++i) {
    sum += static_cast<double>(scores[i]);
    const bool likely = sum >= kLeastMeanLogProbability * static_cast<double>(i + 1);
    const std::string last = text_of(i, i + 1);
    const std::string next = i + 1 < written.size() ? text_of(i + 1, i + 2) : "";
    if (last == "." && (next.empty() || next.front() == ' ') && likely &&
        in_order.MayEndBehind(written.first(i))) {
      beginnings.push_back(text_of(0, i + 1));
      break;
    }
    if (!next.starts_with(',') || !likely) continue;
    const std::string text = text_of(0, i + 1);
    if (HasVerb(text) && in_order.MayEndBehind(written.first(i + 1))) {
      beginnings.push_back(text + ".");
    }
  }
  answer_.timings.verify_ms += MsSince(start);
  std::reverse(beginnings.begin(), beginnings.end());
  if (beginnings.size() > kMostBeginnings) beginnings.resize(kMostBeginnings);
  return beginnings;
}

// Once again from the last good sentence, with words of the spans alone.
Status AnswerRun::WriteCopying(generator::GenerationRequest again,
                               const std::vector<std::string_view>& spans, const Plan& plan,
                               const SentenceScorer& sentences, AnswerBuilder& builder) {
  for (TokenId id : generator_->tokenizer().Encode(
           builder.text(), {.add_special = false, .parse_special = false})) {
    again.prompt.push_back(id);
  }
  again.sampling.seed = request_.seed + 1;
  again.constraint = generator::CopyingFrom(generator_->tokenizer(), spans);
  answer_.tokens.prompt += static_cast<int64_t>(again.prompt.size());
  SentenceStream stream(*generator_, std::move(again), call_);
  return Release(stream, SentenceOrigin::kRegenerated, plan, sentences, builder).status();
}

}  // namespace footnote::server
