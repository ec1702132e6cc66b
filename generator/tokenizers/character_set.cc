#include "generator/tokenizers/character_set.h"

namespace footnote::generator {
namespace {

// Classes of \p{...}, 0 for one that is not known.
uint16_t ClassesOfProperty(std::string_view name) {
  if (name == "L") return kLetterClass;
  if (name == "N") return kNumberClass;
  if (name == "M") return kRegexMarkClass;
  if (name == "P") return kRegexPunctuationClass;
  if (name == "S") return kRegexSymbolClass;
  return 0;
}

// A character that stands for itself: nothing when it is an operator. `inside` brackets fewer are.
std::optional<char32_t> Plain(std::string_view expression, size_t& at, bool inside) {
  if (at >= expression.size()) return std::nullopt;
  const char first = expression[at];
  if (first == '\\') {
    if (at + 1 >= expression.size()) return std::nullopt;
    const char escaped = expression[at + 1];
    at += 2;
    if (escaped == 'n') return U'\n';
    if (escaped == 'r') return U'\r';
    if (escaped == 't') return U'\t';
    const bool letter = (escaped >= 'a' && escaped <= 'z') || (escaped >= 'A' && escaped <= 'Z') ||
                        (escaped >= '0' && escaped <= '9') || static_cast<signed char>(escaped) < 0;
    if (letter) return std::nullopt;
    return static_cast<char32_t>(escaped);
  }
  const std::string_view operators = inside ? "[]&" : "[](){}|.*+?^$";
  if (operators.find(first) != std::string_view::npos) return std::nullopt;
  return DecodeUtf8(expression, at);
}

}  // namespace

bool CharacterSet::ParseItem(std::string_view expression, size_t& at) {
  if (expression.substr(at).starts_with("\\s")) {
    classes_ = static_cast<uint16_t>(classes_ | kSpaceClass);
    at += 2;
    return true;
  }
  if (expression.substr(at).starts_with("\\p{")) {
    const size_t close = expression.find('}', at);
    if (close == std::string_view::npos) return false;
    const uint16_t classes = ClassesOfProperty(expression.substr(at + 3, close - at - 3));
    classes_ = static_cast<uint16_t>(classes_ | classes);
    at = close + 1;
    return classes != 0;
  }
  const std::optional<char32_t> first = Plain(expression, at, /*inside=*/true);
  if (!first.has_value()) return false;
  char32_t last = *first;
  if (at + 1 < expression.size() && expression[at] == '-' && expression[at + 1] != ']') {
    ++at;
    const std::optional<char32_t> end = Plain(expression, at, /*inside=*/true);
    if (!end.has_value() || *end < *first) return false;
    last = *end;
  }
  ranges_.emplace_back(*first, last);
  return true;
}

std::optional<CharacterSet> CharacterSet::Parse(std::string_view expression, size_t& at) {
  CharacterSet set;
  if (at >= expression.size()) return std::nullopt;
  if (expression[at] != '[') {
    if (expression[at] == '\\')
      return set.ParseItem(expression, at) ? std::optional(set) : std::nullopt;
    const std::optional<char32_t> plain = Plain(expression, at, /*inside=*/false);
    if (!plain.has_value()) return std::nullopt;
    set.ranges_.emplace_back(*plain, *plain);
    return set;
  }
  ++at;
  if (at < expression.size() && expression[at] == '^') {
    set.negated_ = true;
    ++at;
  }
  bool any = false;
  while (at < expression.size() && expression[at] != ']') {
    if (!set.ParseItem(expression, at)) return std::nullopt;
    any = true;
  }
  if (!any || at >= expression.size()) return std::nullopt;
  ++at;
  return set;
}

}  // namespace footnote::generator
