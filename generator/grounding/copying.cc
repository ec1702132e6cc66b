#include "generator/grounding/copying.h"

#include <algorithm>
#include <string>

#include "common/text/white_space.h"
#include "generator/grounding.h"
#include "generator/grounding/lexicon.h"

namespace footnote::generator {
namespace grounding {
namespace {

constexpr size_t kMostSpans = 16;

bool BeginsWith(std::string_view text, std::string_view characters) {
  return !text.empty() && characters.find(text.front()) != std::string_view::npos;
}
bool EndsWith(std::string_view text, std::string_view characters) {
  return !text.empty() && characters.find(text.back()) != std::string_view::npos;
}

bool EndsSentence(std::string_view text) {
  while (EndsWith(text, "\"')] ")) text.remove_suffix(1);
  return EndsWith(text, ".!?");
}

std::string LowerWord(std::string_view piece) {
  std::string word;
  for (const char c : piece) {
    if (c >= 'A' && c <= 'Z') {
      word += static_cast<char>(c - 'A' + 'a');
    } else if ((c >= 'a' && c <= 'z') || c == '\'') {
      word += c;
    }
  }
  return word;
}

}  // namespace

CopyingConstraint::CopyingConstraint(const Tokenizer& tokenizer,
                                     const std::vector<std::string_view>& spans) {
  for (size_t s = 0; s < std::min(spans.size(), kMostSpans); ++s) {
    Span span;
    span.tokens =
        tokenizer.Encode(" " + OnOneLine(spans[s]), {.add_special = false, .parse_special = false});
    std::string word;  // that the last tokens are parts of
    std::string before;
    int limits = 0;
    const auto end_word = [&] {
      limits += LimitsWhatIsSaid(LowerWord(word)) ? 1 : 0;
      word.clear();
    };
    std::vector<std::string> pieces;
    for (const TokenId token : span.tokens) {
      pieces.push_back(tokenizer.Decode(std::span(&token, 1), /*skip_special=*/true));
    }
    pieces.emplace_back(" ");
    for (size_t i = 0; i < pieces.size(); ++i) {
      const std::string& piece = pieces[i];
      // A space may be a token of its own: it and what comes next are one beginning.
      const bool alone = piece == " " && i + 1 < pieces.size();
      const std::string_view bare =
          alone ? std::string_view(pieces[i + 1])
                : std::string_view(piece).substr(piece.starts_with(' ') ? 1 : 0);
      const bool mark = (i == 0 || before != " ") && BeginsWith(bare, ",;:()[]");
      if (i == 0 || piece.starts_with(' ') || mark) end_word();
      span.begins_word.push_back(i == 0 || piece.starts_with(' '));
      span.is_mark.push_back(mark);
      span.begins_clause.push_back(i == 0 || (piece.starts_with(' ') && EndsWith(before, ",;:)]")));
      span.limits.push_back(limits);
      span.sentence_ends.push_back(i > 0 && span.begins_word.back() && EndsSentence(before));
      word += piece;
      before = piece;
    }
    spans_.push_back(std::move(span));
  }
  full_stop_ = tokenizer.Encode(".", {.add_special = false, .parse_special = false});
  const std::span<const TokenId> ends = tokenizer.end_of_generation();
  ends_.assign(ends.begin(), ends.end());
}

template <typename Visit>
void CopyingConstraint::EachStart(const State& state, const Visit& visit) const {
  for (size_t s = 0; s < spans_.size(); ++s) {
    if ((state.used >> s & 1) != 0) continue;
    const Span& span = spans_[s];
    for (size_t at = 0; at < span.tokens.size(); ++at) {
      // A clause alone is seldom a sentence: "the southernmost active volcano".
      if (at > 0 && !span.sentence_ends[at]) continue;
      if (!span.MayLeaveOut(0, at)) continue;
      State next;
      next.span = static_cast<int16_t>(s);
      next.at = static_cast<int16_t>(at + 1);
      next.words = 1;
      next.used = static_cast<uint16_t>(state.used | 1U << s);
      next.said = state.said;
      visit(span.tokens[at], next);
    }
  }
}

template <typename Visit>
void CopyingConstraint::EachWay(const State& state, const Visit& visit) const {
  if (state.span < 0) {
    EachStart(state, visit);
    if (!state.said && !spans_.empty()) return;
    for (const TokenId end : ends_) visit(end, State());
    return;
  }
  const Span& span = spans_[static_cast<size_t>(state.span)];
  const auto at = static_cast<size_t>(state.at);
  const size_t end = span.tokens.size();
  State between;
  between.used = state.used;
  between.said = true;
  // A whole sentence, or the span, is over: another may come, or nothing.
  if (at == end || span.sentence_ends[at]) EachWay(between, visit);
  if (at == end) return;
  State next = state;
  ++next.at;
  if (span.begins_word[at] && next.words < kFewestWords) ++next.words;
  visit(span.tokens[at], next);
  // The rest behind a mark may be left out…
  if (span.is_mark[at] && state.words >= kFewestWords && span.MayLeaveOut(at, end) &&
      full_stop_.size() == 1) {
    visit(full_stop_[0], between);
  }
  // …and what stands from here to a mark, from one mark to another.
  if (state.skips == kMostSkips || (!span.begins_clause[at] && !span.is_mark[at])) return;
  for (size_t to = at + 1; to < end && span.MayLeaveOut(at, to); ++to) {
    const bool same_kind = span.is_mark[at] ? span.is_mark[to] : span.begins_clause[to];
    if (!same_kind) continue;
    State skipped = state;
    skipped.at = static_cast<int16_t>(to + 1);
    ++skipped.skips;
    visit(span.tokens[to], skipped);
  }
}

std::vector<TokenId> CopyingConstraint::Allowed(std::span<const TokenId> generated) const {
  States states = {State()};
  for (const TokenId token : generated) {
    States after;
    for (const State& state : states) {
      EachWay(state, [&](TokenId way, const State& next) {
        if (way == token) after.insert(next);
      });
    }
    states = std::move(after);
  }
  std::set<TokenId> allowed;
  for (const State& state : states) {
    EachWay(state, [&](TokenId way, const State&) { allowed.insert(way); });
  }
  // Nothing to copy, or nothing of it was written: the end.
  if (allowed.empty()) allowed.insert(ends_.begin(), ends_.end());
  return {allowed.begin(), allowed.end()};
}

}  // namespace grounding

std::shared_ptr<const TokenConstraint> CopyingFrom(const Tokenizer& tokenizer,
                                                   const std::vector<std::string_view>& spans) {
  return std::make_shared<grounding::CopyingConstraint>(tokenizer, spans);
}

}  // namespace footnote::generator
