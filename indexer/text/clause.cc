#include "indexer/text/clause.h"

#include <algorithm>

namespace footnote::indexer {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsUpper(char c) { return c >= 'A' && c <= 'Z'; }
bool IsLetter(char c) { return IsUpper(c) || (c >= 'a' && c <= 'z'); }
bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

bool IsRoman(std::string_view word) {
  return !word.empty() && word.size() <= 7 &&
         (word.find_first_not_of("ivxl") == std::string_view::npos ||
          word.find_first_not_of("IVXL") == std::string_view::npos);
}

// Length of "7", "7.3.2" or "12a" at the start; numbers of up to three digits, so that years and
// amounts do not count.
size_t DottedNumberLength(std::string_view text) {
  size_t end = 0;
  while (end < text.size() && IsDigit(text[end])) {
    const size_t group = end;
    while (end < text.size() && IsDigit(text[end])) ++end;
    if (end - group > 3) return 0;
    if (end + 1 < text.size() && text[end] == '.' && IsDigit(text[end + 1])) {
      ++end;
      continue;
    }
    break;
  }
  if (end > 0 && end < text.size() && text[end] >= 'a' && text[end] <= 'z' &&
      (end + 1 == text.size() || !IsLetter(text[end + 1]))) {
    ++end;
  }
  return end;
}

bool StartsWithWord(std::string_view text, std::string_view word) {
  if (text.size() <= word.size()) return false;
  for (size_t i = 0; i < word.size(); ++i) {
    const char c = IsUpper(text[i]) ? static_cast<char>(text[i] - 'A' + 'a') : text[i];
    if (c != word[i]) return false;
  }
  const bool is_capital = IsUpper(text[0]) || (text[0] & 0x80) != 0;
  return is_capital && IsSpace(text[word.size()]);
}

bool EndsMark(std::string_view text, size_t offset) {
  return offset >= text.size() || !(IsDigit(text[offset]) || IsLetter(text[offset]));
}

// "(b)", "b)", "(iii)", "(1)".
std::optional<ClauseMark> ReadPart(std::string_view text) {
  const size_t open = text.starts_with('(') ? 1 : 0;
  const size_t close = text.substr(0, open + 8).find(')');
  if (close == std::string_view::npos || close == open) return std::nullopt;
  if (close + 1 < text.size() && !IsSpace(text[close + 1]) && text[close + 1] != '(') {
    return std::nullopt;
  }
  const std::string_view inner = text.substr(open, close - open);
  const bool number = inner.size() <= 2 && std::all_of(inner.begin(), inner.end(), IsDigit);
  const bool letters = (inner.size() == 1 && IsLetter(inner[0])) ||
                       (inner.size() == 2 && inner[0] == inner[1] && IsLetter(inner[0]));
  if (!number && !letters && !IsRoman(inner)) return std::nullopt;
  ClauseMark mark;
  mark.number = "(" + std::string(inner) + ")";
  mark.part = true;
  mark.length = close + 1;
  return mark;
}

}  // namespace

const ClauseWords& DefaultClauseWords() {
  static const ClauseWords words = {"section",  "article", "clause", "chapter",  "part",
                                    "schedule", "exhibit", "annex",  "appendix", "rule",
                                    "sec.",     "art.",    "§"};
  return words;
}

std::optional<ClauseMark> ReadClauseMark(std::string_view text, const ClauseWords& words) {
  if (text.empty()) return std::nullopt;
  ClauseMark mark;
  if (text.starts_with("§") && std::find(words.begin(), words.end(), "§") != words.end()) {
    size_t at = text.find_first_not_of("\xC2\xA7\xA0 ");  // "§§ 4", also with a no-break space
    if (at == std::string_view::npos) return std::nullopt;
    const size_t length = DottedNumberLength(text.substr(at));
    if (length == 0) return std::nullopt;
    mark.number = "§ " + std::string(text.substr(at, length));
    mark.length = at + length;
    return mark;
  }
  for (const std::string& word : words) {
    if (!StartsWithWord(text, word)) continue;
    const size_t at = text.find_first_not_of(" \t", word.size());
    if (at == std::string_view::npos) return std::nullopt;
    const std::string_view rest = text.substr(at);
    size_t length = DottedNumberLength(rest);
    if (length == 0) {
      while (length < rest.size() && IsUpper(rest[length])) ++length;
      if (length != 1 && !IsRoman(rest.substr(0, length))) return std::nullopt;
    }
    if (!EndsMark(rest, length)) return std::nullopt;
    // "Section 4 applies" is a sentence; a clause's name ends there or has punctuation behind it.
    const char behind = length < rest.size() ? rest[length] : '\n';
    const size_t next = rest.find_first_not_of(" \t", length);
    if (behind == ' ' && next != std::string_view::npos && rest[next] >= 'a' && rest[next] <= 'z') {
      return std::nullopt;
    }
    mark.number = std::string(rest.substr(0, length));
    mark.depth = 1 + static_cast<int>(std::count(mark.number.begin(), mark.number.end(), '.'));
    mark.length = at + length + (behind == '.' || behind == ':' ? 1 : 0);
    return mark;
  }
  if (const size_t length = DottedNumberLength(text); length > 0) {
    const std::string_view number = text.substr(0, length);
    const bool dotted = number.find('.') != std::string_view::npos;
    size_t end = length;
    if (end < text.size() && (text[end] == '.' || text[end] == ')')) ++end;
    if (end < text.size() && !IsSpace(text[end])) return std::nullopt;
    const size_t next = text.find_first_not_of(" \t", end);
    if (end == length) {
      // "7.3 Payment" is a clause; "2.5 mg" and "12 months" are not.
      if (!dotted || next == std::string_view::npos || !IsUpper(text[next])) return std::nullopt;
    }
    mark.number = std::string(number);
    mark.depth = 1 + static_cast<int>(std::count(number.begin(), number.end(), '.'));
    mark.length = end;
    return mark;
  }
  if (auto part = ReadPart(text)) return part;
  // "IV. Term", "A. Term".
  size_t letters = 0;
  while (letters < text.size() && IsUpper(text[letters])) ++letters;
  if (letters > 0 && letters + 1 < text.size() && text[letters] == '.' &&
      IsSpace(text[letters + 1]) && (letters == 1 || IsRoman(text.substr(0, letters)))) {
    mark.number = std::string(text.substr(0, letters));
    mark.length = letters + 1;
    return mark;
  }
  return std::nullopt;
}

namespace {

// How a part is numbered: 'a', 'A', 'i', 'I' or '1'. `before` is the last part of the list of
// letters that is open, if any: "(i)" after "(h)" is a letter.
char StyleOf(std::string_view part, std::string_view before) {
  const std::string_view inner = part.substr(1, part.size() - 2);
  if (IsDigit(inner[0])) return '1';
  const bool upper = IsUpper(inner[0]);
  bool roman = IsRoman(inner);
  if (roman && inner.size() == 1) {
    const bool next_letter = before.size() == 3 && before[1] == inner[0] - 1;
    roman = !next_letter && inner[0] != 'l' && inner[0] != 'L';
  }
  if (roman) return upper ? 'I' : 'i';
  return upper ? 'A' : 'a';
}

}  // namespace

const std::string& ClauseTracker::Enter(const ClauseMark& mark) {
  if (!mark.part) {
    number_ = mark.number;
    parts_.clear();
    styles_.clear();
  } else {
    const size_t letters = styles_.find_first_of("aA");
    const char style =
        StyleOf(mark.number, letters == std::string::npos ? "" : std::string_view(parts_[letters]));
    const size_t keep = std::min(styles_.find(style), styles_.size());
    styles_.resize(keep);
    parts_.resize(keep);
    styles_.push_back(style);
    parts_.push_back(mark.number);
  }
  current_ = number_;
  for (const std::string& part : parts_) current_ += part;
  return current_;
}

void ClauseTracker::Leave() {
  number_.clear();
  parts_.clear();
  styles_.clear();
  current_.clear();
}

}  // namespace footnote::indexer
