#include "generator/grounding/quotation_features.h"

#include <algorithm>
#include <cmath>

namespace footnote::generator::grounding {
namespace {

using Feature = QuotationFeature;

// Bytes of a document after which its front is a third of what it was.
constexpr double kFrontBytes = 2000;
constexpr double kPlace = 0.1;

double Share(double value) { return std::clamp(value, 0.0, 1.0); }

}  // namespace

QuotationReader::QuotationReader(std::string_view question, const Evidence& evidence,
                                 std::span<const Passage> passages)
    : question_(ReadQuestion(question)), evidence_(evidence), passages_(passages) {
  for (const Passage& passage : passages) {
    rest_.push_back(WithoutSubject(question_.claims, passage.title));
    best_lexical_ = std::max(best_lexical_, passage.lexical_score);
  }
}

const Claims& QuotationReader::AskedOf(int passage) const {
  const std::optional<Claims>& rest = rest_[static_cast<size_t>(passage)];
  return rest && !rest->words.empty() ? *rest : question_.claims;
}

QuotationFeatures QuotationReader::Read(const EvidenceSpan& span) const {
  const Passage& passage = passages_[static_cast<size_t>(span.passage)];
  const Claims& asked = AskedOf(span.passage);
  QuotationFeatures features;
  features[Feature::alignment] = evidence_.Align(asked, span, /*for_question=*/true);
  features[Feature::own_words] = evidence_.OwnAlignment(asked, span);
  features[Feature::plain_words] = evidence_.OwnShare(asked, span);
  features[Feature::heading] = evidence_.HeadingShare(question_.claims, span.passage);

  bool modal = false;
  for (int unit = span.first; unit < span.first + span.count; ++unit) {
    modal = modal || !evidence_.units()[static_cast<size_t>(unit)].modals.empty();
  }
  features[Feature::modal] = modal && !question_.claims.modals.empty() ? 1 : 0;

  features[Feature::passage_similarity] = Share(passage.dense_score);
  features[Feature::nearest_sentence] = Share(passage.sentence_score);
  if (best_lexical_ > 0) features[Feature::lexical] = Share(passage.lexical_score / best_lexical_);
  features[Feature::place] = Share(kPlace * span.passage);
  features[Feature::first_passage] = span.passage == 0 ? 1 : 0;
  features[Feature::front] =
      std::exp(-static_cast<double>(passage.span.start + span.bytes.start) / kFrontBytes);

  const bool opens = span.first == 0 ||
                     evidence_.spans()[static_cast<size_t>(span.first) - 1].passage != span.passage;
  const AnswerSigns signs = ReadSigns(question_, span, evidence_.units(), passage.title, opens);
  features[Feature::opens_passage] = opens ? 1 : 0;
  features[Feature::subject] = rest_[static_cast<size_t>(span.passage)] ? 1 : 0;
  features[Feature::entry] = signs.entry ? 1 : 0;
  features[Feature::defines] = signs.defines ? 1 : 0;
  features[Feature::wanted_number] = question_.wanted == Wanted::kNumber && signs.number ? 1 : 0;
  features[Feature::wanted_date] = question_.wanted == Wanted::kDate && signs.date ? 1 : 0;
  features[Feature::wanted_name] = question_.wanted == Wanted::kPerson && signs.name ? 1 : 0;
  features[Feature::fragment] = signs.fragment ? 1 : 0;
  features[Feature::pair] = span.count > 1 ? 1 : 0;
  return features;
}

}  // namespace footnote::generator::grounding
