// Support: does a passage say what a sentence says, and where?
//
// A sentence leaves the service only after it was scored here against the passages of its context.
// Numbers, names and negation must match; then token alignment and sentence embeddings decide.
// Citations are assigned from the best supporting spans, never from what the model wrote.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/call_context.h"
#include "common/embedder.h"
#include "common/status.h"
#include "common/types.h"
#include "generator/text_generator.h"

namespace footnote::generator {

// A word of a sentence that its source says otherwise, or does not say.
struct SupportProblem {
  enum class Kind { kNumber, kName, kNegation, kModality };
  Kind kind = Kind::kNumber;
  ByteSpan bytes;  // in the sentence: the number with its unit, the name, the word that denies
                   // ("not") or obliges ("must"), or the word that the source denies
  bool nowhere = false;    // of a number or name: no passage has it
  bool elsewhere = false;  // nothing contradicts it and another place says it: the number or name
                           // alone, not what it belongs to
};

// Where and how well a passage supports a sentence.
struct Support {
  double score = 0;  // 0 unsupported … 1 supported
  int passage = -1;  // index into the passages, -1 when none
  ByteSpan span;  // of the supporting text in that passage's document: at most two sentences or 400
                  // bytes
  // Why the score is what it is; each 0…1.
  double alignment = 0;       // share of the sentence's content words found in the span, by weight
  double similarity = 0;      // cosine of sentence and span
  double confidence = 0;      // of BestQuotations: how likely a person would point to this place,
                              // judged also by how far it stands out from the others
  ByteSpan core;              // of BestQuotations: of two sentences, the one that answers better;
                              // empty where both do
  bool numbers_match = true;  // every number (with its unit) stands in the span
  bool names_match = true;    // every name and identifier stands in the passage
  bool negation_match =
      true;  // "not", "never", "unless" agree, and "must" with "must", "may" with "may"
  std::vector<SupportProblem> problems;  // empty when all of these match
};

// What a score was made of, by name (grounding/support_features.def); for fitting and for people.
using NamedFeatures = std::vector<std::pair<std::string_view, double>>;

// A sentence of a text, and what supports it.
struct SentenceSupport {
  ByteSpan bytes;                 // in the text
  double score = 0;               // of the best support; 0 without one
  bool claims = false;            // it says something that could be supported
  std::vector<Support> supports;  // best first, one span a passage
  NamedFeatures features;         // empty unless it claims something
};

// A whole text against the passages.
struct TextSupport {
  double score = 0;  // 0…1: how likely nothing in it is unsupported; near 1 when it claims nothing
  std::vector<SentenceSupport> sentences;
  NamedFeatures features;
};

// Two spans that speak of the same and say different things of it.
struct SpanConflict {
  size_t first = 0;  // indices into what was asked about
  size_t second = 0;
  SupportProblem::Kind kind = SupportProblem::Kind::kNumber;
};
// "number", "name", "negation", "modality".
const char* ProblemName(SupportProblem::Kind kind);

// A span that BestQuotations chooses among.
struct QuotationCandidate {
  int passage = -1;  // index into the passages
  ByteSpan span;     // in that passage's document
  double score = 0;
  NamedFeatures features;  // grounding/quotation_weights.def
};

// How words of a sentence stand in its source.
struct WordOrder {
  double share = 1;   // of them, that stand there in the same order; 1 where there are none
  int misplaced = 0;  // that stand there, too, but elsewhere: one may say of it what is another's
};

// What a sentence that a model wrote says in words of its own.
struct Wording {
  int foreign_words = 0;  // distinct content words that neither a passage nor the question has
  int added_words = 0;    // distinct content words and numbers that the question does not have
  WordOrder added;        // of the content words and numbers beyond the question's
  WordOrder whole;        // of all
  bool leads_in = false;  // it ends where what it promises would begin ("… are:")
};

// Sentences of passages, analysed once and embedded when first needed. Threads: one caller at a
// time.
class SupportScorer {
 public:
  // Passages must outlive the scorer. `embedder` may be null: similarity is then left out of the
  // score. Cheap: nothing is embedded yet.
  static StatusOr<SupportScorer> Create(const Embedder* embedder, std::span<const Passage> passages,
                                        const CallContext& call);

  // Best support of `sentence` by one span, best first, one span a passage; at most `max_results`
  // with a score above 0. A sentence that claims nothing (no content word, a question) has no
  // support. Errors: those of the embedder.
  StatusOr<std::vector<Support>> Score(std::string_view sentence, int max_results,
                                       const CallContext& call) const;

  // All sentences of `text`, and one score for the whole. Errors: those of the embedder.
  StatusOr<TextSupport> ScoreText(std::string_view text, int max_results,
                                  const CallContext& call) const;

  // The spans (one or two sentences) that answer `question` best, for quoting instead of
  // generating, best first; several may come from one passage, none overlap. Same fields; the score
  // is relevance to the question.
  StatusOr<std::vector<Support>> BestQuotations(std::string_view question, int max_results,
                                                const CallContext& call) const;

  // Of a sentence that answers `question` and cites `source`. Forms of a word ("terminate",
  // "termination") count as the word.
  Wording ReadWording(std::string_view sentence, std::string_view question,
                      std::string_view source) const;

  // For a summary: sentences that say most of what all passages say, best first, each adding to
  // those before it, one of each document before a second of any; the score falls from 1 and only
  // orders them. Nothing is embedded.
  std::vector<Support> CentralSpans(int max_results) const;

  // The items of the list that answers `question`, in their order, with the words that lead to it:
  // a run of two or more items behind a sentence that holds most of the question. None where there
  // is no such list.
  std::vector<Support> ListItems(std::string_view question, int max_results) const;

  // Where spans of different documents contradict each other. Only sentences that share nearly all
  // else are compared, so that two documents about different things do not conflict.
  std::vector<SpanConflict> Conflicts(std::span<const Support> supports) const;

  // What BestQuotations chooses among, those that look best by their words first; `max_candidates`
  // of them are embedded. For fitting.
  StatusOr<std::vector<QuotationCandidate>> QuotationCandidates(std::string_view question,
                                                                int max_candidates,
                                                                const CallContext& call) const;

 private:
  class State;
  explicit SupportScorer(std::shared_ptr<State> state) : state_(std::move(state)) {}

  std::shared_ptr<State> state_;  // copies of a scorer share it
};

// Thresholds of a risk setting: what must hold before a sentence leaves and before an answer is
// tried at all.
struct GroundingThresholds {
  double answerability = 0;  // gate 1: below it the service abstains before generating
  double sentence_support = 0;
  double answer_support = 0;        // gate 2: mean support of the released sentences
  double quotation_relevance = 0;   // least score of a place that a written sentence may rest on
  double quotation_confidence = 0;  // least confidence in a place that is quoted
  double in_order = 0;              // least WordOrder::share of a sentence that a model wrote
};
GroundingThresholds ThresholdsFor(RiskSetting risk);

// What gate 1 looks at; generator/grounding/answerability.def has the weights.
struct AnswerabilityFeatures {
  double best_dense = 0;         // largest cosine of question and passage
  double best_sentence = 0;      // largest cosine of question and a sentence
  double coverage = 0;           // most of the question's content words that one passage holds
  double sentence_coverage = 0;  // the same of one sentence, rare words weighing more

  std::vector<std::pair<std::string_view, double>> Named() const;
};

// `question` without what only names the document that is asked about, where that is known.
AnswerabilityFeatures ReadAnswerability(std::string_view question,
                                        std::span<const Passage> passages);

// For generating with the sources' own words: each sentence is one of `spans`, shortened where that
// takes nothing from what it says (generator/grounding/copying.h).
std::shared_ptr<const TokenConstraint> CopyingFrom(const Tokenizer& tokenizer,
                                                   const std::vector<std::string_view>& spans);

// For generating in the model's own sentences: the sources' words in the sources' order, joined by
// small words and those of the question (generator/grounding/in_order.h).
class InOrder : public TokenConstraint {
 public:
  // Whether a sentence may end behind `generated`: nothing is left out behind it that limits what
  // it says.
  virtual bool MayEndBehind(std::span<const TokenId> generated) const = 0;
};
std::shared_ptr<const InOrder> InOrderFrom(const Tokenizer& tokenizer,
                                           const std::vector<std::string_view>& sources,
                                           std::string_view question);

// How likely the passages answer the question, 0…1: gate 1. 0 without passages.
double Answerability(const AnswerabilityFeatures& features);
double Answerability(std::string_view question, std::span<const Passage> passages);

// True when a text refuses to answer ("I don't know", "The passages do not say …"), by the phrases
// of grounding/refusal_phrases.def, looked for in its first two sentences. For modes that have no
// gate: eval's plain and closed-book.
bool IsRefusal(std::string_view answer);

}  // namespace footnote::generator
