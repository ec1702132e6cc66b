#include "indexer/parsers/rst_lines.h"

#include <algorithm>
#include <cctype>

namespace footnote::indexer {
namespace {

bool IsPunctuation(char c) { return c > 0 && std::ispunct(static_cast<unsigned char>(c)) != 0; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// "12", "#", "a", "iv".
bool IsNumber(std::string_view text) {
  constexpr size_t kLongest = 6;
  if (text.empty() || text.size() > kLongest) return false;
  if (text == "#" || std::all_of(text.begin(), text.end(), IsDigit)) return true;
  if (text.size() == 1) return std::isalpha(static_cast<unsigned char>(text[0])) != 0;
  return text.find_first_not_of("ivxlc") == std::string_view::npos ||
         text.find_first_not_of("IVXLC") == std::string_view::npos;
}

size_t CharacterCount(std::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

}  // namespace

RstLines SplitRstLines(std::string_view text) {
  constexpr size_t kTab = 8;
  RstLines lines;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    std::string line;
    for (const char c : text.substr(0, end)) {
      if (c == '\t') {
        line.append(kTab - line.size() % kTab, ' ');
      } else {
        line += c == '\f' ? ' ' : c;
      }
    }
    line.resize(line.find_last_not_of(' ') + 1);
    lines.push_back(std::move(line));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return lines;
}

bool IsBlank(std::string_view line) {
  return line.find_first_not_of(' ') == std::string_view::npos;
}

size_t IndentOf(std::string_view line) {
  return std::min(line.find_first_not_of(' '), line.size());
}

RstLines Dedent(const RstLines& lines, size_t begin, size_t end) {
  while (begin < end && IsBlank(lines[begin])) ++begin;
  while (end > begin && IsBlank(lines[end - 1])) --end;
  size_t indent = std::string::npos;
  for (size_t i = begin; i < end; ++i) {
    if (!IsBlank(lines[i])) indent = std::min(indent, IndentOf(lines[i]));
  }
  RstLines result;
  for (size_t i = begin; i < end; ++i) {
    result.push_back(IsBlank(lines[i]) ? std::string() : lines[i].substr(indent));
  }
  return result;
}

size_t EndOfIndented(const RstLines& lines, size_t begin, size_t indent) {
  size_t end = begin;
  for (size_t i = begin; i < lines.size(); ++i) {
    if (IsBlank(lines[i])) continue;
    if (IndentOf(lines[i]) < indent) break;
    end = i + 1;
  }
  return end;
}

bool IsAdornment(std::string_view line) {
  return line.size() >= 2 && IsPunctuation(line[0]) &&
         line.find_first_not_of(line[0]) == std::string_view::npos;
}

bool IsUnderlineOf(std::string_view underline, std::string_view title) {
  constexpr size_t kLongEnough = 4;  // shorter than the title is wrong, but not rare
  return IsAdornment(underline) && !IsBlank(title) &&
         (underline.size() >= kLongEnough || underline.size() >= CharacterCount(title));
}

RstMark ReadBullet(std::string_view line) {
  for (const std::string_view bullet : {"-", "*", "+", "•", "‣", "⁃"}) {
    if (!line.starts_with(bullet)) continue;
    const std::string_view rest = line.substr(bullet.size());
    if (rest.empty()) return {"-", bullet.size() + 1};
    if (rest[0] == ' ') return {"-", bullet.size() + IndentOf(rest)};
  }
  return {};
}

RstMark ReadEnumerator(std::string_view line) {
  const size_t open = line.starts_with('(') ? 1 : 0;
  const size_t end = line.find_first_of(open == 1 ? ")" : ".)", open);
  if (end == std::string_view::npos || end + 1 >= line.size() || line[end + 1] != ' ' ||
      !IsNumber(line.substr(open, end - open))) {
    return {};
  }
  return {std::string(line.substr(0, end + 1)), end + 1 + IndentOf(line.substr(end + 1))};
}

size_t FieldMarkLength(std::string_view line) {
  if (!line.starts_with(':') || line.size() < 3 || line[1] == ':' || line[1] == ' ') return 0;
  for (size_t i = 1; i < line.size(); ++i) {
    if (line[i] == '`') return 0;  // a role
    if (line[i] == '\\') {
      ++i;
    } else if (line[i] == ':' && (i + 1 == line.size() || line[i + 1] == ' ')) {
      return i + 1;
    }
  }
  return 0;
}

bool IsSimpleTableBorder(std::string_view line) {
  return line.starts_with("==") && line.find(" =") != std::string_view::npos &&
         line.find_first_not_of("= ") == std::string_view::npos;
}

bool IsGridTableBorder(std::string_view line) {
  return line.size() >= 3 && line.starts_with('+') && line.ends_with('+') &&
         line.find_first_not_of("+-=") == std::string_view::npos && line.find_first_of("-=") == 1;
}

}  // namespace footnote::indexer
