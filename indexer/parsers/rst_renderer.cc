#include "indexer/parsers/rst_renderer.h"

#include <algorithm>

#include "indexer/text/cleaner.h"

namespace footnote::indexer {
namespace {

constexpr int kMaxDepth = 20;  // of what is nested; deeper text is written as it stands

// Lines [begin, end) as one.
std::string Join(const RstLines& lines, size_t begin, size_t end) {
  std::string text;
  for (size_t i = begin; i < end; ++i) {
    if (!text.empty()) text += '\n';
    text += lines[i];
  }
  return text;
}

bool BlankAt(const RstLines& lines, size_t i) { return i >= lines.size() || IsBlank(lines[i]); }

}  // namespace

void RstRenderer::Render(std::string_view text) {
  const RstLines lines = SplitRstLines(text);
  for (const std::string& line : lines) {
    // ".. |name| replace:: text", which may stand below its use.
    constexpr std::string_view kReplace = "| replace::";
    const size_t end = line.find(kReplace);
    if (!line.starts_with(".. |") || end == std::string::npos) continue;
    substitutions_[line.substr(4, end - 4)] =
        std::string(TrimSpace(std::string_view(line).substr(end + kReplace.size())));
  }
  Body(lines, 0);
  EndPrefix();
}

void RstRenderer::Body(const RstLines& lines, int depth) {
  if (depth > kMaxDepth) {
    Text(CollapseSpace(Join(lines, 0, lines.size())));
    return;
  }
  for (size_t at = 0; at < lines.size();) {
    if (IsBlank(lines[at])) {
      ++at;
      continue;
    }
    size_t next = at;
    if (IndentOf(lines[at]) > 0) {  // a quotation
      next = EndOfIndented(lines, at, 1);
      Body(Dedent(lines, at, next), depth + 1);
    }
    if (next == at && depth == 0) next = ReadTitle(lines, at);
    if (next == at) next = ReadExplicit(lines, at, depth);
    if (next == at) next = ReadTable(lines, at);
    if (next == at) next = ReadListItem(lines, at, depth);
    if (next == at) next = ReadField(lines, at, depth);
    if (next == at) next = ReadLiteral(lines, at);
    if (next == at) next = ReadDefinition(lines, at, depth);
    at = next == at ? ReadParagraph(lines, at) : next;
  }
}

size_t RstRenderer::ReadTitle(const RstLines& lines, size_t at) {
  const bool overline = IsAdornment(lines[at]) && at + 2 < lines.size() &&
                        lines[at + 2] == lines[at] && IsUnderlineOf(lines[at], lines[at + 1]);
  const size_t title = overline ? at + 1 : at;
  if (!overline) {
    constexpr size_t kShortestTransition = 4;
    if (IsAdornment(lines[at]) && lines[at].size() >= kShortestTransition &&
        BlankAt(lines, at + 1)) {
      return at + 1;
    }
    const bool underlined = at + 1 < lines.size() && IsUnderlineOf(lines[at + 1], lines[at]) &&
                            !IsAdornment(lines[at]) && !IsSimpleTableBorder(lines[at]);
    if (!underlined) return at;
  }
  const std::pair<char, bool> style(lines[title + 1][0], overline);
  auto found = std::find(titles_.begin(), titles_.end(), style);
  if (found == titles_.end()) found = titles_.insert(titles_.end(), style);
  EndPrefix();
  builder_.Heading(static_cast<int>(found - titles_.begin()) + 1, Inline(lines[title]));
  return title + 2;
}

// Directives, footnotes, targets, comments.
size_t RstRenderer::ReadExplicit(const RstLines& lines, size_t at, int depth) {
  const std::string_view line = lines[at];
  if (line == "__" || line.starts_with("__ ")) return at + 1;  // a target
  if (line != ".." && !line.starts_with(".. ")) return at;
  const std::string_view rest = TrimSpace(line.substr(2));
  size_t end = EndOfIndented(lines, at + 1, 1);
  // A lone ".." behind which a blank line stands holds nothing.
  if (rest.empty() && BlankAt(lines, at + 1)) return at + 1;
  end = std::max(end, at + 1);
  const size_t colons = rest.find("::");
  const bool named = colons != std::string_view::npos && colons > 0 &&
                     rest.substr(0, colons).find(' ') == std::string_view::npos &&
                     !rest.starts_with('_');
  if (named) {
    WriteDirective(SplitDirective(rest.substr(0, colons), TrimSpace(rest.substr(colons + 2)),
                                  Dedent(lines, at + 1, end)),
                   depth);
  } else if (rest.starts_with('[') && rest.find(']') != std::string_view::npos) {
    const size_t close = rest.find(']');
    RstLines note = Dedent(lines, at + 1, end);
    note.insert(note.begin(), std::string(TrimSpace(rest.substr(close + 1))));
    WriteWithPrefix(std::string(rest.substr(0, close + 1)), note, depth);
  }
  return end;
}

size_t RstRenderer::ReadListItem(const RstLines& lines, size_t at, int depth) {
  RstMark mark = ReadBullet(lines[at]);
  const bool bullet = !mark.mark.empty();
  if (!bullet) mark = ReadEnumerator(lines[at]);
  if (mark.mark.empty()) return at;
  const bool plain_behind = !BlankAt(lines, at + 1) && IndentOf(lines[at + 1]) == 0;
  if (!bullet && plain_behind && ReadEnumerator(lines[at + 1]).mark.empty()) return at;
  if (const size_t hash = mark.mark.find('#'); hash != std::string::npos) {
    mark.mark.replace(hash, 1, std::to_string(next_number_++));
  } else {
    next_number_ = 1;
  }
  const size_t end = std::max(EndOfIndented(lines, at + 1, bullet ? mark.width : 1), at + 1);
  RstLines item = Dedent(lines, at + 1, end);
  if (lines[at].size() > mark.width) {
    const bool blank_behind = BlankAt(lines, at + 1);
    if (blank_behind && !item.empty()) item.insert(item.begin(), "");
    item.insert(item.begin(), lines[at].substr(mark.width));
  }
  EndPrefix();
  ++list_depth_;
  const int number = std::exchange(next_number_, 1);
  mark_ = mark.mark;
  Body(item, depth + 1);
  mark_.clear();
  next_number_ = number;
  --list_depth_;
  return end;
}

size_t RstRenderer::ReadField(const RstLines& lines, size_t at, int depth) {
  const size_t length = FieldMarkLength(lines[at]);
  if (length == 0) return at;
  const size_t end = std::max(EndOfIndented(lines, at + 1, 1), at + 1);
  RstLines body = Dedent(lines, at + 1, end);
  const std::string value(TrimSpace(std::string_view(lines[at]).substr(length)));
  if (!value.empty()) body.insert(body.begin(), value);
  // Without a value it is an instruction for a program (":orphan:").
  if (!body.empty()) WriteWithPrefix(Inline(lines[at].substr(1, length - 2)) + ":", body, depth);
  return end;
}

size_t RstRenderer::ReadTable(const RstLines& lines, size_t at) {
  size_t next = at;
  RstRows rows = ReadGridTable(lines, next);
  if (next == at) rows = ReadSimpleTable(lines, next);
  Rows(rows);
  return next;
}

// Sessions of an interpreter, and verse.
size_t RstRenderer::ReadLiteral(const RstLines& lines, size_t at) {
  size_t end = at;
  if (lines[at].starts_with(">>> ")) {
    while (!BlankAt(lines, end)) ++end;
    Code(Dedent(lines, at, end));
    return end;
  }
  std::string text;
  while (end < lines.size() && (lines[end] == "|" || lines[end].starts_with("| "))) {
    text += Inline(lines[end].substr(1)) + "\n";
    ++end;
  }
  if (end > at) Text(text);
  return end;
}

// A term and, indented below it, what it means.
size_t RstRenderer::ReadDefinition(const RstLines& lines, size_t at, int depth) {
  if (BlankAt(lines, at + 1) || IndentOf(lines[at + 1]) == 0 || lines[at].ends_with("::"))
    return at;
  const size_t end = EndOfIndented(lines, at + 1, 1);
  std::string term = lines[at];
  if (const size_t classifier = term.find(" : "); classifier != std::string::npos) {
    term = term.substr(0, classifier) + " (" + term.substr(classifier + 3) + ")";
  }
  WriteWithPrefix(Inline(term) + ":", Dedent(lines, at + 1, end), depth);
  return end;
}

size_t RstRenderer::ReadParagraph(const RstLines& lines, size_t at) {
  size_t end = at;
  while (!BlankAt(lines, end) && (end == at || IndentOf(lines[end]) == 0)) ++end;
  std::string text = Join(lines, at, end);
  const bool literal = text.ends_with("::");
  if (literal) text.pop_back();
  if (literal && (text == ":" || text.ends_with("\n:") || text.ends_with(" :"))) text.pop_back();
  Text(Inline(text));
  if (!literal) return end;
  const size_t code_end = EndOfIndented(lines, end, 1);
  if (code_end > end) Code(Dedent(lines, end, code_end));
  return std::max(end, code_end);
}

std::string RstRenderer::Inline(std::string_view text) const {
  return RenderRstInline(text, substitutions_);
}

void RstRenderer::Text(const std::string& text) {
  std::string whole = TrimSpace(text).empty() ? "" : text;
  if (whole.empty()) return;
  if (!prefix_.empty()) whole = std::exchange(prefix_, "") + " " + whole;
  if (list_depth_ == 0) {
    builder_.ParagraphOrClause(whole);
  } else if (!mark_.empty()) {
    builder_.ListItem(list_depth_, std::exchange(mark_, ""), whole);
  } else {
    builder_.ListContinuation(list_depth_, whole);
  }
}

void RstRenderer::Code(const RstLines& lines) {
  EndPrefix();
  builder_.Code(Join(lines, 0, lines.size()));
}

void RstRenderer::Rows(const RstRows& rows) {
  bool first = true;
  for (const std::vector<std::string>& row : rows) {
    std::vector<std::string> cells;
    for (const std::string& cell : row) cells.push_back(Inline(cell));
    if (std::all_of(cells.begin(), cells.end(), [](const auto& cell) { return cell.empty(); })) {
      continue;
    }
    if (first) EndPrefix();
    builder_.TableRow(cells, std::exchange(first, false));
  }
}

// Writes a prefix that no text followed.
void RstRenderer::EndPrefix() {
  const std::string prefix = std::exchange(prefix_, "");
  Text(prefix);
}

}  // namespace footnote::indexer
