#include "generator/tokenizers/patterns.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <string>

#include "generator/tokenizers/character_set.h"
#include "generator/weights/byte_cursor.h"

namespace footnote::generator {
namespace {

constexpr unsigned kWordish = kLetterClass | kNumberClass;
constexpr unsigned kNoSymbol = kSpaceClass | kLetterClass | kNumberClass;

// Characters of 's 't 're 've 'm 'll 'd at i, or 0. Case is ignored as regular expressions do,
// which know the long s (U+017F).
size_t ContractionLength(const Characters& characters, size_t i, bool any_case) {
  if (characters.code(i) != '\'') return 0;
  const auto letter = [&](size_t at) -> char32_t {
    if (at >= characters.count()) return 0;
    const char32_t c = characters.code(at);
    if (any_case && c == 0x17F) return 's';
    return any_case && c >= 'A' && c <= 'Z' ? c + 32 : c;
  };
  const char32_t first = letter(i + 1);
  if (first == 's' || first == 't' || first == 'm' || first == 'd') return 2;
  const char32_t second = first == 0 ? 0 : letter(i + 2);
  if ((first == 'r' && second == 'e') || (first == 'v' && second == 'e') ||
      (first == 'l' && second == 'l')) {
    return 3;
  }
  return 0;
}

// \s+(?!\S)|\s+ : a run of white space without its last character when something else follows,
// since that belongs to the next word; but at least one.
size_t WhiteSpaceEnd(const Characters& characters, size_t i) {
  const size_t end = characters.RunOf(i, kSpaceClass);
  return end == characters.count() || end - i == 1 ? end : end - 1;
}

// \s*[\r\n]+|\s+(?!\S)|\s+ : white space up to and with its last line break, or as above.
size_t LinesOrSpaceEnd(const Characters& characters, size_t i) {
  for (size_t end = characters.RunOf(i, kSpaceClass); end > i; --end) {
    if (characters.Is(end - 1, kNewlineClass)) return end;
  }
  return WhiteSpaceEnd(characters, i);
}

//  ?[…]+[\r\n]* of characters in none of the classes `not_symbol`; i when there is none.
size_t SymbolsEnd(const Characters& characters, size_t i, unsigned not_symbol, bool slashes) {
  const size_t symbol = characters.code(i) == ' ' ? i + 1 : i;
  size_t end = characters.RunOfOther(symbol, not_symbol);
  if (end == symbol) return i;
  while (characters.Is(end, kNewlineClass) || (slashes && characters.code(end) == '/')) ++end;
  return end;
}

// 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
MatchAt Gpt2End(const Characters& characters, size_t i) {
  const size_t contraction = ContractionLength(characters, i, /*any_case=*/false);
  if (contraction != 0) return {i + contraction};
  const size_t word = characters.code(i) == ' ' ? i + 1 : i;
  if (characters.Is(word, kLetterClass)) return {characters.RunOf(word, kLetterClass)};
  if (characters.Is(word, kNumberClass)) return {characters.RunOf(word, kNumberClass)};
  if (const size_t end = characters.RunOfOther(word, kNoSymbol); end > word) return {end};
  return {WhiteSpaceEnd(characters, i)};
}

struct Llama3Options {
  unsigned word = kLetterClass;  // what words consist of
  size_t most_numbers = 3;
};

// (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|
//  ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
MatchAt Llama3Like(const Characters& characters, size_t i, const Llama3Options& options) {
  const size_t contraction = ContractionLength(characters, i, /*any_case=*/true);
  if (contraction != 0) return {i + contraction};
  // The character before a word may be a mark, which is as good a beginning of the word itself.
  const size_t word = characters.Is(i, kNewlineClass | kWordish) ? i : i + 1;
  if (characters.Is(word, options.word)) return {characters.RunOf(word, options.word)};
  if (characters.Is(i, options.word)) return {characters.RunOf(i, options.word)};
  if (characters.Is(i, kNumberClass)) {
    return {std::min(characters.RunOf(i, kNumberClass), i + options.most_numbers)};
  }
  const size_t symbols = SymbolsEnd(characters, i, kNoSymbol | options.word, /*slashes=*/false);
  return {symbols > i ? symbols : LinesOrSpaceEnd(characters, i)};
}

MatchAt Llama3End(const Characters& characters, size_t i) { return Llama3Like(characters, i, {}); }

MatchAt Qwen2End(const Characters& characters, size_t i) {
  return Llama3Like(characters, i, {.most_numbers = 1});
}

MatchAt Qwen35End(const Characters& characters, size_t i) {
  return Llama3Like(characters, i, {.word = kLetterClass | kRegexMarkClass, .most_numbers = 1});
}

// Letters as the next two patterns sort them: letters without case, and marks, are of both kinds.
bool IsUpperish(const Characters& characters, size_t i) {
  return characters.Is(i, kLetterClass | kRegexMarkClass) && !characters.Is(i, kLowerClass);
}
bool IsLowerish(const Characters& characters, size_t i) {
  return characters.Is(i, kLetterClass | kRegexMarkClass) && !characters.Is(i, kUpperClass);
}

// U*W+ at i, of upperish U and lowerish W; i when there is none. U* takes all it can and gives back
// up to the last character that is lowerish too, which is then alone: behind it are capitals.
size_t UpperThenLower(const Characters& characters, size_t i) {
  size_t upper = i;
  while (IsUpperish(characters, upper)) ++upper;
  size_t end = upper;
  while (IsLowerish(characters, end)) ++end;
  if (end > upper) return end;
  for (; end > i; --end) {
    if (IsLowerish(characters, end - 1)) return end;
  }
  return i;
}

// U+W* at i; i when there is none.
size_t UpperMaybeLower(const Characters& characters, size_t i) {
  size_t end = i;
  while (IsUpperish(characters, end)) ++end;
  if (end == i) return i;
  while (IsLowerish(characters, end)) ++end;
  return end;
}

// [^\r\n\p{L}\p{N}]?U*W+|[^\r\n\p{L}\p{N}]?U+W*|\p{N}{1,most_numbers}|
//  ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+, each word perhaps with a contraction
MatchAt CasedWords(const Characters& characters, size_t i, bool contractions, size_t most_numbers) {
  const bool may_precede = !characters.Is(i, kNewlineClass | kWordish);
  for (const auto find : {UpperThenLower, UpperMaybeLower}) {
    size_t end = may_precede && i + 1 < characters.count() ? find(characters, i + 1) : i + 1;
    if (!may_precede || end == i + 1) {
      end = find(characters, i);
      if (end == i) continue;
    }
    return {end + (contractions ? ContractionLength(characters, end, /*any_case=*/true) : 0)};
  }
  if (characters.Is(i, kNumberClass)) {
    return {std::min(characters.RunOf(i, kNumberClass), i + most_numbers)};
  }
  const size_t symbols = SymbolsEnd(characters, i, kNoSymbol, /*slashes=*/true);
  return {symbols > i ? symbols : LinesOrSpaceEnd(characters, i)};
}

MatchAt Gpt4oEnd(const Characters& characters, size_t i) {
  return CasedWords(characters, i, /*contractions=*/true, 3);
}

MatchAt TekkenEnd(const Characters& characters, size_t i) {
  return CasedWords(characters, i, /*contractions=*/false, 1);
}

bool IsAsciiLetter(char32_t c) { return (c | 0x20) >= 'a' && (c | 0x20) <= 'z' && c < 0x80; }

// [ASCII punctuation][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|
// \s*[\r\n]+|\s+(?!\S)|\s+. A number alone is no match.
MatchAt DeepSeekV3End(const Characters& characters, size_t i) {
  constexpr unsigned kWord = kLetterClass | kRegexMarkClass;
  constexpr unsigned kSymbol = kRegexPunctuationClass | kRegexSymbolClass;
  const char32_t c = characters.code(i);
  if (c < 0x80 && characters.Is(i, kSymbol)) {
    size_t end = i + 1;
    while (IsAsciiLetter(characters.code(end))) ++end;
    if (end > i + 1) return {end};
  }
  const bool may_precede = !characters.Is(i, kNewlineClass | kLetterClass | kSymbol);
  if (may_precede && characters.Is(i + 1, kWord)) return {characters.RunOf(i + 1, kWord)};
  if (characters.Is(i, kWord)) return {characters.RunOf(i, kWord)};
  const size_t symbol = c == ' ' ? i + 1 : i;
  if (const size_t end = characters.RunOf(symbol, kSymbol); end > symbol) {
    return {characters.RunOf(end, kNewlineClass)};
  }
  if (!characters.Is(i, kSpaceClass)) return {0, i + 1};
  return {LinesOrSpaceEnd(characters, i)};
}

// \s+$, where $ is also before a line feed.
MatchAt TrailingSpaceEnd(const Characters& characters, size_t i) {
  const size_t run = characters.RunOf(i, kSpaceClass);
  if (run == i) return {0, i + 1};
  if (run == characters.count()) return {run};
  for (size_t end = run - 1; end > i; --end) {
    if (characters.code(end) == '\n') return {end};
  }
  return {0, run};
}

// One class after another, each a fixed number of times but the last, perhaps with one more
// character before them all.
struct ClassSequence {
  struct Part {
    CharacterSet set;
    size_t least;
    size_t most;
  };
  std::optional<CharacterSet> before;
  std::vector<Part> parts;

  // End of the parts at i, or i.
  size_t PartsEnd(const Characters& characters, size_t i) const {
    size_t at = i;
    for (const Part& part : parts) {
      size_t count = 0;
      while (count < part.most && part.set.Holds(characters, at)) {
        ++count;
        ++at;
      }
      if (count < part.least) return i;
    }
    return at;
  }

  MatchAt operator()(const Characters& characters, size_t i) const {
    if (before.has_value() && before->Holds(characters, i)) {
      if (const size_t end = PartsEnd(characters, i + 1); end > i + 1) return {end};
    }
    const size_t end = PartsEnd(characters, i);
    return end > i ? MatchAt{end} : MatchAt{0, i + 1};
  }

  // Nothing when the expression is not of this form.
  static std::optional<ClassSequence> Parse(std::string_view expression) {
    ClassSequence sequence;
    bool open_ended = false;
    for (size_t at = 0; at < expression.size();) {
      if (open_ended) return std::nullopt;
      std::optional<CharacterSet> set = CharacterSet::Parse(expression, at);
      if (!set.has_value()) return std::nullopt;
      Part part{*std::move(set), 1, 1};
      if (at < expression.size() && expression[at] == '?') {
        if (!sequence.parts.empty() || sequence.before.has_value()) return std::nullopt;
        sequence.before = std::move(part.set);
        ++at;
        continue;
      }
      if (!ParseCount(expression, at, part)) return std::nullopt;
      open_ended = part.most != part.least;
      sequence.parts.push_back(std::move(part));
    }
    if (sequence.parts.empty()) return std::nullopt;
    return sequence;
  }

  // +, {n}, {n,}, {n,m} with n > 0, or none of them.
  static bool ParseCount(std::string_view expression, size_t& at, Part& part) {
    constexpr size_t kEndless = std::numeric_limits<size_t>::max();
    if (at >= expression.size()) return true;
    if (expression[at] == '+') {
      part.most = kEndless;
      ++at;
    } else if (expression[at] == '{') {
      size_t numbers[2] = {0, 0};
      size_t given[2] = {0, 0};
      size_t which = 0;
      for (++at; at < expression.size() && expression[at] != '}'; ++at) {
        if (expression[at] == ',' && which == 0) {
          which = 1;
        } else if (expression[at] >= '0' && expression[at] <= '9' && given[which] < 4) {
          numbers[which] = numbers[which] * 10 + static_cast<size_t>(expression[at] - '0');
          ++given[which];
        } else {
          return false;
        }
      }
      if (at >= expression.size() || numbers[0] == 0) return false;
      ++at;
      part.least = numbers[0];
      part.most = which == 0 ? part.least : given[1] == 0 ? kEndless : numbers[1];
      if (part.most < part.least) return false;
    }
    // A lazy or possessive form is none of these.
    return at >= expression.size() || (expression[at] != '?' && expression[at] != '+');
  }
};

struct Line {
  MatchAt (*find)(const Characters& characters, size_t i);
  std::string_view expression;
};

constexpr Line kLines[] = {
#define FOOTNOTE_PATTERN(name, find, expression) {find, name},
#include "generator/tokenizers/patterns.def"
#undef FOOTNOTE_PATTERN
};

}  // namespace

std::vector<Stretch> FindMatches(const Pattern& pattern, const Characters& characters) {
  std::vector<Stretch> stretches;
  size_t done = 0;
  for (size_t i = 0; i < characters.count();) {
    const MatchAt match = pattern(characters, i);
    if (match.end <= i) {
      i = std::max(match.resume, i + 1);
      continue;
    }
    if (done < i) stretches.push_back({done, i, false});
    stretches.push_back({i, match.end, true});
    done = i = match.end;
  }
  if (done < characters.count()) stretches.push_back({done, characters.count(), false});
  return stretches;
}

StatusOr<Pattern> PatternOf(std::string_view expression) {
  for (const Line& line : kLines) {
    if (line.find != nullptr && line.expression == expression) return Pattern(line.find);
  }
  if (std::optional<ClassSequence> sequence = ClassSequence::Parse(expression)) {
    return Pattern(*std::move(sequence));
  }
  return UnimplementedError("the regular expression " + Shown(expression) +
                            " is not supported: it is none of the published ones that are known");
}

}  // namespace footnote::generator
