// The regular expressions of published pre-tokenizers.
//
// Written by hand instead of with a regular-expression engine: no backtracking on untrusted text,
// and ten times the speed. Each gives exactly the matches that Hugging Face `tokenizers` finds, and
// takes time in proportion to the text. Threads: a Pattern may be used by several at once.
#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "common/status.h"
#include "generator/tokenizers/characters.h"

namespace footnote::generator {

// What was found at a character: a match up to `end`, or nothing (end is 0) before `resume`.
struct MatchAt {
  size_t end = 0;
  size_t resume = 0;
};

// Looks at character i < characters.count().
using Pattern = std::function<MatchAt(const Characters& characters, size_t i)>;

// A stretch of characters, matched or between matches.
struct Stretch {
  size_t begin;
  size_t end;
  bool matched;
};

// The whole text as stretches, in order, none empty.
std::vector<Stretch> FindMatches(const Pattern& pattern, const Characters& characters);

// By the expression, which is known as a whole (patterns.def) or is of a simple form. Errors:
// UNIMPLEMENTED shows the expression.
StatusOr<Pattern> PatternOf(std::string_view expression);

// The expressions by name.
#define FOOTNOTE_PATTERN(name, find, expression) \
  inline constexpr std::string_view name = expression;
#include "generator/tokenizers/patterns.def"
#undef FOOTNOTE_PATTERN

}  // namespace footnote::generator
