// What an answer quotes: the places that answer best, where no sentence rests on one of them; both
// sides of a comparison and of a contradiction; each document of a summary.
#include <algorithm>
#include <set>
#include <utility>

#include "server/answer_run.h"

namespace footnote::server {

using generator::Support;
using generator::SupportScorer;

namespace {

// How much surer a second quotation must be than the first needs to be: it adds less.
constexpr double kFurtherConfidence = 0.1;
// What is quoted at most. Resting on one of these, an answer needs no quotation besides.
constexpr size_t kBestQuotations = 2;

}  // namespace

// An answer: quotes the spans that answer the question best, unless a released sentence rests on
// one of them: the answer always shows its best evidence, and where generating failed it is the
// answer. A summary: quotes until it is long enough and each document is cited.
void AnswerRun::Quote(const Plan& plan, AnswerBuilder& builder) {
  const auto full = [&] {
    return static_cast<int>(builder.sentences().size()) >= plan.max_sentences;
  };
  if (plan.each_document) {
    QuoteEachDocument(plan, builder);
    return;
  }
  for (size_t i = 0; i < quotations_.size() && i < kBestQuotations; ++i) {
    if (builder.Cites(quotations_[i].passage, quotations_[i].span)) return;
  }
  for (size_t i = 0; i < quotations_.size() && i < kBestQuotations && !full(); ++i) {
    const double needed = plan.confidence + (i == 0 ? 0 : kFurtherConfidence);
    if (quotations_[i].confidence >= needed) QuoteSpan(quotations_[i], builder);
  }
}

void AnswerRun::QuoteEachDocument(const Plan& plan, AnswerBuilder& builder) {
  std::vector<Support> chosen;
  std::set<std::string_view> documents;
  for (const Support& quotation : quotations_) {
    const size_t sentences = builder.sentences().size() + chosen.size();
    if (sentences >= static_cast<size_t>(plan.max_sentences)) break;
    const bool unheard = !builder.CitesDocument(quotation.passage) &&
                         !documents.contains(PassageOf(quotation).document_id);
    if (!unheard && sentences >= static_cast<size_t>(plan.fewest_sentences)) continue;
    if (builder.Cites(quotation.passage, quotation.span)) continue;
    documents.insert(PassageOf(quotation).document_id);
    chosen.push_back(quotation);
  }
  // In the order of the documents, so that they read as one text.
  std::sort(chosen.begin(), chosen.end(), [](const Support& a, const Support& b) {
    return std::pair(a.passage, a.span.start) < std::pair(b.passage, b.span.start);
  });
  for (Support& quotation : chosen) QuoteSpan(quotation, builder);
}

void AnswerRun::QuoteSpan(Support quotation, AnswerBuilder& builder, bool as_item) {
  std::string text(TextOf(quotation));
  std::replace(text.begin(), text.end(), '\n', ' ');
  // A quotation supports itself; that it is worth quoting was found before.
  quotation.score = 1;
  Emit(std::move(text), SentenceOrigin::kQuoted, std::span<const Support>(&quotation, 1), builder,
       as_item);
}

// Of two things compared, the one that no sentence rests on yet is quoted.
Status AnswerRun::QuoteSubjects(const SupportScorer& scorer, AnswerBuilder& builder) {
  for (const std::string& subject : question_.subjects) {
    const auto speaks_of_it = [&](const std::string& title, std::string_view text) {
      return generator::Mentions(title + "\n" + std::string(text), subject) &&
             generator::SaysMoreThan(text, subject);
    };
    const bool cited = std::any_of(
        builder.citations().begin(), builder.citations().end(),
        [&](const Citation& citation) { return speaks_of_it(citation.title, citation.quote); });
    if (cited) continue;
    bool shown = false;
    FOOTNOTE_ASSIGN_OR_RETURN(
        const std::vector<Support> best,
        scorer.BestQuotations("What is " + subject + "?", kOnTopicSpans, call_));
    for (const Support& quotation : best) {
      if (quotation.score < thresholds_.quotation_relevance ||
          !speaks_of_it(PassageOf(quotation).title, TextOf(quotation))) {
        continue;
      }
      QuoteSpan(quotation, builder);
      shown = true;
      break;
    }
    const bool absent = std::find(absent_subjects_.begin(), absent_subjects_.end(), subject) !=
                        absent_subjects_.end();
    if (!shown && !absent) unshown_subjects_.push_back(subject);
  }
  return OkStatus();
}

// Both sides of a contradiction are shown, once the answer rests on one of them.
void AnswerRun::QuoteConflicts(AnswerBuilder& builder) {
  for (const generator::SpanConflict& conflict : conflicts_) {
    const Support& a = quotations_[conflict.first];
    const Support& b = quotations_[conflict.second];
    const bool has_a = builder.Cites(a.passage, a.span);
    const bool has_b = builder.Cites(b.passage, b.span);
    if (has_a == has_b) continue;
    QuoteSpan(has_a ? b : a, builder);
  }
}

void AnswerRun::NameConflicts(const AnswerBuilder& builder) {
  for (const generator::SpanConflict& conflict : conflicts_) {
    const Support& a = quotations_[conflict.first];
    const Support& b = quotations_[conflict.second];
    const int first = builder.NumberOf(a.passage, a.span);
    const int second = builder.NumberOf(b.passage, b.span);
    if (first == 0 || second == 0) continue;
    const std::string kind = generator::ProblemName(conflict.kind);
    answer_.conflicts.push_back({{std::min(first, second), std::max(first, second)}, kind});
    answer_.notes.push_back("The documents differ: [" + std::to_string(std::min(first, second)) +
                            "] and [" + std::to_string(std::max(first, second)) +
                            "] do not say the same (" + kind + ").");
  }
}

}  // namespace footnote::server
