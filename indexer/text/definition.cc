#include "indexer/text/definition.h"

#include <array>

namespace footnote::indexer {
namespace {

constexpr size_t kLongestTerm = 100;  // bytes
constexpr int kMostTerms = 4;         // "“A”, “B” and “C” mean"

struct Quotes {
  std::string_view open;
  std::string_view close;
};
constexpr auto kQuotes = std::to_array<Quotes>(
    {{"\"", "\""}, {"“", "”"}, {"“", "\""}, {"„", "“"}, {"«", "»"}, {"''", "''"}, {"``", "''"}});

void SkipSpace(std::string_view& text) {
  const size_t next = text.find_first_not_of(" \t\r\n");
  text.remove_prefix(next == std::string_view::npos ? text.size() : next);
}

bool Skip(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

// Skips words that are followed by the end of a word.
bool SkipWords(std::string_view& text, std::string_view words) {
  std::string_view rest = text;
  if (!Skip(rest, words)) return false;
  if (!rest.empty() && ((rest[0] >= 'a' && rest[0] <= 'z') || (rest[0] & 0x80) != 0)) return false;
  text = rest;
  return true;
}

// "1.2" before a quotation mark, where it is no clause mark for want of a full stop.
void SkipNumber(std::string_view& text) {
  size_t end = 0;
  while (end < text.size() && ((text[end] >= '0' && text[end] <= '9') || text[end] == '.')) ++end;
  if (end > 0 && end < text.size() && text[end] == ' ') text.remove_prefix(end);
}

bool SkipQuoted(std::string_view& text) {
  for (const Quotes& quotes : kQuotes) {
    if (!text.starts_with(quotes.open)) continue;
    const size_t close = text.substr(0, kLongestTerm).find(quotes.close, quotes.open.size());
    if (close == std::string_view::npos || close == quotes.open.size()) continue;
    text.remove_prefix(close + quotes.close.size());
    return true;
  }
  return false;
}

// What may stand between two terms, or between a term and its verb: ", or", "(as applicable)".
void SkipBetween(std::string_view& text) {
  while (true) {
    SkipSpace(text);
    if (Skip(text, ",") || SkipWords(text, "or") || SkipWords(text, "and")) continue;
    const size_t close =
        text.starts_with('(') ? text.substr(0, kLongestTerm).find(')') : std::string_view::npos;
    if (close == std::string_view::npos) return;
    text.remove_prefix(close + 1);
  }
}

bool SkipVerb(std::string_view text) {
  if (text.starts_with(':')) return true;
  static constexpr auto kVerbs = std::to_array<std::string_view>(
      {"means", "mean", "shall mean", "will mean", "has the", "have the", "shall have the",
       "will have the", "refers to", "refer to", "shall refer to", "includes", "include",
       "shall include", "is defined", "are defined", "shall be defined"});
  for (const std::string_view verb : kVerbs) {
    std::string_view rest = text;
    if (!SkipWords(rest, verb)) continue;
    if (!verb.ends_with("the")) return true;
    SkipSpace(rest);
    SkipWords(rest, "same");
    SkipWords(rest, "respective");
    SkipSpace(rest);
    if (SkipWords(rest, "meaning") || SkipWords(rest, "meanings")) return true;
  }
  return false;
}

}  // namespace

bool BeginsDefinition(std::string_view text, const ClauseWords& words) {
  constexpr int kMostMarks = 3;  // "1.2 (a) (i)"
  for (int i = 0; i < kMostMarks; ++i) {
    SkipSpace(text);
    const auto mark = ReadClauseMark(text, words);
    if (mark) {
      text.remove_prefix(mark->length);
    } else {
      SkipNumber(text);
    }
  }
  SkipSpace(text);
  for (const std::string_view start : {"The terms", "The term", "the term", "As used herein,"}) {
    if (SkipWords(text, start)) break;
  }
  SkipSpace(text);
  int terms = 0;
  while (terms < kMostTerms && SkipQuoted(text)) {
    ++terms;
    SkipBetween(text);
  }
  return terms > 0 && SkipVerb(text);
}

}  // namespace footnote::indexer
