#include "indexer/parsers/document_builder.h"

#include <algorithm>
#include <utility>

#include "common/text/utf8.h"
#include "indexer/text/clause.h"
#include "indexer/text/cleaner.h"
#include "indexer/text/structure.h"

namespace footnote::indexer {
namespace {

constexpr int kIndentSpaces = 2;  // of each deeper list level

// Each byte that is no part of a character becomes a question mark: spans stay as they are. A
// parser that cuts a hostile file's escapes may leave some.
void MendUtf8(std::string& text) {
  for (size_t at = 0; at < text.size(); ++at) {
    const size_t invalid = FindInvalidUtf8(std::string_view(text).substr(at));
    if (invalid == std::string_view::npos) return;
    at += invalid;
    text[at] = '?';
  }
}

// `text` with the lines after the first indented by `spaces`.
void AppendIndented(std::string_view text, int spaces, std::string& out) {
  for (const char c : text) {
    out.push_back(c);
    if (c == '\n') out.append(static_cast<size_t>(spaces), ' ');
  }
}

}  // namespace

Block& DocumentBuilder::Begin(BlockKind kind, bool close_to_previous) {
  std::string& text = document_.text;
  if (!text.empty()) text += close_to_previous ? "\n" : "\n\n";
  Block& block = document_.blocks.emplace_back();
  block.kind = kind;
  block.span.start = text.size();
  for (; pages_to_begin_ > 0; --pages_to_begin_) {
    // The first page holds the text's start, whatever stands before its first block.
    document_.page_starts.push_back(document_.page_starts.empty() ? 0 : text.size());
  }
  return block;
}

void DocumentBuilder::End() {
  Block& block = document_.blocks.back();
  block.span.end = document_.text.size();
  block.keep_with_next = document_.text.back() == ':' && block.kind != BlockKind::kCode;
}

void DocumentBuilder::Heading(int level, std::string_view text) {
  const std::string line = CollapseSpace(text);
  if (line.empty()) return;
  Block& block = Begin(BlockKind::kHeading, false);
  block.level = std::max(level, 1);
  block.heading = line;
  document_.text += line;
  End();
}

void DocumentBuilder::Paragraph(std::string_view text) {
  text = TrimSpace(text);
  if (text.empty()) return;
  Begin(BlockKind::kParagraph, false);
  document_.text += text;
  End();
}

void DocumentBuilder::ParagraphOrClause(std::string_view text) {
  text = TrimSpace(text);
  if (text.empty()) return;
  Paragraph(text);
  if (ReadClauseMark(text)) document_.blocks.back().kind = BlockKind::kClause;
}

void DocumentBuilder::ListItem(int depth, std::string_view mark, std::string_view text) {
  text = TrimSpace(text);
  if (text.empty()) return;
  const bool follows_item =
      !document_.blocks.empty() && (document_.blocks.back().kind == BlockKind::kListItem ||
                                    document_.blocks.back().keep_with_next);
  const int indent = (std::max(depth, 1) - 1) * kIndentSpaces;
  Begin(BlockKind::kListItem, follows_item);
  document_.text.append(static_cast<size_t>(indent), ' ');
  // The span begins at the mark: indentation is white space.
  document_.blocks.back().span.start = document_.text.size();
  document_.blocks.back().level = std::max(depth, 1);
  document_.text += mark;
  if (!mark.empty()) document_.text += ' ';
  AppendIndented(text, indent + kIndentSpaces, document_.text);
  End();
}

void DocumentBuilder::ListContinuation(int depth, std::string_view text) {
  text = TrimSpace(text);
  if (text.empty()) return;
  const int indent = std::max(depth, 1) * kIndentSpaces;
  Begin(BlockKind::kListItem, true);
  document_.text.append(static_cast<size_t>(indent), ' ');
  document_.blocks.back().span.start = document_.text.size();
  document_.blocks.back().level = std::max(depth, 1);
  AppendIndented(text, indent, document_.text);
  End();
}

void DocumentBuilder::Code(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t\n");
  if (first == std::string_view::npos) return;
  const size_t line_start = text.rfind('\n', first);
  text.remove_prefix(line_start == std::string_view::npos ? 0 : line_start + 1);
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ' || text.back() == '\t')) {
    text.remove_suffix(1);
  }
  Begin(BlockKind::kCode, false);
  document_.text += text;
  End();
}

void DocumentBuilder::TableRow(const std::vector<std::string>& cells, bool first_row) {
  std::string row;
  bool any = false;
  for (const std::string& cell : cells) {
    const std::string text = CollapseSpace(cell);
    any = any || !text.empty();
    if (&cell != &cells.front()) row += " | ";
    row += text;
  }
  if (!any) return;
  Block& block = Begin(BlockKind::kTableRow, !first_row);
  block.first_row = first_row;
  const std::string_view trimmed = TrimSpace(row);
  document_.text += trimmed;
  End();
}

void DocumentBuilder::PlainText(std::string_view text, int level) {
  // Not TrimSpace: the first line's indentation may mean something.
  const size_t first = text.find_first_not_of(" \t\n\r\f");
  if (first == std::string_view::npos) return;
  const size_t line_start = text.rfind('\n', first);
  text.remove_prefix(line_start == std::string_view::npos ? 0 : line_start + 1);
  std::string& whole = document_.text;
  if (!whole.empty()) whole += "\n\n";
  const size_t offset = whole.size();
  whole += text.substr(0, text.find_last_not_of(" \t\n\r\f") + 1);
  for (Block& block : FindStructure(std::string_view(whole).substr(offset))) {
    block.span.start += offset;
    block.span.end += offset;
    if (block.kind == BlockKind::kHeading) block.level += level;
    document_.blocks.push_back(std::move(block));
  }
}

ParsedDocument DocumentBuilder::Finish() {
  for (; pages_to_begin_ > 0; --pages_to_begin_) {
    document_.page_starts.push_back(document_.text.size());
  }
  MendUtf8(document_.text);
  for (Block& block : document_.blocks) MendUtf8(block.heading);
  return std::exchange(document_, ParsedDocument());
}

}  // namespace footnote::indexer
