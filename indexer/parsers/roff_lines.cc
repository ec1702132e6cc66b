#include "indexer/parsers/roff_lines.h"

#include <algorithm>

namespace footnote::indexer {
namespace {

// Splits off the first word.
std::string_view TakeWord(std::string_view& rest) {
  const size_t start = rest.find_first_not_of(" \t");
  if (start == std::string_view::npos) return rest = {};
  const size_t end = std::min(rest.find_first_of(" \t", start), rest.size());
  const std::string_view word = rest.substr(start, end - start);
  rest.remove_prefix(end);
  return word;
}

int CountOf(std::string_view text, std::string_view part) {
  int count = 0;
  for (size_t at = text.find(part); at != std::string_view::npos;
       at = text.find(part, at + part.size())) {
    ++count;
  }
  return count;
}

// Reads the condition of .if or .ie at the front of `rest`. For terminals, "n" holds and "t" does
// not; comparisons and registers count as not holding, as they ask for printers and other systems.
bool TakeCondition(std::string_view& rest) {
  const size_t start = rest.find_first_not_of(" \t");
  if (start == std::string_view::npos) return false;
  rest.remove_prefix(start);
  const bool negated = rest.starts_with('!');
  if (negated) rest.remove_prefix(1);
  if (rest.empty()) return false;
  if (rest[0] == 'n' || rest[0] == 't' || rest[0] == 'o' || rest[0] == 'e') {
    const bool holds = rest[0] == 'n' || rest[0] == 'o';
    rest.remove_prefix(1);
    return holds != negated;
  }
  if (rest[0] == '\'' || rest[0] == '"') {
    const char mark = rest[0];
    for (int i = 0; i < 3 && !rest.empty(); ++i) {
      const size_t next = rest.find(mark, i == 0 ? 0 : 1);
      rest.remove_prefix(std::min(next, rest.size()));
    }
    if (!rest.empty()) rest.remove_prefix(1);
    return false;
  }
  TakeWord(rest);
  return false;
}

}  // namespace

bool RoffLines::ReadRaw(std::string& line) {
  line.clear();
  if (at_ >= text_.size()) return false;
  while (at_ < text_.size()) {
    const size_t end = std::min(text_.find('\n', at_), text_.size());
    line += text_.substr(at_, end - at_);
    at_ = end + 1;
    // A backslash at the end joins the next line, unless it is itself escaped.
    size_t slashes = 0;
    while (slashes < line.size() && line[line.size() - 1 - slashes] == '\\') ++slashes;
    if (slashes % 2 == 0) break;
    line.pop_back();
  }
  return true;
}

void RoffLines::SkipBlock(std::string_view rest) {
  int depth = CountOf(rest, "\\{") - CountOf(rest, "\\}");
  std::string line;
  while (depth > 0 && ReadRaw(line)) depth += CountOf(line, "\\{") - CountOf(line, "\\}");
}

bool RoffLines::Next(std::string& line) {
  while (true) {
    if (!pending_.empty()) {
      line = std::move(pending_);
      pending_.clear();
    } else if (!ReadRaw(line)) {
      return false;
    }
    if (line.empty() || (line[0] != '.' && line[0] != '\'')) return true;
    std::string_view rest = std::string_view(line).substr(1);
    const std::string_view name = TakeWord(rest);
    if (name.starts_with("\\\"") || name.starts_with("\\}") || name.empty()) continue;
    if (name == "de" || name == "de1" || name == "am" || name == "ig") {
      std::string skipped;
      TakeWord(rest);
      std::string end = "." + std::string(TakeWord(rest));
      if (end == ".") end = "..";
      while (ReadRaw(skipped) && skipped != end) {
      }
      continue;
    }
    if (name == "ds" || name == "ds1") {
      const std::string key(TakeWord(rest));
      const size_t start = rest.find_first_not_of(" \t");
      std::string_view value = start == std::string_view::npos ? "" : rest.substr(start);
      if (value.starts_with('"')) value.remove_prefix(1);
      strings_[key] = value;
      continue;
    }
    if (name == "if" || name == "ie" || name == "el") {
      const bool holds = name == "el" ? !last_condition_ : TakeCondition(rest);
      if (name == "ie") last_condition_ = holds;
      if (!holds) {
        SkipBlock(rest);
        continue;
      }
      std::string_view body = rest;
      const size_t start = body.find_first_not_of(" \t");
      body.remove_prefix(std::min(start, body.size()));
      if (body.starts_with("\\{")) body.remove_prefix(2);
      pending_ = body;
      continue;
    }
    return true;
  }
}

}  // namespace footnote::indexer
