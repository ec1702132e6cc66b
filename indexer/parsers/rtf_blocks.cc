#include "indexer/parsers/rtf_blocks.h"

#include <algorithm>
#include <cctype>
#include <iterator>
#include <utility>

#include "indexer/text/clause.h"

namespace footnote::indexer {
namespace {

constexpr size_t kLongestHeading = 400;  // bytes; what is longer is text in a heading's style

bool IsNumber(const std::string& mark) {
  return std::any_of(mark.begin(), mark.end(),
                     [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; });
}

}  // namespace

// "1. text" of a list item that is not written as one.
std::string RtfBlocks::WithMark(const std::string& text) {
  const std::string mark = std::exchange(mark_, "");
  return mark.empty() || text.empty() ? text : mark + " " + text;
}

void RtfBlocks::EndParagraph(const std::string& text, int heading_level, int list_level) {
  EndTable();
  const bool numbered = IsNumber(mark_);
  if (heading_level > 0 && text.size() <= kLongestHeading) {
    builder_.Heading(heading_level, numbered ? WithMark(text) : text);
  } else if (numbered && ReadClauseMark(mark_ + " " + text).has_value()) {
    builder_.ParagraphOrClause(WithMark(text));
  } else if (!mark_.empty()) {
    builder_.ListItem(list_level + 1, numbered ? mark_ : "-", text);
  } else {
    builder_.Paragraph(text);
  }
  mark_.clear();
  WriteNotes(notes_);
}

void RtfBlocks::EndCellParagraph(const std::string& text) { cell_ += WithMark(text) + "\n"; }

void RtfBlocks::EndCell(const std::string& text) {
  cell_ += WithMark(text);
  cells_.push_back(std::exchange(cell_, ""));
}

void RtfBlocks::EndRow() {
  if (!cell_.empty()) cells_.push_back(std::exchange(cell_, ""));
  if (cells_.empty()) return;
  builder_.TableRow(cells_, !is_in_table_);
  is_in_table_ = true;
  cells_.clear();
  // They would cut the table in two.
  std::move(notes_.begin(), notes_.end(), std::back_inserter(table_notes_));
  notes_.clear();
}

void RtfBlocks::EndTable() {
  EndRow();  // a last row without an end
  is_in_table_ = false;
  WriteNotes(table_notes_);
}

void RtfBlocks::WriteNotes(std::vector<std::string>& notes) {
  for (const std::string& note : notes) builder_.Paragraph(note);
  notes.clear();
}

ParsedDocument RtfBlocks::Finish() {
  EndTable();
  WriteNotes(notes_);
  return builder_.Finish();
}

}  // namespace footnote::indexer
