#include "indexer/parsers/rst_table.h"

#include <algorithm>
#include <set>

#include "indexer/text/cleaner.h"

namespace footnote::indexer {
namespace {

// Pieces of `line` that begin at these columns, which are characters, not bytes; the last goes to
// the line's end.
std::vector<std::string> CutAt(const std::vector<size_t>& starts, std::string_view line) {
  std::vector<std::string> pieces(starts.size());
  size_t column = 0;
  size_t piece = 0;  // one behind the open one
  for (size_t i = 0; i < line.size(); ++column) {
    const size_t start = i++;
    while (i < line.size() && (line[i] & 0xC0) == 0x80) ++i;
    while (piece < starts.size() && starts[piece] <= column) ++piece;
    if (piece > 0) pieces[piece - 1] += line.substr(start, i - start);
  }
  return pieces;
}

void AppendCell(std::string_view text, std::string& cell) {
  text = TrimSpace(text);
  if (text.empty()) return;
  if (!cell.empty()) cell += ' ';
  cell += text;
}

bool IsEmptyRow(const std::vector<std::string>& row) {
  return std::all_of(row.begin(), row.end(), [](const std::string& cell) { return cell.empty(); });
}

// A line that tells which columns a heading spans: "-----  ---".
bool IsSpanLine(std::string_view line) {
  return line.starts_with("--") && line.find_first_not_of("- ") == std::string_view::npos;
}

}  // namespace

RstRows ReadSimpleTable(const RstLines& lines, size_t& at) {
  if (!IsSimpleTableBorder(lines[at])) return {};
  size_t end = 0;
  for (size_t i = at + 1; i < lines.size() && end == 0; ++i) {
    const bool border = IsSimpleTableBorder(lines[i]);
    if (border && (i + 1 == lines.size() || IsBlank(lines[i + 1]))) end = i;
  }
  if (end == 0) return {};
  std::vector<size_t> starts;  // of columns
  const std::string& border = lines[at];
  for (size_t i = 0; i < border.size(); ++i) {
    if (border[i] == '=' && (i == 0 || border[i - 1] == ' ')) starts.push_back(i);
  }
  RstRows rows;
  bool new_row = true;
  for (size_t i = at + 1; i < end; ++i) {
    if (IsBlank(lines[i]) || IsSimpleTableBorder(lines[i]) || IsSpanLine(lines[i])) {
      new_row = true;
      continue;
    }
    const std::vector<std::string> cells = CutAt(starts, lines[i]);
    // A line without a first cell goes on with the row before.
    if (new_row || !IsBlank(cells[0])) rows.emplace_back(starts.size());
    for (size_t c = 0; c < cells.size(); ++c) AppendCell(cells[c], rows.back()[c]);
    new_row = false;
  }
  at = end + 1;
  return rows;
}

RstRows ReadGridTable(const RstLines& lines, size_t& at) {
  if (!IsGridTableBorder(lines[at])) return {};
  size_t end = at;
  std::set<size_t> bounds;  // columns of the lines between cells
  for (; end < lines.size() && (lines[end].starts_with('+') || lines[end].starts_with('|'));
       ++end) {
    if (!IsGridTableBorder(lines[end])) continue;
    for (size_t i = 0; i < lines[end].size(); ++i) {
      if (lines[end][i] == '+') bounds.insert(i);
    }
  }
  if (end - at < 3 || bounds.size() < 2) return {};
  const std::vector<size_t> edges(bounds.begin(), bounds.end());
  RstRows rows(1, std::vector<std::string>(edges.size() - 1));
  for (size_t i = at; i < end; ++i) {
    // A line that is a border in part ends the row, too: the cell that goes on gets its rest there.
    if (lines[i].starts_with('+') || lines[i].find("+--") != std::string::npos) {
      if (!IsEmptyRow(rows.back())) rows.emplace_back(edges.size() - 1);
    }
    const std::vector<std::string> pieces = CutAt(edges, lines[i]);
    size_t cell = 0;  // that the text belongs to: one that spans columns has no bar inside
    for (size_t c = 0; c + 1 < edges.size(); ++c) {
      const std::string& piece = pieces[c];
      if (piece.empty() || piece.find_first_not_of("+-=") == std::string::npos) continue;
      const bool spans = c > 0 && piece[0] != '|' && piece[0] != '+';
      if (!spans) {
        cell = c;
        rows.back()[cell] += ' ';
      }
      rows.back()[cell] += spans ? piece : piece.substr(1);
    }
    for (std::string& each : rows.back()) each = CollapseSpace(each);
  }
  if (IsEmptyRow(rows.back())) rows.pop_back();
  at = end;
  return rows;
}

RstRows ReadListTable(const RstLines& lines) {
  RstRows rows;
  for (const std::string& line : lines) {
    std::string_view text = TrimSpace(line);
    const bool row = line.starts_with("* ") && TrimSpace(line.substr(1)).starts_with('-');
    if (row) {
      rows.emplace_back();
      text = TrimSpace(text.substr(1));
    }
    if (rows.empty()) continue;
    const bool cell = row || (line.starts_with("  -") && (text == "-" || text.starts_with("- ")));
    if (cell) {
      rows.back().emplace_back(TrimSpace(text.substr(1)));
    } else if (!rows.back().empty()) {
      AppendCell(text, rows.back().back());
    }
  }
  return rows;
}

}  // namespace footnote::indexer
