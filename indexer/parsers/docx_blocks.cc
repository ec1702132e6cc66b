#include "indexer/parsers/docx_blocks.h"

#include <algorithm>
#include <utility>

#include "indexer/parsers/office_package.h"
#include "indexer/text/clause.h"
#include "indexer/text/cleaner.h"

namespace footnote::indexer {
namespace {

constexpr size_t kMostColumns = 1024;  // Word itself stops at 63

// Longer paragraphs with a heading's style are clauses: some templates style all clauses so.
constexpr size_t kLongestHeading = 140;  // bytes

// Text of a cell that spans rows is repeated in each when it is no longer.
constexpr size_t kLongestRepeated = 200;  // bytes

bool IsCode(std::string_view style_name) {
  return style_name == "source code" || style_name == "html preformatted" || style_name == "code";
}

int TocLevel(std::string_view style_name) {
  return style_name.starts_with("toc ") ? ReadInt(style_name.substr(4), 0, 9, 0) : 0;
}

// "7.3", "(b)", "Section 4", "§ 2"; but not "1." or "a)", which number any list.
bool LooksLikeClause(std::string_view label) {
  if (label.starts_with('(')) return true;
  return label.substr(0, label.size() - 1).find_first_of(". \xC2") != std::string_view::npos;
}

bool HasDeletedMark(const XmlNode& paragraph_properties) {
  const XmlNode mark = paragraph_properties.child("rPr");
  return mark.child("del") || mark.child("moveFrom");
}

// Children of that name, also inside content controls and insertions.
void FindParts(const XmlNode& node, std::string_view name, std::vector<XmlNode>& found) {
  for (XmlNode child = node.first_child(); child; child = child.next_sibling()) {
    if (child.name() == name) {
      found.push_back(child);
    } else if (child.name() == "sdt" || child.name() == "sdtContent" || child.name() == "ins" ||
               child.name() == "moveTo" || child.name() == "customXml") {
      FindParts(child, name, found);
    }
  }
}

bool IsRowShown(const XmlNode& row) {
  const XmlNode properties = row.child("trPr");
  return !properties.child("del") && !IsOn(properties.child("hidden"));
}

}  // namespace

DocxBlocks::DocxBlocks(const Parts& parts, DocumentBuilder& builder)
    : parts_(parts), builder_(builder), styles_(parts.styles), numbering_(parts.numbering) {}

void DocxBlocks::Write(const XmlNode& body) {
  WriteBlocks(body);
  FlushCode();
  WriteNotes();
}

void DocxBlocks::WriteBlocks(const XmlNode& container) {
  WriteChildren(container);
  // A mark that was deleted at the end has no paragraph to merge with.
  if (!carried_.empty()) Emit(XmlNode(), std::exchange(carried_, ""));
}

void DocxBlocks::WriteChildren(const XmlNode& container) {
  for (XmlNode child = container.first_child(); child; child = child.next_sibling()) {
    const std::string_view name = child.name();
    if (name.empty() || DocxRuns::IsDeleted(child) || name == "sectPr" || name == "sdtPr") continue;
    if (name == "p") {
      WriteParagraph(child);
    } else if (name == "tbl") {
      WriteTable(child);
    } else {
      WriteChildren(name == "AlternateContent" ? ChosenAlternate(child) : child);
    }
  }
}

void DocxBlocks::WriteParagraph(const XmlNode& paragraph) {
  const XmlNode properties = paragraph.child("pPr");
  const bool hidden = styles_.Find(properties.child("pStyle").attribute("val")).hidden;
  DocxRuns::Text read = runs_.Read(paragraph, hidden);
  std::string text = std::exchange(carried_, "") + read.text;
  if (HasDeletedMark(properties)) {
    carried_ = std::move(text);
  } else if (!text.empty() || !(hidden || IsOn(properties.child("rPr").child("vanish")))) {
    Emit(properties, text);
  }
  for (const XmlNode& box : read.boxes) WriteBlocks(box);
}

DocxLabel DocxBlocks::LabelOf(const XmlNode& properties, const DocxStyle& style,
                              std::string_view style_id) {
  const XmlNode own = properties.child("numPr");
  const XmlNode own_id = own.child("numId");
  const XmlNode own_level = own.child("ilvl");
  const int num_id = own_id ? ReadInt(own_id.attribute("val"), 0, 1 << 30, 0)  //
                            : style.num_id.value_or(0);
  if (num_id == 0) return {};
  int level = style.num_level.value_or(0);
  if (own_level) {
    level = ReadInt(own_level.attribute("val"), 0, DocxNumbering::kLevels - 1, 0);
  } else if (const auto of_style = numbering_.LevelOfStyle(num_id, style_id)) {
    level = *of_style;
  }
  return numbering_.Next(num_id, level).value_or(DocxLabel());
}

void DocxBlocks::Emit(const XmlNode& properties, std::string_view raw) {
  const std::string_view style_id = properties.child("pStyle").attribute("val");
  const DocxStyle style = styles_.Find(style_id);
  // Also of an empty paragraph: Word counts it.
  const DocxLabel label = LabelOf(properties, style, style_id);
  const std::string text = CleanLines(raw);
  if (text.empty()) return;

  std::string labelled = text;
  if (!label.text.empty()) labelled = label.text + (label.separate ? " " : "") + text;
  if (collected_ != nullptr) {
    if (!collected_->empty()) *collected_ += ' ';
    *collected_ += labelled;
    return;
  }
  if (IsCode(style.name)) {
    code_ += CleanText(raw) + "\n";
    return;
  }
  FlushCode();
  int heading = style.heading_level;
  if (const XmlNode outline = properties.child("outlineLvl")) {
    heading = (ReadInt(outline.attribute("val"), 0, 9, 9) + 1) % 10;
  }
  if (style.name == "title") heading = 1;
  if (heading > 0 && labelled.size() <= kLongestHeading) {
    builder_.Heading(heading, labelled);
  } else if (const int depth = TocLevel(style.name)) {
    builder_.ListItem(depth, "", labelled);
  } else if (label.bullet) {
    builder_.ListItem(label.level + 1, "-", text);
  } else if (!label.text.empty()) {
    EmitNumbered(label, labelled);
  } else {
    builder_.ParagraphOrClause(text);
  }
}

void DocxBlocks::EmitNumbered(const DocxLabel& label, const std::string& text) {
  if (ReadClauseMark(text) && (label.legal || LooksLikeClause(label.text))) {
    builder_.ParagraphOrClause(text);
  } else {
    builder_.ListItem(label.level + 1, "", text);
  }
}

void DocxBlocks::FlushCode() {
  if (!code_.empty()) builder_.Code(std::exchange(code_, ""));
}

std::string DocxBlocks::CollectText(const XmlNode& container) {
  std::string text;
  std::string* const outer = std::exchange(collected_, &text);
  const std::string outer_carried = std::exchange(carried_, "");
  WriteBlocks(container);
  collected_ = outer;
  carried_ = outer_carried;
  return text;
}

std::vector<std::string> DocxBlocks::CollectRow(const XmlNode& row,
                                                std::vector<std::string>& above) {
  std::vector<XmlNode> cells;
  FindParts(row, "tc", cells);
  std::vector<std::string> texts;
  for (const XmlNode& cell : cells) {
    const XmlNode properties = cell.child("tcPr");
    if (properties.child("cellDel")) continue;
    const XmlNode merge = properties.child("vMerge");
    const size_t column = texts.size();
    std::string text = CollectText(cell);
    if (column < kMostColumns) {
      above.resize(std::max(above.size(), column + 1));
      if (merge && merge.attribute("val") != "restart" && text.empty()) text = above[column];
      above[column] = merge && text.size() <= kLongestRepeated ? text : "";
    }
    texts.push_back(std::move(text));
    // Columns keep their place behind a cell that spans several.
    const int span = ReadInt(properties.child("gridSpan").attribute("val"), 1, 63, 1);
    for (int i = 1; i < span && texts.size() < kMostColumns; ++i) texts.emplace_back();
  }
  while (!texts.empty() && texts.back().empty()) texts.pop_back();
  return texts;
}

void DocxBlocks::WriteTable(const XmlNode& table) {
  std::vector<XmlNode> rows;
  FindParts(table, "tr", rows);
  std::erase_if(rows, [](const XmlNode& row) { return !IsRowShown(row); });
  if (rows.size() == 1 && collected_ == nullptr) {
    // A frame around text, not a table.
    std::vector<XmlNode> cells;
    FindParts(rows[0], "tc", cells);
    if (cells.size() == 1) {
      WriteBlocks(cells[0]);
      return;
    }
  }
  FlushCode();
  std::vector<std::string> above;
  std::string flat;  // of a table inside a cell
  bool first_row = true;
  for (const XmlNode& row : rows) {
    const std::vector<std::string> cells = CollectRow(row, above);
    if (cells.empty()) continue;
    if (collected_ == nullptr) {
      builder_.TableRow(cells, std::exchange(first_row, false));
      continue;
    }
    std::string line;
    for (const std::string& cell : cells) {
      if (!line.empty() && !cell.empty()) line += ", ";
      line += cell;
    }
    if (!flat.empty()) flat += "; ";
    flat += line;
  }
  if (flat.empty()) return;
  if (!collected_->empty()) *collected_ += ' ';
  *collected_ += flat;
}

void DocxBlocks::WriteNotes() {
  std::map<std::string, XmlNode, std::less<>> footnotes;
  std::map<std::string, XmlNode, std::less<>> endnotes;
  for (const XmlNode& each : parts_.footnotes.children("footnote")) {
    footnotes.emplace(each.attribute("id"), each);
  }
  for (const XmlNode& each : parts_.endnotes.children("endnote")) {
    endnotes.emplace(each.attribute("id"), each);
  }
  // By index: a note may refer to further ones.
  for (size_t i = 0; i < runs_.notes().size(); ++i) {
    const DocxNote note = runs_.notes()[i];
    const auto& notes = note.endnote ? endnotes : footnotes;
    const auto found = notes.find(note.id);
    if (found == notes.end()) continue;
    const std::string text = CollectText(found->second);
    if (!text.empty()) builder_.Paragraph(note.mark + " " + text);
  }
}

}  // namespace footnote::indexer
