// Decoding that stays with the sources: which tokens may follow, so that each sentence is one of
// the spans given, shortened. Private to the generator room.
//
// A sentence begins where one of a span does, and goes on word by word. What stands
// between commas, semicolons or brackets may be left out, at most kMostSkips times, and so may the
// end behind such a mark; but nothing that holds a condition, an exception or a denial
// (LimitsWhatIsSaid): "may sublicense, except to competitors" never loses its end. So copying is
// always possible, and a number or a name that the span does not hold cannot be written. The
// automaton runs over token ids and is nondeterministic: all ways to read what was written are
// followed at once.
#pragma once

#include <set>
#include <string_view>
#include <vector>

#include "generator/text_generator.h"

namespace footnote::generator::grounding {

// Threads: const, any.
class CopyingConstraint final : public TokenConstraint {
 public:
  static constexpr int kMostSkips = 2;    // in a sentence
  static constexpr int kFewestWords = 5;  // of a sentence that ends early

  // Spans: what may be copied; at most 16 are looked at.
  CopyingConstraint(const Tokenizer& tokenizer, const std::vector<std::string_view>& spans);

  std::vector<TokenId> Allowed(std::span<const TokenId> generated) const override;

 private:
  struct Span {
    std::vector<TokenId> tokens;
    // Of each token, and of the end behind the last:
    std::vector<bool> begins_word;
    std::vector<bool> begins_clause;  // a mark stands before it
    std::vector<bool> is_mark;        // a comma, a semicolon, an opening bracket …
    std::vector<int> limits;          // words before it that limit what is said
    std::vector<bool> sentence_ends;  // the text before it is a whole sentence

    bool MayLeaveOut(size_t from, size_t to) const { return limits[from] == limits[to]; }
  };
  // Where a reading stands: between sentences (span -1), or in a span.
  struct State {
    int16_t span = -1;
    int16_t at = 0;     // the next token
    int16_t words = 0;  // of this sentence, up to kFewestWords
    int16_t skips = 0;
    uint16_t used = 0;  // spans begun: none is copied twice
    bool said = false;  // at least one sentence is over
    auto operator<=>(const State&) const = default;
  };
  using States = std::set<State>;

  // Calls visit(token, next state) for each way on; an end of the generation has no next state.
  template <typename Visit>
  void EachWay(const State& state, const Visit& visit) const;
  template <typename Visit>
  void EachStart(const State& state, const Visit& visit) const;

  std::vector<Span> spans_;
  std::vector<TokenId> full_stop_;
  std::vector<TokenId> ends_;
};

}  // namespace footnote::generator::grounding
