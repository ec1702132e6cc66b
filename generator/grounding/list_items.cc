// The items of the list that answers a question.
#include <algorithm>
#include <optional>

#include "generator/grounding/question.h"
#include "generator/grounding/support_state.h"

namespace footnote::generator {
namespace {

// So much of the question the sentence before the list must hold, with its headings.
constexpr double kIntroduces = 0.6;
constexpr size_t kFewestItems = 2;

// "- ", "* ", "(a) ", "2. ", "iv) ": what begins an item.
bool BeginsItem(std::string_view text) {
  for (std::string_view bullet : {"- ", "* ", "+ ", "\xE2\x80\xA2 ", "\xE2\x80\x93 "}) {
    if (text.starts_with(bullet)) return true;
  }
  const bool bracket = text.starts_with('(');
  if (bracket) text.remove_prefix(1);
  constexpr size_t kLongestLabel = 4;
  size_t label = 0;
  while (
      label < text.size() && label <= kLongestLabel &&
      ((text[label] >= '0' && text[label] <= '9') || (text[label] >= 'a' && text[label] <= 'z'))) {
    ++label;
  }
  if (label == 0 || label > kLongestLabel || label + 1 >= text.size()) return false;
  const bool digits = text[0] >= '0' && text[0] <= '9';
  return (text[label] == ')' || (text[label] == '.' && digits && !bracket)) &&
         text[label + 1] == ' ';
}

}  // namespace

std::vector<Support> SupportScorer::ListItems(std::string_view question, int max_results) const {
  const grounding::Question asked = grounding::ReadQuestion(question);
  const std::vector<grounding::EvidenceSpan>& spans = state_->spans();
  const size_t units = state_->evidence().units().size();
  double best = 0;
  std::optional<std::pair<size_t, size_t>> chosen;  // [intro, end)
  for (size_t first = 1; first < units; ++first) {
    const int passage = spans[first].passage;
    const auto is_item = [&](size_t unit) {
      return unit < units && spans[unit].passage == passage && BeginsItem(spans[unit].text);
    };
    if (!is_item(first) || is_item(first - 1) || spans[first - 1].passage != passage) continue;
    size_t end = first;
    while (is_item(end)) ++end;
    if (end - first < kFewestItems) continue;
    const double introduces =
        state_->evidence().Align(asked.claims, spans[first - 1], /*for_question=*/true);
    if (introduces >= kIntroduces && introduces > best) {
      best = introduces;
      chosen = {first - 1, end};
    }
  }
  std::vector<Support> items;
  if (!chosen.has_value()) return items;
  for (size_t unit = chosen->first; unit < chosen->second; ++unit) {
    // The words before the list belong to it only where they lead to it.
    if (unit == chosen->first && !spans[unit].text.ends_with(':')) continue;
    if (static_cast<int>(items.size()) == max_results) break;
    Support support;
    support.score = 1;
    support.passage = spans[unit].passage;
    const uint64_t base = state_->passage(support.passage).span.start;
    support.span = {base + spans[unit].bytes.start, base + spans[unit].bytes.end};
    support.alignment = best;
    items.push_back(support);
  }
  return items;
}

}  // namespace footnote::generator
