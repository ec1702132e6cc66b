#include "server/answer_run.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "common/local_time.h"
#include "common/sha256.h"
#include "common/text/white_space.h"
#include "generator/summary.h"

namespace footnote::server {
namespace {

using generator::Prompt;
using generator::Support;
using generator::SupportScorer;
using generator::TokenId;
using generator::TokenSpan;

// A second footnote is added only where another document's passage holds as much of the sentence:
// of those that support a little less, nine in ten pointed beside the evidence (docs/grounding.md).
constexpr int kMaxCitationsPerSentence = 1;
// A released sentence must rest on a span that answers not much worse than the best, in log-odds:
// the second-best page of a manual may be about another function of a similar name.
constexpr double kOnTopicMargin = 0.3;
// Of the confidence that a quotation needs, the share that a sentence in the model's own words
// needs in the place it rests on: that the model chose it says something for the place, too.
constexpr double kWrittenConfidence = 0.9;
// Of the content words of a sentence that a model wrote, those that neither a passage nor the
// question has. Of 32 written sentences that were read, 5 of 7 with more said too much.
constexpr int kMostForeignWords = 1;
// Of those that the source has, too, the ones that stand there in another order: "the tenant pays
// the landlord".
constexpr int kMostMisplacedWords = 0;
// Of the best spans, those that a model is given alone where it wrote nothing from all passages;
// and where it wrote nothing from these, either.
constexpr size_t kFocusSpans[] = {3, 1};
// Of a summary: the spans that are quoted or generated anew from.
constexpr int kCentralSpans = 8;
constexpr size_t kCopiedCentralSpans = 4;
// Of a list that answers, with the words that lead to it.
constexpr int kMostListItems = 9;

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

bool Overlap(const Support& a, const Support& b) {
  return a.passage == b.passage && a.span.start < b.span.end && b.span.start < a.span.end;
}

bool Repeats(const std::string& text, const AnswerBuilder& builder) {
  return std::any_of(builder.sentences().begin(), builder.sentences().end(),
                     [&](const AnswerSentence& sentence) { return sentence.text == text; });
}

}  // namespace

AnswerRun::AnswerRun(const Parts& parts, const AnswerRequest& request, const CallContext& call,
                     AnswerListener* listener)
    : generator_(parts.generator),
      embedder_(parts.embedder),
      options_(parts.options),
      request_(request),
      call_(call),
      listener_(listener),
      thresholds_(generator::ThresholdsFor(request.risk)) {
  AnswerRecord& record = answer_.record;
  record.corpus = parts.identity.corpus;
  record.model_sha256 = parts.identity.model_sha256;
  record.embedder_sha256 = parts.identity.embedder_sha256;
  if (request.rerank.value_or(true)) record.reranker_sha256 = parts.identity.reranker_sha256;
  record.isa = parts.identity.isa;
  record.precision = parts.identity.precision;
  record.engine_version = parts.identity.engine_version;
  record.seed = request.seed;
  record.risk = request.risk;
  record.max_answer_tokens = parts.options.max_answer_tokens;
}

StatusOr<Answer> AnswerRun::Ask(const AnswerService& service) {
  FOOTNOTE_RETURN_IF_ERROR(SetTime());
  // In every mode, so that all are given the same passages.
  question_ = generator::ReadShape(request_.question);
  FOOTNOTE_RETURN_IF_ERROR(Retrieve(service));
  FOOTNOTE_RETURN_IF_ERROR(request_.mode == AnswerMode::kGrounded ? Grounded() : Unchecked());
  answer_.timings.total_ms = MsSince(start_);
  return std::move(answer_);
}

StatusOr<Answer> AnswerRun::Summarize(std::vector<Passage> passages, uint64_t generation,
                                      double select_ms) {
  FOOTNOTE_RETURN_IF_ERROR(SetTime());
  answer_.passages = std::move(passages);
  answer_.record.generation = generation;
  answer_.timings.retrieve_ms = select_ms;
  answer_.answerability = answer_.passages.empty() ? 0 : 1;
  if (listener_ != nullptr) listener_->OnPassages(answer_.passages, answer_.answerability);
  if (answer_.passages.empty()) {
    Abstain(AbstainReason::kNoRelevantContent);
  } else {
    FOOTNOTE_ASSIGN_OR_RETURN(Prompt prompt, generator::BuildSummaryPrompt(
                                                 *generator_, answer_.passages, PromptLimits()));
    const auto documents = static_cast<int>(std::count_if(
        answer_.passages.begin(), answer_.passages.end(), [&](const Passage& passage) {
          return &passage == &answer_.passages.front() ||
                 passage.document_id != (&passage - 1)->document_id;
        }));
    Plan plan;
    plan.best = [&](const SupportScorer& scorer) -> StatusOr<std::vector<Support>> {
      return scorer.CentralSpans(std::max(kCentralSpans, 2 * documents));
    };
    plan.copied = kCopiedCentralSpans;
    plan.any_topic = true;
    // A model that was given several documents mixes them: half a sentence of each passes where
    // they use the same words.
    plan.sentence_support = thresholds_.sentence_support;
    if (documents > 1) {
      plan.sentence_support = std::max(
          plan.sentence_support, generator::ThresholdsFor(RiskSetting::kStrict).sentence_support);
    }
    plan.max_sentences = std::max(options_.max_summary_sentences, documents);
    plan.fewest_sentences = options_.fewest_summary_sentences;
    plan.each_document = true;
    FOOTNOTE_RETURN_IF_ERROR(Write(std::move(prompt), plan));
  }
  answer_.timings.total_ms = select_ms + MsSince(start_);
  return std::move(answer_);
}

// One time for all that is rendered for this answer, kept with it where it has an influence.
Status AnswerRun::SetTime() {
  if (generator_ == nullptr || generator_->chat_template() == nullptr ||
      !generator_->chat_template()->reads_clock()) {
    return OkStatus();
  }
  answer_.record.prompt_time =
      request_.prompt_time.empty() ? LocalTimeText() : request_.prompt_time;
  FOOTNOTE_ASSIGN_OR_RETURN(time_, ParseLocalTime(answer_.record.prompt_time));
  return OkStatus();
}

Status AnswerRun::Retrieve(const AnswerService& service) {
  FOOTNOTE_ASSIGN_OR_RETURN(AnswerService::Assessment found, service.Assess(request_, call_));
  asked_ = std::move(found.asked);
  answer_.passages = std::move(found.passages);
  answer_.record.generation = found.generation;
  answer_.timings.retrieve_ms = found.retrieve_ms;
  answer_.answerability = found.answerability;
  if (question_.shape == generator::AnswerShape::kComparison) {
    FOOTNOTE_RETURN_IF_ERROR(RetrieveSubjects(service));
  }
  if (listener_ != nullptr) listener_->OnPassages(answer_.passages, answer_.answerability);
  return OkStatus();
}

// A comparison needs evidence of both things: each is looked for on its own, and the best of each
// come first.
Status AnswerRun::RetrieveSubjects(const AnswerService& service) {
  std::vector<std::vector<Passage>> lists;
  for (const std::string& subject : question_.subjects) {
    AnswerRequest request = request_;
    request.question = subject;
    request.generation = answer_.record.generation;
    FOOTNOTE_ASSIGN_OR_RETURN(AnswerService::Assessment found, service.Assess(request, call_));
    answer_.timings.retrieve_ms += found.retrieve_ms;
    std::erase_if(found.passages, [&](const Passage& passage) {
      return !generator::Mentions(passage.title + "\n" + passage.text, subject);
    });
    // The question's own passages may speak of it, too.
    const bool there =
        std::any_of(answer_.passages.begin(), answer_.passages.end(), [&](const Passage& passage) {
          return generator::Mentions(passage.title + "\n" + passage.text, subject);
        });
    if (found.passages.empty() && !there) absent_subjects_.push_back(subject);
    lists.push_back(std::move(found.passages));
  }
  lists.push_back(std::move(answer_.passages));
  answer_.passages.clear();
  const auto most = static_cast<size_t>(options_.passages);
  for (size_t rank = 0; rank < most; ++rank) {
    for (std::vector<Passage>& list : lists) {
      if (rank >= list.size() || answer_.passages.size() == most) continue;
      const bool known = std::any_of(answer_.passages.begin(), answer_.passages.end(),
                                     [&](const Passage& passage) {
                                       return passage.document_id == list[rank].document_id &&
                                              passage.span.start < list[rank].span.end &&
                                              list[rank].span.start < passage.span.end;
                                     });
      if (!known) answer_.passages.push_back(std::move(list[rank]));
    }
  }
  if (!answer_.passages.empty()) {
    answer_.answerability = generator::Answerability(asked_, answer_.passages);
  }
  return OkStatus();
}

// What earlier turns cited, the oldest first.
std::vector<Citation> AnswerRun::EarlierCitations() const {
  std::vector<Citation> earlier;
  for (const ConversationTurn& turn : request_.history) {
    earlier.insert(earlier.end(), turn.citations.begin(), turn.citations.end());
  }
  return earlier;
}

void AnswerRun::Abstain(AbstainReason reason) {
  answer_.abstained = true;
  answer_.reason = reason;
  answer_.text.clear();
  answer_.sentences.clear();
  answer_.citations.clear();
  answer_.verdict = Verdict::kNone;
  answer_.conflicts.clear();
  answer_.notes.clear();
  answer_.grounding_score = 0;
}

generator::GenerationRequest AnswerRun::Generation(Prompt prompt) const {
  generator::GenerationRequest generation;
  generation.prompt = std::move(prompt.tokens);
  generation.quotable = {prompt.passages};
  generation.max_tokens = options_.max_answer_tokens;
  generation.sampling.seed = request_.seed;
  generation.tenant = request_.tenant;
  return generation;
}

generator::PromptOptions AnswerRun::PromptLimits() const {
  generator::PromptOptions limits;
  limits.max_answer_tokens = options_.max_answer_tokens;
  limits.time = time_;
  limits.budget_tokens = std::min(options_.prompt_budget_tokens,
                                  generator_->context_tokens() - options_.max_answer_tokens);
  return limits;
}

Status AnswerRun::Grounded() {
  // Gate 1: retrieval says nothing relevant, or nothing that the asker may see. Both look the
  // same from outside.
  if (answer_.passages.empty() || answer_.answerability < thresholds_.answerability) {
    Abstain(AbstainReason::kNoRelevantContent);
    return OkStatus();
  }
  FOOTNOTE_ASSIGN_OR_RETURN(Prompt prompt, generator::BuildGroundedPrompt(
                                               *generator_, request_.question, request_.history,
                                               answer_.passages, PromptLimits()));
  Plan plan;
  plan.best = [&](const SupportScorer& scorer) -> StatusOr<std::vector<Support>> {
    FOOTNOTE_ASSIGN_OR_RETURN(std::vector<Support> spans,
                              scorer.BestQuotations(asked_, kOnTopicSpans, call_));
    const double best = spans.empty() ? 0 : LogOdds(spans.front().score);
    std::erase_if(spans, [&](const Support& quotation) {
      return quotation.score < thresholds_.quotation_relevance ||
             LogOdds(quotation.score) < best - kOnTopicMargin;
    });
    // A place that only names what is compared compares nothing.
    if (question_.shape == generator::AnswerShape::kComparison) {
      std::erase_if(spans, [&](const Support& quotation) {
        return !generator::SaysMoreThan(TextOf(quotation),
                                        question_.subjects[0] + " " + question_.subjects[1]);
      });
    }
    return spans;
  };
  plan.answers = true;
  plan.confidence = thresholds_.quotation_confidence;
  if (question_.shape == generator::AnswerShape::kList) plan.list_items = kMostListItems;
  plan.sentence_support = thresholds_.sentence_support;
  plan.max_sentences = options_.max_sentences;
  return Write(std::move(prompt), plan);
}

Status AnswerRun::Write(Prompt prompt, const Plan& plan) {
  answer_.record.prompt_sha256 = PromptSha256(prompt.tokens);
  const auto passages_used = static_cast<size_t>(prompt.passages_used);
  generator::GenerationRequest generation = Generation(std::move(prompt));
  generator::GenerationRequest again = generation;
  answer_.tokens.prompt += static_cast<int64_t>(generation.prompt.size());
  // Begun now: the passages are read for quotations while the model reads them.
  SentenceStream stream(*generator_, std::move(generation), call_);
  // Only what the model saw can support what it wrote.
  const std::span<const Passage> context =
      std::span<const Passage>(answer_.passages).first(passages_used);
  FOOTNOTE_ASSIGN_OR_RETURN(SupportScorer scorer, SupportScorer::Create(embedder_, context, call_));
  SentenceScorer sentences(scorer);
  if (plan.each_document) {
    FOOTNOTE_ASSIGN_OR_RETURN(sentences, SentenceScorer::ByDocument(embedder_, context, call_));
  }
  AnswerBuilder builder(context, EarlierCitations());
  // The best spans: what is released must rest on one of them, and what cannot be said in other
  // words is quoted from them.
  const Clock::time_point quotations_start = Clock::now();
  FOOTNOTE_ASSIGN_OR_RETURN(quotations_, plan.best(scorer));
  conflicts_ = scorer.Conflicts(quotations_);
  answer_.timings.verify_ms += MsSince(quotations_start);

  FOOTNOTE_ASSIGN_OR_RETURN(const bool all_supported,
                            Release(stream, SentenceOrigin::kGenerated, plan, sentences, builder));
  // Nothing can rest on spans that none stands out of.
  if (plan.answers && !quotations_.empty() && MayRestOn(quotations_.front())) {
    size_t before = 0;
    for (const size_t most : kFocusSpans) {
      const size_t spans = std::min(most, quotations_.size());
      if (!builder.sentences().empty() || spans == before) break;
      before = spans;
      FOOTNOTE_RETURN_IF_ERROR(WriteFocused(spans, plan, sentences, builder));
    }
  }
  if (!plan.answers && !all_supported && !quotations_.empty()) {
    FOOTNOTE_RETURN_IF_ERROR(
        WriteCopying(std::move(again), BestTexts(plan.copied), plan, sentences, builder));
  }
  Quote(plan, builder);
  if (plan.list_items > 0) {
    for (const Support& item : scorer.ListItems(asked_, plan.list_items)) {
      if (!builder.Cites(item.passage, item.span)) QuoteSpan(item, builder, /*as_item=*/true);
    }
  }
  FOOTNOTE_RETURN_IF_ERROR(QuoteSubjects(scorer, builder));
  QuoteConflicts(builder);
  // Gate 2: too little of what could be written is supported.
  if (builder.sentences().empty() || builder.mean_support() < thresholds_.answer_support) {
    Abstain(AbstainReason::kLowGrounding);
    return OkStatus();
  }
  NameConflicts(builder);
  for (const std::string& subject : absent_subjects_) {
    answer_.notes.push_back("The documents say nothing about \"" + subject + "\".");
  }
  for (const std::string& subject : unshown_subjects_) {
    answer_.notes.push_back("Nothing was found about \"" + subject + "\" that answers this.");
  }
  builder.Finish(answer_);
  return OkStatus();
}

// Releases supported sentences. False at the first unsupported one, where it stops the stream.
StatusOr<bool> AnswerRun::Release(SentenceStream& stream, SentenceOrigin origin, const Plan& plan,
                                  const SentenceScorer& scorer, AnswerBuilder& builder) {
  bool all_supported = true;
  int64_t tokens = 0;
  bool ended = false;
  while (static_cast<int>(builder.sentences().size()) < plan.max_sentences) {
    FOOTNOTE_ASSIGN_OR_RETURN(std::optional<SentenceStream::Sentence> next, stream.Next());
    if (!next.has_value()) {
      ended = true;
      break;
    }
    tokens = next->tokens_so_far;
    if (next->cut) break;
    FOOTNOTE_ASSIGN_OR_RETURN(const Trial trial, Try(next->text, origin, plan, scorer, builder));
    all_supported = trial != Trial::kUnsupported;
    if (trial == Trial::kUnsupported || trial == Trial::kRepeated) break;
  }
  if (!ended) stream.Stop();
  const generator::GenerationResult& result = stream.result();
  answer_.tokens.completion += ended ? static_cast<int64_t>(result.tokens.size()) : tokens;
  Count(result);
  return all_supported;
}

void AnswerRun::Count(const generator::GenerationResult& result) {
  answer_.tokens.cached += result.cached_prompt_tokens;
  answer_.timings.prefill_ms += result.prefill_ms;
  answer_.timings.decode_ms += result.decode_ms;
}

// Releases the sentence if it passes.
StatusOr<AnswerRun::Trial> AnswerRun::Try(std::string_view sentence, SentenceOrigin origin,
                                          const Plan& plan, const SentenceScorer& scorer,
                                          AnswerBuilder& builder) {
  std::string text = StripCitationMarks(sentence);
  // The sources say whether it is yes or no, not the model.
  if (AsksYesNo()) text = Capitalised(std::string(generator::WithoutVerdict(text)));
  if (text.empty()) return Trial::kSkipped;
  // Small models fall into loops; nothing new comes.
  if (Repeats(text, builder)) return Trial::kRepeated;
  const Clock::time_point verify_start = Clock::now();
  FOOTNOTE_ASSIGN_OR_RETURN(std::vector<Support> supports,
                            scorer.Score(text, /*max_results=*/1, call_));
  generator::Wording wording;
  if (plan.answers && !supports.empty()) {
    wording = scorer.ReadWording(text, asked_, TextOf(supports.front()));
  }
  answer_.timings.verify_ms += MsSince(verify_start);
  if (supports.empty() || supports.front().score < plan.sentence_support) {
    return Trial::kUnsupported;
  }
  if (plan.answers && !SaysWhatIsThere(wording)) return Trial::kUnsupported;
  if (plan.answers && SaysNothing(wording)) return Trial::kSkipped;
  if (!plan.any_topic && !OnTopic(supports.front(), builder)) return Trial::kSkipped;
  if (origin == SentenceOrigin::kRegenerated) {
    text = Capitalised(std::move(text));
    // The model chose it, but every word is the document's.
    if (IsVerbatim(text, supports.front())) origin = SentenceOrigin::kQuoted;
  }
  if (plan.answers) Widen(supports.front());
  Emit(std::move(text), origin, supports, builder);
  return Trial::kReleased;
}

// Whether the sentence is a stretch of the passage that supports it, word for word.
bool AnswerRun::IsVerbatim(std::string_view text, const Support& support) const {
  return OnOneLine(PassageOf(support).text).find(OnOneLine(text)) != std::string::npos;
}

bool AnswerRun::IsVerbatimInAny(std::string_view text) const {
  return std::any_of(quotations_.begin(), quotations_.end(),
                     [&](const Support& quotation) { return IsVerbatim(text, quotation); });
}

// A model's words, each of them a source's, may still say of one thing what is another's.
bool AnswerRun::SaysWhatIsThere(const generator::Wording& wording) const {
  // To give back a question that asks for yes or no is to answer it.
  const generator::WordOrder& order = AsksYesNo() ? wording.whole : wording.added;
  return wording.foreign_words <= kMostForeignWords && order.misplaced <= kMostMisplacedWords &&
         order.share >= thresholds_.in_order;
}

// A sentence that gives the question back, or promises what does not come.
bool AnswerRun::SaysNothing(const generator::Wording& wording) const {
  if (wording.leads_in) return question_.shape != generator::AnswerShape::kList;
  return wording.added_words == 0 && !AsksYesNo();
}

// Whether the place is sure enough for a sentence that a model wrote.
bool AnswerRun::MayRestOn(const Support& quotation) const {
  return quotation.confidence >= kWrittenConfidence * thresholds_.quotation_confidence;
}

// Supported is not enough: small models copy what stands beside the answer. A sentence must rest
// on a span that answers the question, or go on in the passage that the answer already cites.
bool AnswerRun::OnTopic(const Support& support, const AnswerBuilder& builder) const {
  if (builder.Cites(support.passage)) return true;
  return std::any_of(quotations_.begin(), quotations_.end(), [&](const Support& quotation) {
    return MayRestOn(quotation) && Overlap(support, quotation);
  });
}

// The place that answers, where a sentence rests on one of its two and the other answers as well or
// better.
void AnswerRun::Widen(Support& support) const {
  for (const Support& quotation : quotations_) {
    if (quotation.passage == support.passage && MayRestOn(quotation) &&
        quotation.span.start <= support.span.start && support.span.end <= quotation.span.end) {
      const bool core =
          quotation.core.start < support.span.end && support.span.start < quotation.core.end;
      if (!core) support.span = quotation.span;
      return;
    }
  }
}

std::string_view AnswerRun::TextOf(const Support& span) const {
  const Passage& passage = PassageOf(span);
  return std::string_view(passage.text)
      .substr(span.span.start - passage.span.start, span.span.size());
}

// The best spans, which what is generated anew is made of.
std::vector<std::string_view> AnswerRun::BestTexts(size_t count) const {
  std::vector<std::string_view> texts;
  for (const Support& quotation : quotations_) {
    if (texts.size() == count) break;
    texts.push_back(TextOf(quotation));
  }
  return texts;
}

void AnswerRun::Emit(std::string text, SentenceOrigin origin, std::span<const Support> supports,
                     AnswerBuilder& builder, bool as_item) {
  if (AsksYesNo() && builder.sentences().empty() && !supports.empty()) {
    OpenWithVerdict(supports.front(), builder);
  }
  const std::vector<Citation> fresh = as_item ? builder.AddLine(std::move(text), origin, supports)
                                              : builder.Add(std::move(text), origin, supports);
  if (answer_.timings.first_sentence_ms == 0) answer_.timings.first_sentence_ms = MsSince(start_);
  if (listener_ != nullptr) listener_->OnSentence(builder.sentences().back(), fresh);
}

// "Yes." or "No." where the cited text settles it and no other document says otherwise.
void AnswerRun::OpenWithVerdict(const Support& support, AnswerBuilder& builder) {
  if (!conflicts_.empty()) return;
  answer_.verdict = generator::VerdictOf(request_.question, TextOf(support));
  if (answer_.verdict != Verdict::kNone) {
    builder.Open(answer_.verdict == Verdict::kYes ? "Yes." : "No.");
  }
}

// plain and closed-book: what comes is what is said.
Status AnswerRun::Unchecked() {
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

}  // namespace footnote::server
