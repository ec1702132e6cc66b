#include "generator/grounding/evidence.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "common/text/sentences.h"
#include "common/text/utf8.h"
#include "generator/grounding/instructions.h"
#include "generator/grounding/slots.h"

namespace footnote::generator::grounding {
namespace {

// What a word is worth when it is found beside the span, not in it. A title names what every
// sentence below it is about; a neighbouring sentence often does ("It must …").
constexpr double kTitleCredit = 0.8;
constexpr double kNeighbourCredit = 0.4;
// Names and numbers carry more of a sentence than other words do.
constexpr double kNameWeight = 1.5;
constexpr double kWeakQuestionWeight = 0.35;
// Least weight of a word that every sentence holds, against 1 for one that none does.
constexpr double kCommonWordWeight = 0.35;
// Of the aligned words' weight: this much denied on one side alone is a contradiction…
constexpr double kDeniedShare = 0.2;
// …but where both deny something, only more than so many times that.
constexpr double kDeniedRatio = 2.5;
// Items on either side of a number that tell what it counts; twice as many in the source.
constexpr size_t kCountedReach = 4;
// Below this alignment "must" and "may" of two texts are about different things.
constexpr double kModalAlignment = 0.5;

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f'; }

ByteSpan Trimmed(std::string_view text, size_t start, size_t end) {
  while (start < end && IsSpace(text[start])) ++start;
  while (end > start && IsSpace(text[end - 1])) --end;
  return {start, end};
}

// Where to cut a sentence that is too long: behind ";", else ",", else at white space, else between
// characters; not in its first third.
size_t CutBefore(std::string_view text, size_t start, size_t limit) {
  const size_t earliest = start + (limit - start) / 3;
  for (char mark : {';', ',', ' '}) {
    for (size_t i = limit; i > earliest; --i) {
      if (!IsSpace(text[i])) continue;
      if (mark == ' ' || text[i - 1] == mark) return i;
    }
  }
  const size_t floor = Utf8Floor(text, limit);
  return floor > start ? floor : limit;
}

// What never stands within a sentence, with the blank before it: remains of markup and of prompts.
// A sentence in front of such a mark keeps its end.
constexpr std::string_view kMarks[] = {" ![", " <!--", " <|", " [INST]", " </s>"};

size_t MarkBefore(std::string_view text, size_t start, size_t end) {
  size_t first = end;
  for (const std::string_view mark : kMarks) {
    first = std::min(first, text.substr(0, end).find(mark, start + 1));
  }
  return first;
}

std::string HeadOf(const Passage& passage) {
  std::string head = passage.title;
  for (const std::string& heading : passage.heading_path) head += ". " + heading;
  if (!passage.clause.empty()) head += ". " + passage.clause;
  return head;
}

void AppendSquashed(std::string_view text, std::string& out) {
  for (char c : LowerCase(text)) {
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || static_cast<unsigned char>(c) >= 0x80) {
      out += c;
    }
  }
}

template <typename Table>
double BestCredit(const Table& table, const std::string& stem, bool exact,
                  const typename Table::mapped_type** found) {
  if (const auto it = table.find(stem); it != table.end()) {
    *found = &it->second;
    return 1;
  }
  if (exact) return 0;
  double best = 0;
  for (const auto& [other, occurrence] : table) {
    const double likeness = StemLikeness(stem, other);
    if (likeness > best) {
      best = likeness;
      *found = &occurrence;
    }
  }
  return best;
}

}  // namespace

std::vector<ByteSpan> UnitsOf(std::string_view text) {
  std::vector<ByteSpan> units;
  for (const ByteSpan& sentence : SplitSentences(text)) {
    size_t start = sentence.start;
    while (start < sentence.end) {
      size_t cut = MarkBefore(text, start, sentence.end);
      if (cut - start > kMaxQuoteBytes) cut = CutBefore(text, start, start + kMaxQuoteBytes);
      const ByteSpan piece = Trimmed(text, start, cut);
      if (!piece.empty()) units.push_back(piece);
      start = cut;
    }
  }
  return units;
}

Evidence::Evidence(std::span<const Passage> passages) {
  std::vector<bool> stands_apart;  // of each span: no neighbour of the one before it
  for (size_t p = 0; p < passages.size(); ++p) {
    const Passage& passage = passages[p];
    const std::string head = HeadOf(passage);
    titles_.push_back(Analyse(head));
    StemTable title;
    StemTable all;
    for (const std::string& stem : titles_.back().all_stems) {
      ++title[stem].plain;
      ++all[stem].plain;
    }
    squashed_.emplace_back();
    AppendSquashed(head, squashed_.back());
    squashed_.back() += ' ';
    AppendSquashed(passage.text, squashed_.back());

    const std::vector<ByteSpan> units = UnitsOf(passage.text);
    bool skipped = false;  // between the last unit that was taken and this one
    for (const ByteSpan& bytes : units) {
      if (SpeaksToTheModel(std::string_view(passage.text).substr(bytes.start, bytes.size()))) {
        skipped = true;
        continue;
      }
      EvidenceSpan span;
      span.passage = static_cast<int>(p);
      span.bytes = bytes;
      span.text = std::string_view(passage.text).substr(bytes.start, bytes.size());
      span.first = static_cast<int>(units_.size());
      units_.push_back(Analyse(span.text));
      StemTable stems;
      for (const std::string& stem : units_.back().all_stems) ++all[stem].plain;
      for (const ContentWord& word : units_.back().words) {
        Occurrence& occurrence = stems[word.stem];
        ++(word.negated ? occurrence.negated : occurrence.plain);
        ++all[word.stem].plain;
      }
      for (const auto& [stem, occurrence] : stems) ++units_with_[stem];
      unit_stems_.push_back(std::move(stems));
      spans_.push_back(span);
      stands_apart.push_back(std::exchange(skipped, false));
    }
    title_stems_.push_back(std::move(title));
    all_stems_.push_back(std::move(all));
  }
  const size_t singles = spans_.size();
  for (size_t i = 0; i + 1 < singles; ++i) {
    const EvidenceSpan& first = spans_[i];
    const EvidenceSpan& second = spans_[i + 1];
    if (first.passage != second.passage || stands_apart[i + 1] ||
        second.bytes.end - first.bytes.start > kMaxQuoteBytes) {
      continue;
    }
    EvidenceSpan pair = first;
    pair.bytes.end = second.bytes.end;
    pair.text = std::string_view(passages[static_cast<size_t>(first.passage)].text)
                    .substr(pair.bytes.start, pair.bytes.size());
    pair.count = 2;
    spans_.push_back(pair);
  }
}

double Evidence::Weight(const ContentWord& word, bool for_question) const {
  const auto found = units_with_.find(word.stem);
  const double holding = found == units_with_.end() ? 0 : found->second;
  const auto units = static_cast<double>(units_.size());
  const double rarity = std::log((units + 1) / (holding + 0.5)) / std::log((units + 1) / 0.5);
  double weight = kCommonWordWeight + (1 - kCommonWordWeight) * std::max(0.0, rarity);
  if (word.name || word.number) weight *= kNameWeight;
  if (for_question && IsWeakQuestionWord(word.stem)) weight *= kWeakQuestionWeight;
  return weight;
}

double Evidence::OwnCredit(const Claims& claims, const ContentWord& word, const EvidenceSpan& span,
                           Occurrence* occurrence) const {
  // "1944" is said by "17 July 1944".
  if (word.number && SaysNumber(claims.numbers[word.number_index], span)) return 1;
  const bool exact = word.name || word.number;
  double best = 0;
  for (int unit = span.first; unit < span.first + span.count; ++unit) {
    const Occurrence* found = nullptr;
    const double credit =
        BestCredit(unit_stems_[static_cast<size_t>(unit)], word.stem, exact, &found);
    if (credit > 0 && occurrence != nullptr && found != nullptr) {
      occurrence->plain += found->plain;
      occurrence->negated += found->negated;
    }
    best = std::max(best, credit);
  }
  return best;
}

double Evidence::Credit(const Claims& claims, const ContentWord& word, const EvidenceSpan& span,
                        Occurrence* occurrence) const {
  const double own = OwnCredit(claims, word, span, occurrence);
  if (own > 0) return own;
  const auto passage = static_cast<size_t>(span.passage);
  if (title_stems_[passage].contains(word.stem)) return kTitleCredit;
  if (all_stems_[passage].contains(word.stem)) return kNeighbourCredit;
  return 0;
}

double Evidence::Align(const Claims& claims, const EvidenceSpan& span, bool for_question) const {
  double all = 0;
  double found = 0;
  for (const ContentWord& word : claims.words) {
    const double weight = Weight(word, for_question);
    all += weight;
    found += weight * Credit(claims, word, span, nullptr);
  }
  return all == 0 ? 0 : found / all;
}

double Evidence::OwnAlignment(const Claims& question, const EvidenceSpan& span) const {
  double all = 0;
  double found = 0;
  for (const ContentWord& word : question.words) {
    const double weight = Weight(word, /*for_question=*/true);
    all += weight;
    found += weight * OwnCredit(question, word, span, nullptr);
  }
  return all == 0 ? 0 : found / all;
}

double Evidence::OwnShare(const Claims& question, const EvidenceSpan& span) const {
  double found = 0;
  for (const ContentWord& word : question.words) found += OwnCredit(question, word, span, nullptr);
  return question.words.empty() ? 0 : found / static_cast<double>(question.words.size());
}

double Evidence::HeadingShare(const Claims& question, int passage) const {
  double all = 0;
  double found = 0;
  for (const ContentWord& word : question.words) {
    const double weight = Weight(word, /*for_question=*/true);
    all += weight;
    if (title_stems_[static_cast<size_t>(passage)].contains(word.stem)) found += weight;
  }
  return all == 0 ? 0 : found / all;
}

bool Evidence::SaysNumber(const Number& claim, const EvidenceSpan& span) const {
  auto says = [&](const Claims& source) {
    return std::any_of(source.numbers.begin(), source.numbers.end(),
                       [&](const Number& number) { return NumberSays(number, claim); });
  };
  for (int unit = span.first; unit < span.first + span.count; ++unit) {
    if (says(units_[static_cast<size_t>(unit)])) return true;
  }
  return says(titles_[static_cast<size_t>(span.passage)]);
}

bool Evidence::SaysName(const ContentWord& name, const EvidenceSpan& span) const {
  const auto passage = static_cast<size_t>(span.passage);
  if (all_stems_[passage].contains(name.stem)) return true;
  // "Western" for "west", "Belgian" for "Belgium".
  if (std::any_of(all_stems_[passage].begin(), all_stems_[passage].end(),
                  [&](const auto& entry) { return NamesOfOneFamily(name.stem, entry.first); })) {
    return true;
  }
  // "GPLv3" for "GPL v3", "co-operative" for "cooperative".
  std::string squashed;
  AppendSquashed(name.stem, squashed);
  constexpr size_t kTellingLength = 4;
  return squashed.size() >= kTellingLength &&
         squashed_[passage].find(squashed) != std::string::npos;
}

// "does not come with a warranty" needs a source that denies something, or says the opposite
// ("unlimited"): where the denied words are not in the span at all, comparing word by word sees
// nothing.
bool Evidence::DenialIsUnheard(const Claims& claims, const EvidenceSpan& span) const {
  std::vector<const ContentWord*> denied;
  for (const ContentWord& word : claims.words) {
    if (word.negated && !word.name && !word.number) denied.push_back(&word);
  }
  if (denied.empty()) return false;
  for (int unit = span.first; unit < span.first + span.count; ++unit) {
    for (const auto& [stem, count] : unit_stems_[static_cast<size_t>(unit)]) {
      if (count.negated > 0) return false;
      for (const ContentWord* word : denied) {
        if (AreOpposites(word->stem, stem)) return false;
      }
    }
  }
  return true;
}

std::optional<ByteSpan> Evidence::NegationProblem(const Claims& claims,
                                                  const EvidenceSpan& span) const {
  // What denies, else the word that is not denied here but in the source.
  auto fault = [&](const ContentWord* word) {
    if (!claims.denials.empty()) return claims.denials.front();
    return word == nullptr ? ByteSpan() : word->bytes;
  };
  double aligned = 0;
  double both = 0;
  double one_side = 0;
  const ContentWord* first_on_one_side = nullptr;
  if (DenialIsUnheard(claims, span)) return fault(nullptr);
  for (const ContentWord& word : claims.words) {
    Occurrence occurrence;
    const double credit = Credit(claims, word, span, &occurrence);
    if (occurrence.plain + occurrence.negated == 0) {
      if (word.name || word.number) continue;
      // Not there, but its opposite may be.
      for (int unit = span.first; unit < span.first + span.count; ++unit) {
        for (const auto& [stem, count] : unit_stems_[static_cast<size_t>(unit)]) {
          const bool source_negated = count.negated > 0;
          if (AreOpposites(word.stem, stem) && word.negated == source_negated) return word.bytes;
        }
      }
      continue;
    }
    if (word.name || word.number) continue;  // who and how much; what is denied is the rest
    const double weight = Weight(word, false) * credit;
    aligned += weight;
    if (word.negated && occurrence.negated > 0) {
      both += weight;
    } else if (word.negated || occurrence.plain == 0) {
      one_side += weight;
      if (first_on_one_side == nullptr) first_on_one_side = &word;
    }
  }
  if (aligned == 0) return std::nullopt;
  const bool matches =
      both > 0 ? one_side <= kDeniedRatio * both : one_side < kDeniedShare * aligned;
  if (matches) return std::nullopt;
  return fault(first_on_one_side);
}

std::optional<ByteSpan> Evidence::ModalityProblem(const Claims& claims, const EvidenceSpan& span,
                                                  double alignment) const {
  for (const ModalClaim& claim : claims.modals) {
    bool same_verb = false;
    bool same_verb_agrees = false;
    bool any = false;
    bool any_agrees = false;
    for (int unit = span.first; unit < span.first + span.count; ++unit) {
      for (const ModalClaim& source : units_[static_cast<size_t>(unit)].modals) {
        // Denied, "may", "must" and "shall" all forbid.
        const bool agrees =
            Agree(source.modality, claim.modality) || (source.negated && claim.negated);
        any = true;
        any_agrees = any_agrees || agrees;
        if (!claim.verb.empty() && source.verb == claim.verb) {
          same_verb = true;
          same_verb_agrees = same_verb_agrees || agrees;
        }
      }
    }
    if (same_verb && !same_verb_agrees) return claim.bytes;
    if (!same_verb && any && !any_agrees && alignment >= kModalAlignment) return claim.bytes;
  }
  return std::nullopt;
}

bool Comparison::Has(SupportProblem::Kind kind) const {
  return std::any_of(problems.begin(), problems.end(),
                     [kind](const SupportProblem& problem) { return problem.kind == kind; });
}

bool Comparison::SaidNowhere(SupportProblem::Kind kind) const {
  return std::any_of(problems.begin(), problems.end(), [kind](const SupportProblem& problem) {
    return problem.kind == kind && problem.nowhere;
  });
}

bool Comparison::Contradicts() const {
  return std::any_of(problems.begin(), problems.end(),
                     [](const SupportProblem& problem) { return !problem.elsewhere; });
}

bool Evidence::AnySays(const Number& claim) const {
  const auto says = [&](const Claims& source) {
    return std::any_of(source.numbers.begin(), source.numbers.end(),
                       [&](const Number& number) { return NumberSays(number, claim); });
  };
  return std::any_of(units_.begin(), units_.end(), says) ||
         std::any_of(titles_.begin(), titles_.end(), says);
}

bool Evidence::AnyHas(const ContentWord& name) const {
  return std::any_of(all_stems_.begin(), all_stems_.end(),
                     [&](const StemTable& stems) { return stems.contains(name.stem); });
}

bool Evidence::AnyHasFormOf(const ContentWord& word) const {
  if (AnyHas(word)) return true;
  return std::any_of(all_stems_.begin(), all_stems_.end(), [&](const StemTable& stems) {
    return std::any_of(stems.begin(), stems.end(),
                       [&](const auto& entry) { return StemLikeness(entry.first, word.stem) > 0; });
  });
}

bool Evidence::CountsOtherThings(const Claims& claims, const Number& number) const {
  const auto words_near = [](const Claims& text, size_t at, size_t reach) {
    std::vector<std::string_view> near;
    for (size_t i = at < reach ? 0 : at - reach; i < text.items.size() && i <= at + reach; ++i) {
      const ItemKind kind = text.items[i].kind;
      if (kind == ItemKind::kContent || kind == ItemKind::kName) near.push_back(text.items[i].key);
    }
    return near;
  };
  const auto place = std::find_if(claims.items.begin(), claims.items.end(), [&](const Item& item) {
    return item.kind == ItemKind::kNumber && item.bytes == number.bytes;
  });
  if (place == claims.items.end()) return false;
  const std::vector<std::string_view> beside =
      words_near(claims, static_cast<size_t>(place - claims.items.begin()), kCountedReach);
  if (beside.empty()) return false;
  for (const std::vector<Claims>* texts : {&units_, &titles_}) {
    for (const Claims& text : *texts) {
      for (size_t i = 0; i < text.items.size(); ++i) {
        if (text.items[i].kind != ItemKind::kNumber ||
            !NumberSays(text.numbers[text.items[i].number_index], number)) {
          continue;
        }
        for (const std::string_view word : words_near(text, i, 2 * kCountedReach)) {
          if (std::any_of(beside.begin(), beside.end(), [&](std::string_view other) {
                return other == word || StemLikeness(std::string(other), std::string(word)) > 0;
              })) {
            return false;
          }
        }
      }
    }
  }
  return true;
}

Comparison Evidence::Compare(const Claims& claims, const EvidenceSpan& span) const {
  using Kind = SupportProblem::Kind;
  Comparison comparison;
  comparison.alignment = Align(claims, span, false);
  const Claims* source[] = {&units_[static_cast<size_t>(span.first)],
                            &units_[static_cast<size_t>(span.first + span.count - 1)]};
  comparison.problems =
      Contradictions(claims, std::span(source).first(static_cast<size_t>(span.count)));
  const auto at_fault = [&](const ByteSpan& bytes) {
    return std::any_of(comparison.problems.begin(), comparison.problems.end(),
                       [&](const SupportProblem& problem) { return problem.bytes == bytes; });
  };
  for (SupportProblem& problem : comparison.problems) {
    for (const Number& number : claims.numbers) {
      if (number.bytes == problem.bytes) problem.nowhere = !AnySays(number);
    }
    for (const ContentWord& word : claims.words) {
      if (word.name && word.bytes == problem.bytes) problem.nowhere = !AnyHas(word);
    }
  }
  for (const Number& number : claims.numbers) {
    if (number.claimed && !at_fault(number.bytes) && !SaysNumber(number, span)) {
      // "the two fighters" may count what the source lists.
      const bool may_count = number.unit.empty() && number.label.empty() && number.value == "2";
      const bool soft = may_count || number.unit == "th" ||
                        (AnySays(number) && !(number.range.empty() && number.unit != "%" &&
                                              CountsOtherThings(claims, number)));
      comparison.problems.push_back({Kind::kNumber, number.bytes, !soft, soft});
    }
  }
  for (const ContentWord& word : claims.words) {
    if (word.name && !at_fault(word.bytes) && !SaysName(word, span)) {
      const bool elsewhere = AnyHas(word);
      comparison.problems.push_back({Kind::kName, word.bytes, !elsewhere, elsewhere});
    }
  }
  if (!comparison.Has(Kind::kNegation) && !comparison.Has(Kind::kModality)) {
    if (const auto bytes = NegationProblem(claims, span)) {
      comparison.problems.push_back({Kind::kNegation, *bytes});
    } else if (const auto modal = ModalityProblem(claims, span, comparison.alignment)) {
      comparison.problems.push_back({Kind::kModality, *modal});
    }
  }
  Claims context = claims;
  std::erase_if(context.words, [&](const ContentWord& word) { return at_fault(word.bytes); });
  comparison.context_alignment = context.words.size() == claims.words.size()
                                     ? comparison.alignment
                                     : Align(context, span, false);
  return comparison;
}

}  // namespace footnote::generator::grounding
