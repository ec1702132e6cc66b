#include "indexer/parsers/sheet_writer.h"

#include <algorithm>

#include "indexer/parsers/parser.h"
#include "indexer/text/cleaner.h"

namespace footnote::indexer {
namespace {

// A stray cell far to the right does not pull columns of nothing behind it in every row.
constexpr size_t kMostEmptyCells = 32;  // between two cells

// Each row is a block of about a hundred bytes beside its text.
constexpr int64_t kMostRows = 4'000'000;

Status TooLarge() {
  return ResourceExhaustedError(
      "its tables are too large for one document (256 MB of text or 4 million rows): split it into "
      "several files");
}

}  // namespace

Status SheetWriter::AddRow(const std::vector<Cell>& cells) {
  size_t bytes = builder_.text().size();
  std::vector<std::string> row;
  int first_cell = 0;  // column of the first with text
  int column = 0;
  for (const auto& [at, text] : cells) {
    std::string clean = CollapseSpace(CleanLines(text));
    if (clean.empty()) continue;
    if (row.empty()) {
      if (pending_.empty() && !in_table_) first_column_ = at;
      first_cell = at;
      column = std::min(first_column_, at);
    }
    // A row, too, may be larger than memory: cells share their strings.
    bytes += clean.size();
    if (bytes > kMaxDocumentBytes) return TooLarge();
    const size_t gap = std::min(static_cast<size_t>(std::max(at - column, 0)), kMostEmptyCells);
    row.resize(row.size() + gap);
    row.push_back(std::move(clean));
    column = at + 1;
  }
  if (row.empty()) {
    EndTable();
    return OkStatus();
  }
  if (++rows_ > kMostRows) return TooLarge();
  if (in_table_) {
    builder_.TableRow(row, false);
    return OkStatus();
  }
  if (pending_.size() == 1 && row.size() > 1) {
    builder_.Paragraph(pending_.front());  // a caption
    pending_.clear();
    // The table begins where its own first row does.
    first_column_ = first_cell;
    while (row.front().empty()) row.erase(row.begin());
  } else if (!pending_.empty()) {
    WritePending();
    builder_.TableRow(row, false);
    return OkStatus();
  }
  pending_ = std::move(row);
  return OkStatus();
}

void SheetWriter::WritePending() {
  builder_.TableRow(pending_, true);
  pending_.clear();
  in_table_ = true;
}

void SheetWriter::EndTable() {
  if (pending_.size() == 1) {
    builder_.Paragraph(pending_.front());
    pending_.clear();
  } else if (!pending_.empty()) {
    WritePending();
  }
  in_table_ = false;
}

}  // namespace footnote::indexer
