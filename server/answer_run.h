// One answer or summary in the making: the steps that AnswerService takes, with what they share.
#pragma once

#include <chrono>
#include <ctime>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/call_context.h"
#include "common/embedder.h"
#include "common/status.h"
#include "common/types.h"
#include "generator/answer_shape.h"
#include "generator/grounding.h"
#include "generator/prompt.h"
#include "generator/text_generator.h"
#include "server/answer_builder.h"
#include "server/answer_service.h"
#include "server/sentence_scorer.h"
#include "server/sentence_stream.h"

namespace footnote::server {

// Used once, on one thread.
class AnswerRun {
 public:
  // What the service lends; outlives the run, as does everything given.
  struct Parts {
    generator::TextGenerator* generator;
    const Embedder* embedder;
    const AnswererIdentity& identity;
    const AnswerServiceOptions& options;
  };
  AnswerRun(const Parts& parts, const AnswerRequest& request, const CallContext& call,
            AnswerListener* listener);

  StatusOr<Answer> Ask(const AnswerService& service);

  // `select_ms`: how long choosing the passages took.
  StatusOr<Answer> Summarize(std::vector<Passage> passages, uint64_t generation, double select_ms);

 private:
  using Clock = std::chrono::steady_clock;

  // A released sentence must rest on one of so many best spans.
  static constexpr int kOnTopicSpans = 6;

  static double MsSince(Clock::time_point start) {
    return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
  }

  // What differs between an answer and a summary in how it is written.
  struct Plan {
    // The spans that are best to rest on, to be generated anew from, and to be quoted; best first.
    std::function<StatusOr<std::vector<generator::Support>>(const generator::SupportScorer&)> best;
    size_t copied = 0;  // of them, what is generated anew is made of
    // It answers a question: what only gives that back is nothing; and where nothing passed, the
    // model is given the best spans alone.
    bool answers = false;
    double confidence = 0;        // least, of a span that is quoted
    bool any_topic = false;       // a supported sentence needs to rest on none of them
    double sentence_support = 1;  // least, of a sentence that is released
    int max_sentences = 0;
    int fewest_sentences = 0;    // quotations fill up to it
    int list_items = 0;          // quoted besides, where a list answers the question
    bool each_document = false;  // quotations fill up until each document is cited
  };

  // What became of a sentence: it is out; it says nothing that is asked, but the next one may; it
  // was there before; or it is not supported.
  enum class Trial { kReleased, kSkipped, kRepeated, kUnsupported };

  Status SetTime();
  Status Retrieve(const AnswerService& service);
  Status Grounded();
  Status Unchecked();
  Status Write(generator::Prompt prompt, const Plan& plan);
  Status WriteFocused(size_t spans, const Plan& plan, const SentenceScorer& sentences,
                      AnswerBuilder& builder);
  Status WriteCopying(generator::GenerationRequest again,
                      const std::vector<std::string_view>& spans, const Plan& plan,
                      const SentenceScorer& sentences, AnswerBuilder& builder);
  StatusOr<bool> Release(SentenceStream& stream, SentenceOrigin origin, const Plan& plan,
                         const SentenceScorer& scorer, AnswerBuilder& builder);
  StatusOr<Trial> Try(std::string_view sentence, SentenceOrigin origin, const Plan& plan,
                      const SentenceScorer& scorer, AnswerBuilder& builder);
  void Count(const generator::GenerationResult& result);
  void Quote(const Plan& plan, AnswerBuilder& builder);
  void OpenWithVerdict(const generator::Support& support, AnswerBuilder& builder);
  Status QuoteSubjects(const generator::SupportScorer& scorer, AnswerBuilder& builder);
  void QuoteConflicts(AnswerBuilder& builder);
  void NameConflicts(const AnswerBuilder& builder);
  Status RetrieveSubjects(const AnswerService& service);
  std::vector<Citation> EarlierCitations() const;
  bool AsksYesNo() const { return question_.shape == generator::AnswerShape::kYesNo; }
  void QuoteEachDocument(const Plan& plan, AnswerBuilder& builder);
  void QuoteSpan(generator::Support quotation, AnswerBuilder& builder, bool as_item = false);
  void Emit(std::string text, SentenceOrigin origin, std::span<const generator::Support> supports,
            AnswerBuilder& builder, bool as_item = false);
  void Abstain(AbstainReason reason);

  generator::GenerationRequest Generation(generator::Prompt prompt) const;
  generator::PromptOptions PromptLimits() const;
  bool SaysWhatIsThere(const generator::Wording& wording) const;
  bool SaysNothing(const generator::Wording& wording) const;
  bool MayRestOn(const generator::Support& quotation) const;
  bool OnTopic(const generator::Support& support, const AnswerBuilder& builder) const;
  bool IsVerbatim(std::string_view text, const generator::Support& support) const;
  void Widen(generator::Support& support) const;
  bool IsVerbatimInAny(std::string_view text) const;
  std::string_view TextOf(const generator::Support& span) const;
  std::vector<std::string_view> BestTexts(size_t count) const;
  const Passage& PassageOf(const generator::Support& support) const {
    return answer_.passages[static_cast<size_t>(support.passage)];
  }

  generator::TextGenerator* generator_;
  const Embedder* embedder_;
  const AnswerServiceOptions& options_;
  const AnswerRequest& request_;
  const CallContext& call_;
  AnswerListener* listener_;
  const generator::GroundingThresholds thresholds_;
  Clock::time_point start_ = Clock::now();
  Answer answer_;
  std::optional<std::tm> time_;
  std::string asked_;
  generator::ShapedQuestion question_;
  std::vector<std::string> unshown_subjects_;   // of a comparison, that nothing could be quoted of
  std::vector<std::string> absent_subjects_;    // of a comparison, that no passage speaks of
  std::vector<generator::Support> quotations_;  // best first
  std::vector<generator::SpanConflict> conflicts_;  // between quotations_
};

}  // namespace footnote::server
