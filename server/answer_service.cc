#include "server/answer_service.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <utility>

#include "common/sha256.h"
#include "common/text/utf8.h"
#include "common/text/white_space.h"
#include "generator/grounding.h"
#include "generator/prompt.h"
#include "server/answer_builder.h"
#include "server/sentence_stream.h"

namespace footnote::server {
namespace {

using generator::GroundingThresholds;
using generator::Prompt;
using generator::Support;
using generator::SupportScorer;
using generator::TokenId;
using generator::TokenSpan;

using Clock = std::chrono::steady_clock;

double MsSince(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

// A second footnote is added only where another document's passage holds as much of the sentence:
// of those that support a little less, nine in ten pointed beside the evidence (docs/grounding.md).
constexpr int kMaxCitationsPerSentence = 2;
// A released sentence must rest on one of so many best spans.
constexpr int kOnTopicSpans = 6;
// And on one that answers not much worse than the best, in log-odds: the second-best page of a
// manual may be about another function of a similar name.
constexpr double kOnTopicMargin = 1.5;
// Resting on one of these, the answer needs no quotation besides.
constexpr size_t kBestQuotations = 2;

double LogOdds(double probability) {
  const double p = std::clamp(probability, 1e-6, 1 - 1e-6);
  return std::log(p / (1 - p));
}

std::string PromptSha256(const std::vector<TokenId>& tokens) {
  return Sha256Hex({reinterpret_cast<const char*>(tokens.data()), tokens.size() * sizeof(TokenId)});
}

// A clause that became a sentence begins like one; a name such as "pH" or "fork()" stays.
std::string Capitalised(std::string text) {
  const size_t end = std::min(text.find_first_of(" ,;:."), text.size());
  const bool word = std::all_of(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(end),
                                [](char c) { return c >= 'a' && c <= 'z'; });
  if (word && end > 0) text[0] = static_cast<char>(text[0] - 'a' + 'A');
  return text;
}

// Asking is one run through these steps, with what they share.
class Run {
 public:
  Run(const AnswerService& service, generator::TextGenerator* generator, const Embedder* embedder,
      const AnswererIdentity& identity, const AnswerServiceOptions& options,
      const AnswerRequest& request, const CallContext& call, AnswerListener* listener)
      : service_(service),
        generator_(generator),
        embedder_(embedder),
        options_(options),
        request_(request),
        call_(call),
        listener_(listener) {
    answer_.record.corpus = identity.corpus;
    answer_.record.model_sha256 = identity.model_sha256;
    answer_.record.embedder_sha256 = identity.embedder_sha256;
    if (request.rerank.value_or(true)) answer_.record.reranker_sha256 = identity.reranker_sha256;
    answer_.record.isa = identity.isa;
    answer_.record.precision = identity.precision;
    answer_.record.engine_version = identity.engine_version;
    answer_.record.seed = request.seed;
    answer_.record.risk = request.risk;
  }

  StatusOr<Answer> Go() {
    FOOTNOTE_RETURN_IF_ERROR(Retrieve());
    FOOTNOTE_RETURN_IF_ERROR(request_.mode == AnswerMode::kGrounded ? Grounded() : Unchecked());
    answer_.timings.total_ms = MsSince(start_);
    return std::move(answer_);
  }

 private:
  Status Retrieve() {
    FOOTNOTE_ASSIGN_OR_RETURN(AnswerService::Assessment found, service_.Assess(request_, call_));
    asked_ = std::move(found.asked);
    answer_.passages = std::move(found.passages);
    answer_.record.generation = found.generation;
    answer_.timings.retrieve_ms = found.retrieve_ms;
    answer_.answerability = found.answerability;
    if (listener_ != nullptr) listener_->OnPassages(answer_.passages, answer_.answerability);
    return OkStatus();
  }

  void Abstain(AbstainReason reason) {
    answer_.abstained = true;
    answer_.reason = reason;
    answer_.text.clear();
    answer_.sentences.clear();
    answer_.citations.clear();
    answer_.grounding_score = 0;
  }

  generator::GenerationRequest Generation(Prompt prompt) const {
    generator::GenerationRequest generation;
    generation.prompt = std::move(prompt.tokens);
    generation.quotable = {prompt.passages};
    generation.max_tokens = options_.max_answer_tokens;
    generation.sampling.seed = request_.seed;
    generation.tenant = request_.tenant;
    return generation;
  }

  generator::PromptOptions PromptLimits() const {
    generator::PromptOptions limits;
    limits.max_answer_tokens = options_.max_answer_tokens;
    limits.budget_tokens = std::min(options_.prompt_budget_tokens,
                                    generator_->context_tokens() - options_.max_answer_tokens);
    return limits;
  }

  Status Grounded() {
    const GroundingThresholds thresholds = generator::ThresholdsFor(request_.risk);
    // Gate 1: retrieval says nothing relevant, or nothing that the asker may see. Both look the
    // same from outside.
    if (answer_.passages.empty() || answer_.answerability < thresholds.answerability) {
      Abstain(AbstainReason::kNoRelevantContent);
      return OkStatus();
    }
    FOOTNOTE_ASSIGN_OR_RETURN(Prompt prompt, generator::BuildGroundedPrompt(
                                                 *generator_, request_.question, request_.history,
                                                 answer_.passages, PromptLimits()));
    answer_.record.prompt_sha256 = PromptSha256(prompt.tokens);
    const auto passages_used = static_cast<size_t>(prompt.passages_used);
    generator::GenerationRequest generation = Generation(std::move(prompt));
    const std::vector<TokenId> prompt_tokens = generation.prompt;
    const std::vector<TokenSpan> quotable = generation.quotable;
    answer_.tokens.prompt += static_cast<int64_t>(prompt_tokens.size());
    // Begun now: the passages are read for quotations while the model reads them.
    SentenceStream stream(*generator_, std::move(generation), call_);
    // Only what the model saw can support what it wrote.
    const std::span<const Passage> context =
        std::span<const Passage>(answer_.passages).first(passages_used);
    FOOTNOTE_ASSIGN_OR_RETURN(SupportScorer scorer,
                              SupportScorer::Create(embedder_, context, call_));
    AnswerBuilder builder(context);
    // The spans that answer the question best: what is released must rest on one of them, and what
    // cannot be said in other words is quoted from them.
    const Clock::time_point quotations_start = Clock::now();
    FOOTNOTE_ASSIGN_OR_RETURN(quotations_, scorer.BestQuotations(asked_, kOnTopicSpans, call_));
    answer_.timings.verify_ms += MsSince(quotations_start);
    const double best = quotations_.empty() ? 0 : LogOdds(quotations_.front().score);
    std::erase_if(quotations_, [&](const Support& quotation) {
      return quotation.score < thresholds.quotation_relevance ||
             LogOdds(quotation.score) < best - kOnTopicMargin;
    });

    FOOTNOTE_ASSIGN_OR_RETURN(bool all_supported, Release(stream, SentenceOrigin::kGenerated,
                                                          thresholds, scorer, builder));
    if (!all_supported && !quotations_.empty()) {
      // Once again from the last good sentence, with words of the spans that answer.
      generator::GenerationRequest again;
      again.prompt = prompt_tokens;
      for (TokenId id : generator_->tokenizer().Encode(
               builder.text(), {.add_special = false, .parse_special = false})) {
        again.prompt.push_back(id);
      }
      again.quotable = quotable;
      again.max_tokens = options_.max_answer_tokens;
      again.sampling.seed = request_.seed + 1;
      again.tenant = request_.tenant;
      again.constraint = generator::CopyingFrom(generator_->tokenizer(), BestTexts());
      answer_.tokens.prompt += static_cast<int64_t>(again.prompt.size());
      SentenceStream second(*generator_, std::move(again), call_);
      FOOTNOTE_ASSIGN_OR_RETURN(all_supported, Release(second, SentenceOrigin::kRegenerated,
                                                       thresholds, scorer, builder));
    }
    Quote(builder);
    // Gate 2: too little of what could be written is supported.
    if (builder.sentences().empty() || builder.mean_support() < thresholds.answer_support) {
      Abstain(AbstainReason::kLowGrounding);
      return OkStatus();
    }
    builder.Finish(answer_);
    return OkStatus();
  }

  // Releases supported sentences. False at the first unsupported one, where it stops the stream.
  StatusOr<bool> Release(SentenceStream& stream, SentenceOrigin origin,
                         const GroundingThresholds& thresholds, const SupportScorer& scorer,
                         AnswerBuilder& builder) {
    bool all_supported = true;
    int64_t tokens = 0;
    bool ended = false;
    while (static_cast<int>(builder.sentences().size()) < options_.max_sentences) {
      FOOTNOTE_ASSIGN_OR_RETURN(std::optional<SentenceStream::Sentence> next, stream.Next());
      if (!next.has_value()) {
        ended = true;
        break;
      }
      tokens = next->tokens_so_far;
      if (next->cut) break;
      std::string text = StripCitationMarks(next->text);
      if (text.empty()) continue;
      if (Repeats(text, builder)) break;  // small models fall into loops; nothing new comes
      const Clock::time_point verify_start = Clock::now();
      FOOTNOTE_ASSIGN_OR_RETURN(std::vector<Support> supports,
                                scorer.Score(text, kMaxCitationsPerSentence, call_));
      answer_.timings.verify_ms += MsSince(verify_start);
      if (supports.empty() || supports.front().score < thresholds.sentence_support) {
        all_supported = false;
        break;
      }
      if (!OnTopic(supports.front(), builder)) continue;
      const Support best = supports.front();
      std::erase_if(supports, [&](const Support& support) {
        const bool first = support.passage == best.passage;
        return !first &&
               (support.score < thresholds.sentence_support || support.alignment < best.alignment ||
                DocumentOf(support) == DocumentOf(best));
      });
      if (origin == SentenceOrigin::kRegenerated) {
        text = Capitalised(std::move(text));
        // The model chose it, but every word is the document's.
        const bool verbatim = IsVerbatim(text, supports.front());
        Emit(std::move(text), verbatim ? SentenceOrigin::kQuoted : origin, supports, builder);
      } else {
        Emit(std::move(text), origin, supports, builder);
      }
    }
    if (!ended) stream.Stop();
    const generator::GenerationResult& result = stream.result();
    answer_.tokens.completion += ended ? static_cast<int64_t>(result.tokens.size()) : tokens;
    answer_.tokens.cached += result.cached_prompt_tokens;
    answer_.timings.prefill_ms += result.prefill_ms;
    answer_.timings.decode_ms += result.decode_ms;
    return all_supported;
  }

  static bool Repeats(const std::string& text, const AnswerBuilder& builder) {
    return std::any_of(builder.sentences().begin(), builder.sentences().end(),
                       [&](const AnswerSentence& sentence) { return sentence.text == text; });
  }

  // Whether the sentence is a stretch of the passage that supports it, word for word.
  bool IsVerbatim(std::string_view text, const Support& support) const {
    const std::string whole =
        OnOneLine(answer_.passages[static_cast<size_t>(support.passage)].text);
    return whole.find(OnOneLine(text)) != std::string::npos;
  }

  const std::string& DocumentOf(const Support& support) const {
    return answer_.passages[static_cast<size_t>(support.passage)].document_id;
  }

  static bool Overlap(const Support& a, const Support& b) {
    return a.passage == b.passage && a.span.start < b.span.end && b.span.start < a.span.end;
  }

  // Supported is not enough: small models copy what stands beside the answer. A sentence must rest
  // on a span that answers the question, or go on in the passage that the answer already cites.
  bool OnTopic(const Support& support, const AnswerBuilder& builder) const {
    if (builder.Cites(support.passage)) return true;
    return std::any_of(quotations_.begin(), quotations_.end(),
                       [&](const Support& quotation) { return Overlap(support, quotation); });
  }

  // The spans that answer the question best, which what is generated anew is made of.
  std::vector<std::string_view> BestTexts() const {
    std::vector<std::string_view> texts;
    for (const Support& quotation : quotations_) {
      if (texts.size() == kBestQuotations) break;
      const Passage& passage = answer_.passages[static_cast<size_t>(quotation.passage)];
      texts.push_back(
          std::string_view(passage.text)
              .substr(quotation.span.start - passage.span.start, quotation.span.size()));
    }
    return texts;
  }

  // Quotes the span that answers the question best, unless a released sentence rests on it or on
  // the one that comes next: the answer always shows its best evidence, and where generating failed
  // it is the answer.
  void Quote(AnswerBuilder& builder) {
    for (size_t i = 0; i < quotations_.size() && i < kBestQuotations; ++i) {
      if (builder.Cites(quotations_[i].passage, quotations_[i].span)) return;
    }
    if (quotations_.empty() ||
        static_cast<int>(builder.sentences().size()) >= options_.max_sentences)
      return;
    Support quotation = quotations_.front();
    const Passage& passage = answer_.passages[static_cast<size_t>(quotation.passage)];
    std::string text =
        passage.text.substr(quotation.span.start - passage.span.start, quotation.span.size());
    std::replace(text.begin(), text.end(), '\n', ' ');
    // A quotation supports itself; how well it answers was the test above.
    quotation.score = 1;
    Emit(std::move(text), SentenceOrigin::kQuoted, std::span<const Support>(&quotation, 1),
         builder);
  }

  void Emit(std::string text, SentenceOrigin origin, std::span<const Support> supports,
            AnswerBuilder& builder) {
    const std::vector<Citation> fresh = builder.Add(std::move(text), origin, supports);
    if (answer_.timings.first_sentence_ms == 0) answer_.timings.first_sentence_ms = MsSince(start_);
    if (listener_ != nullptr) listener_->OnSentence(builder.sentences().back(), fresh);
  }

  // plain and closed-book: what comes is what is said.
  Status Unchecked() {
    StatusOr<Prompt> prompt =
        request_.mode == AnswerMode::kPlain
            ? generator::BuildPlainPrompt(*generator_, request_.question, request_.history,
                                          answer_.passages, PromptLimits())
            : generator::BuildClosedBookPrompt(*generator_, request_.question, request_.history,
                                               PromptLimits());
    if (!prompt.ok()) return prompt.status();
    answer_.record.prompt_sha256 = PromptSha256(prompt->tokens);
    generator::GenerationRequest generation = Generation(*std::move(prompt));
    answer_.tokens.prompt = static_cast<int64_t>(generation.prompt.size());
    AnswerBuilder builder(answer_.passages);
    SentenceStream stream(*generator_, std::move(generation), call_);
    for (;;) {
      FOOTNOTE_ASSIGN_OR_RETURN(std::optional<SentenceStream::Sentence> next, stream.Next());
      if (!next.has_value()) break;
      Emit(std::move(next->text), SentenceOrigin::kGenerated, {}, builder);
    }
    const generator::GenerationResult& result = stream.result();
    answer_.tokens.completion = static_cast<int64_t>(result.tokens.size());
    answer_.tokens.cached = result.cached_prompt_tokens;
    answer_.timings.prefill_ms = result.prefill_ms;
    answer_.timings.decode_ms = result.decode_ms;
    builder.Finish(answer_);
    answer_.abstained = generator::IsRefusal(answer_.text);
    return OkStatus();
  }

  const AnswerService& service_;
  generator::TextGenerator* generator_;
  const Embedder* embedder_;
  const AnswerServiceOptions& options_;
  const AnswerRequest& request_;
  const CallContext& call_;
  AnswerListener* listener_;
  Clock::time_point start_ = Clock::now();
  Answer answer_;
  std::string asked_;
  std::vector<Support> quotations_;  // best first
};

}  // namespace

const char* AnswerModeName(AnswerMode mode) {
  switch (mode) {
    case AnswerMode::kGrounded:
      return "grounded";
    case AnswerMode::kPlain:
      return "plain";
    case AnswerMode::kClosedBook:
      return "closed-book";
  }
  return "";
}

AnswerService::AnswerService(retriever::RetrievalBackend* retriever,
                             generator::TextGenerator* generator, const Embedder* embedder,
                             AnswererIdentity identity, AnswerServiceOptions options)
    : retriever_(retriever),
      generator_(generator),
      embedder_(embedder),
      identity_(std::move(identity)),
      options_(options) {}

Status AnswerService::CheckQuestion(std::string_view question) {
  if (question.size() > kMaxQuestionBytes) {
    return InvalidArgumentError("the question has " + std::to_string(question.size()) +
                                " bytes; at most " + std::to_string(kMaxQuestionBytes) +
                                " are accepted: put long text into a document and index it");
  }
  if (size_t offset = FindInvalidUtf8(question); offset != std::string_view::npos) {
    return InvalidArgumentError("the question is not valid UTF-8 at byte " +
                                std::to_string(offset) + ": send UTF-8");
  }
  if (question.find_first_not_of(" \t\r\n\f\v") == std::string_view::npos) {
    return InvalidArgumentError("the question is empty: ask something");
  }
  return OkStatus();
}

StatusOr<AnswerService::Assessment> AnswerService::Assess(const AnswerRequest& request,
                                                          const CallContext& call) const {
  FOOTNOTE_RETURN_IF_ERROR(CheckQuestion(request.question));
  const std::string condensed = generator::CondenseQuestion(request.question, request.history);
  retriever::RetrievalRequest retrieval;
  retrieval.query = request.question;
  retrieval.history = request.history;
  retrieval.top_k = options_.passages;
  // Single chunks, so that what does not fit into the prompt is little.
  retrieval.off = retriever::kWithoutJoining;
  retrieval.max_per_document = request.scope_document_id.empty() ? options_.max_per_document : 0;
  retrieval.filter = request.filter;
  retrieval.asker = request.asker;
  retrieval.scope_document_id = request.scope_document_id;
  retrieval.generation = request.generation;
  retrieval.rerank = request.rerank;
  retrieval.stand_alone_query = condensed;
  FOOTNOTE_ASSIGN_OR_RETURN(retriever::RetrievalResult result,
                            retriever_->Retrieve(retrieval, call));
  Assessment assessment;
  assessment.passages = std::move(result.passages);
  assessment.generation = result.generation;
  assessment.retrieve_ms = result.timings.total_ms;
  // Where the question names the document in scope, the rest of it; where it points back, all that
  // it means.
  assessment.asked =
      result.asked.empty() || condensed != request.question ? condensed : std::move(result.asked);
  assessment.features = generator::ReadAnswerability(assessment.asked, assessment.passages);
  if (!assessment.passages.empty()) {
    assessment.answerability = generator::Answerability(assessment.features);
  }
  return assessment;
}

StatusOr<Answer> AnswerService::Ask(const AnswerRequest& request, const CallContext& call,
                                    AnswerListener* listener) {
  return Run(*this, generator_, embedder_, identity_, options_, request, call, listener).Go();
}

}  // namespace footnote::server
