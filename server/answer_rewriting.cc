// Writing anew where the first try gave nothing: from the best places alone, in their order; and,
// for a summary, with their words alone.
#include <algorithm>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "generator/sentence_search.h"
#include "server/answer_run.h"

namespace footnote::server {

using generator::Prompt;
using generator::Support;
using generator::TokenId;

namespace {

// Of the sentences that were found: more of the same would not pass either.
constexpr int kMostTried = 4;

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
  const auto in_order = generator::InOrderFrom(generator_->tokenizer(), sources, asked_);
  FOOTNOTE_ASSIGN_OR_RETURN(
      const generator::FoundSentences found,
      generator::FindSentences(*generator_, Generation(std::move(prompt)), in_order, {}, call_));
  answer_.tokens.prompt += found.prompt_tokens;
  answer_.tokens.cached += found.cached_prompt_tokens;
  answer_.tokens.completion += found.generated_tokens;
  answer_.timings.prefill_ms += found.prefill_ms;
  answer_.timings.decode_ms += found.decode_ms;
  int tried = 0;
  for (const generator::FoundSentence& sentence : found.sentences) {
    // Where nothing but a copy passes, the best place is quoted.
    if (IsVerbatimInAny(sentence.text)) continue;
    if (++tried > kMostTried) break;
    FOOTNOTE_ASSIGN_OR_RETURN(const Trial trial, Try(sentence.text, SentenceOrigin::kRegenerated,
                                                     plan, sentences, builder));
    if (trial == Trial::kReleased) break;
  }
  return OkStatus();
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
