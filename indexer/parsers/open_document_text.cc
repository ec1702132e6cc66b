#include "indexer/parsers/open_document_text.h"

#include <algorithm>
#include <array>

#include "indexer/text/clause.h"
#include "indexer/text/cleaner.h"

namespace footnote::indexer {
namespace {

constexpr int kMostRepeatedCells = 256;
constexpr int kMostRepeatedRows = 100;
constexpr size_t kLongestHeading = 140;  // bytes; longer paragraphs are text

// Not text of the document, or not shown.
bool IsSkipped(std::string_view name) {
  static constexpr auto kNames = std::to_array<std::string_view>(
      {"tracked-changes", "annotation", "forms", "ruby-text", "hidden-text", "hidden-paragraph",
       "script", "notes", "event-listeners", "sequence-decls", "variable-decls", "user-field-decls",
       "table-of-content-source", "shapes", "number"});
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

bool LooksLikeClause(std::string_view label) {
  return label.starts_with('(') || label.find('.') < label.size() - 1;
}

}  // namespace

void OpenDocumentText::WriteBlocks(const XmlNode& container) {
  for (XmlNode child = container.first_child(); child; child = child.next_sibling()) {
    WriteBlock(child);
  }
}

void OpenDocumentText::WriteBlock(const XmlNode& node) {
  const std::string_view name = node.name();
  // A frame's name and description for those who do not see it.
  if (name.empty() || IsSkipped(name) || name == "title" || name == "desc") return;
  if (node.attribute("display") == "none" || styles_.IsHidden(node.attribute("style-name"))) return;
  if (name == "h") {
    WriteHeading(node);
  } else if (name == "p") {
    WriteParagraph(node);
  } else if (name == "list") {
    WriteList(node, "");
  } else if (name == "table") {
    WriteTable(node);
  } else if (name.ends_with("-index") || name == "table-of-content" || name == "bibliography") {
    const bool outer = std::exchange(in_index_, true);
    WriteBlocks(node);
    in_index_ = outer;
  } else {
    WriteBlocks(node);
  }
}

void OpenDocumentText::ReadInline(const XmlNode& node) {
  for (XmlNode child = node.first_child(); child; child = child.next_sibling()) {
    if (child.is_text()) {
      // Line ends of the file are white space, those of the text are elements.
      for (const char c : child.text()) text_ += c == '\n' || c == '\r' || c == '\t' ? ' ' : c;
      continue;
    }
    const std::string_view name = child.name();
    if (name.empty() || IsSkipped(name)) continue;
    if (name == "s" || name == "tab") {
      text_ += ' ';
    } else if (name == "line-break") {
      text_ += '\n';
    } else if (name == "note") {
      const std::string citation = CollapseSpace(TextOf(child.child("note-citation")));
      const std::string mark = "[" + (citation.empty() ? "*" : citation) + "]";
      text_ += mark;
      notes_.emplace_back(mark, child.child("note-body"));
    } else if (name == "frame" || name == "custom-shape" || name == "g") {
      boxes_.push_back(child);
    } else if (!(name == "span" && styles_.IsHidden(child.attribute("style-name")))) {
      ReadInline(child);
    }
  }
}

void OpenDocumentText::WriteHeading(const XmlNode& heading) {
  text_.clear();
  ReadInline(heading);
  std::string text = CleanLines(text_);
  const std::vector<XmlNode> boxes = std::exchange(boxes_, {});
  const int level = ReadInt(heading.attribute("outline-level"), 1, 10, 1);
  const std::string_view in_list = heading.attribute("is-list-header");
  if (item_begins_) {
    // The heading's number is that of the list it stands in.
    item_begins_ = false;
    if (item_label_ != "-" && !item_label_.empty()) text = item_label_ + " " + text;
  } else if (in_list != "true") {
    const int start = heading.attribute("restart-numbering") == "true"
                          ? ReadInt(heading.attribute("start-value"), 0, 1 << 30, 1)
                          : -1;
    const std::string label = styles_.outline().Next(level - 1, start);
    if (!label.empty() && !text.empty()) text = label + " " + text;
  }
  if (collected_ != nullptr || text.size() > kLongestHeading) {
    Emit(text);
  } else {
    builder_.Heading(level, text);
  }
  for (const XmlNode& box : boxes) WriteBlocks(box);
}

void OpenDocumentText::WriteParagraph(const XmlNode& paragraph) {
  text_.clear();
  ReadInline(paragraph);
  const std::string text = CleanLines(text_);
  const std::vector<XmlNode> boxes = std::exchange(boxes_, {});
  if (collected_ == nullptr && list_depth_ == 0 &&
      styles_.IsTitle(paragraph.attribute("style-name"))) {
    builder_.Heading(1, text);
  } else {
    Emit(text);
  }
  for (const XmlNode& box : boxes) WriteBlocks(box);
}

void OpenDocumentText::Emit(const std::string& text) {
  if (text.empty()) return;
  const bool begins = std::exchange(item_begins_, false);
  const bool numbered = begins && item_label_ != "-" && !item_label_.empty();
  const std::string labelled = numbered ? item_label_ + " " + text : text;
  if (collected_ != nullptr) {
    if (!collected_->empty()) *collected_ += ' ';
    *collected_ += labelled;
  } else if (in_index_) {
    builder_.ListItem(1, "", text);
  } else if (list_depth_ == 0) {
    builder_.ParagraphOrClause(text);
  } else if (!begins) {
    builder_.ListContinuation(list_depth_, text);
  } else if (numbered && LooksLikeClause(item_label_) && ReadClauseMark(labelled)) {
    builder_.ParagraphOrClause(labelled);
  } else {
    builder_.ListItem(list_depth_, item_label_, text);
  }
}

void OpenDocumentText::WriteList(const XmlNode& list, std::string_view outer_style) {
  std::string_view style = list.attribute("style-name");
  if (style.empty()) style = outer_style;
  OpenDocumentList* rules = styles_.FindList(style);
  const bool goes_on =
      list.attribute("continue-numbering") == "true" || list.has_attribute("continue-list");
  if (list_depth_ == 0 && rules != nullptr && !goes_on) rules->Restart();
  ++list_depth_;
  for (const XmlNode& item : list.children()) {
    if (item.name() != "list-item" && item.name() != "list-header") continue;
    const std::vector<XmlNode> parts = item.children();
    // An item that only holds a deeper list is how files say "deeper": it is not counted.
    const bool only_deeper = !parts.empty() && parts.front().name() == "list";
    if (!only_deeper) {
      const int start = ReadInt(item.attribute("start-value"), 0, 1 << 30, -1);
      item_begins_ = true;
      if (item.name() == "list-header") {
        item_label_.clear();
      } else {
        item_label_ = rules == nullptr ? "-" : rules->Next(list_depth_ - 1, start);
      }
    }
    for (const XmlNode& part : parts) {
      if (part.name() == "list") {
        WriteList(part, style);
      } else {
        WriteBlock(part);
      }
    }
    item_begins_ = false;
  }
  --list_depth_;
}

std::string OpenDocumentText::CollectText(const XmlNode& container) {
  std::string text;
  std::string* const outer = std::exchange(collected_, &text);
  const int outer_depth = std::exchange(list_depth_, 0);
  const bool outer_begins = std::exchange(item_begins_, false);
  const std::string outer_label = item_label_;
  WriteBlocks(container);
  collected_ = outer;
  list_depth_ = outer_depth;
  item_begins_ = outer_begins;
  item_label_ = outer_label;
  return text;
}

std::vector<XmlNode> OpenDocumentText::FindRows(const XmlNode& table) {
  std::vector<XmlNode> rows;
  for (const XmlNode& child : table.children()) {
    const std::string_view name = child.name();
    if (name == "table-row") {
      rows.push_back(child);
    } else if (name == "table-rows" || name == "table-header-rows" || name == "table-row-group") {
      const std::vector<XmlNode> inner = FindRows(child);
      rows.insert(rows.end(), inner.begin(), inner.end());
    }
  }
  return rows;
}

std::vector<std::pair<int, std::string>> OpenDocumentText::ReadCells(const XmlNode& row,
                                                                     bool typed_values) {
  constexpr int kMostColumns = 16384;
  std::vector<std::pair<int, std::string>> cells;
  int column = 0;
  for (const XmlNode& cell : row.children()) {
    const bool covered = cell.name() == "covered-table-cell";
    if ((cell.name() != "table-cell" && !covered) || column >= kMostColumns) continue;
    const int repeated = ReadInt(cell.attribute("number-columns-repeated"), 1, kMostColumns, 1);
    std::string text = covered ? std::string() : CollectText(cell);
    // The text shows a date in the writer's language; the value does not.
    if (typed_values && cell.attribute("value-type") == "date" &&
        cell.has_attribute("date-value")) {
      text = cell.attribute("date-value");
      if (const size_t time = text.find('T'); time != std::string::npos) text[time] = ' ';
    }
    if (text.empty() && cell.attribute("value-type") == "float") text = cell.attribute("value");
    const int shown = text.empty() ? 0 : std::min(repeated, kMostRepeatedCells);
    for (int i = 0; i < shown; ++i) cells.emplace_back(column + i, text);
    column += repeated;
  }
  return cells;
}

void OpenDocumentText::WriteTable(const XmlNode& table) {
  std::string flat;  // of a table inside a cell
  bool first_row = true;
  for (const XmlNode& row : FindRows(table)) {
    const auto cells = ReadCells(row, false);
    if (cells.empty()) continue;
    if (collected_ != nullptr) {
      if (!flat.empty()) flat += "; ";
      for (size_t i = 0; i < cells.size(); ++i) flat += (i > 0 ? ", " : "") + cells[i].second;
      continue;
    }
    std::vector<std::string> texts;
    for (const auto& [column, text] : cells) {
      texts.resize(
          std::min<size_t>(static_cast<size_t>(column), texts.size() + kMostRepeatedCells));
      texts.push_back(text);
    }
    const int repeated = ReadInt(row.attribute("number-rows-repeated"), 1, kMostRepeatedRows, 1);
    for (int i = 0; i < repeated; ++i) builder_.TableRow(texts, std::exchange(first_row, false));
  }
  if (flat.empty()) return;
  if (!collected_->empty()) *collected_ += ' ';
  *collected_ += flat;
}

void OpenDocumentText::WriteNotes() {
  // By index: a note may hold further ones.
  for (size_t i = 0; i < notes_.size(); ++i) {
    const auto [mark, body] = notes_[i];
    const std::string text = CollectText(body);
    if (!text.empty()) builder_.Paragraph(mark + " " + text);
  }
  notes_.clear();
}

}  // namespace footnote::indexer
