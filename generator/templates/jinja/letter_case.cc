#include "generator/templates/jinja/letter_case.h"

#include <algorithm>
#include <unordered_map>

#include "common/text/utf8.h"
#include "generator/tokenizers/unicode.h"

namespace footnote::generator::jinja {
namespace {

// The last character whose lower case is another one lies below.
constexpr char32_t kEndOfCases = 0x1F000;

const CaseRow* Find(std::span<const CaseRow> rows, char32_t c) {
  const auto row = std::lower_bound(
      rows.begin(), rows.end(), c,
      [](const CaseRow& a, char32_t character) { return a.character < character; });
  return row == rows.end() || row->character != c ? nullptr : &*row;
}

const std::unordered_map<char32_t, char32_t>& Capitals() {
  static const auto* const table = [] {
    auto* capitals = new std::unordered_map<char32_t, char32_t>();
    std::u32string lower;
    for (char32_t c = 'A'; c < kEndOfCases; ++c) {
      lower.clear();
      AppendLower(c, lower);
      if (lower.size() == 1 && lower[0] != c) capitals->emplace(lower[0], c);
    }
    return capitals;
  }();
  return *table;
}

std::u32string Upper(char32_t c) {
  if (const CaseRow* row = Find(kUpperTable, c)) return std::u32string(row->mapped);
  const auto found = Capitals().find(c);
  return std::u32string(1, found == Capitals().end() ? c : found->second);
}

// Characters that a word's letters go on behind.
bool IsCaseIgnorable(char32_t c) {
  constexpr std::u32string_view kOthers = U"'.:^`\u00A8\u00AD\u00AF\u00B4\u00B7\u00B8\u2018\u2019";
  return kOthers.find(c) != std::u32string_view::npos || (ClassOf(c) & kMarkClass) != 0;
}

}  // namespace

std::string LowerOf(char32_t c) {
  std::u32string lower;
  AppendLower(c, lower);
  return ToUtf8(lower);
}

std::string UpperOf(char32_t c) { return ToUtf8(Upper(c)); }

std::string TitleOf(char32_t c) {
  const CaseRow* row = Find(kTitleTable, c);
  return ToUtf8(row != nullptr ? std::u32string(row->mapped) : Upper(c));
}

bool IsCased(char32_t c) {
  const std::u32string same(1, c);
  std::u32string lower;
  AppendLower(c, lower);
  return lower != same || Upper(c) != same;
}

bool IsFinalSigma(std::string_view text, size_t begin, size_t end) {
  bool before = false;
  while (begin > 0 && !before) {
    begin = Utf8Floor(text, begin - 1);
    size_t next = begin;
    const char32_t c = DecodeUtf8(text, next);
    if (IsCaseIgnorable(c)) continue;
    before = IsCased(c);
    if (!before) break;
  }
  if (!before) return false;
  while (end < text.size()) {
    const char32_t c = DecodeUtf8(text, end);
    if (!IsCaseIgnorable(c)) return !IsCased(c);
  }
  return true;
}

}  // namespace footnote::generator::jinja
