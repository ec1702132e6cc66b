// Headings, paragraphs, lists and tables of an OpenDocument file as blocks of text.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "indexer/parsers/document_builder.h"
#include "indexer/parsers/open_document_styles.h"
#include "indexer/parsers/xml.h"

namespace footnote::indexer {

class OpenDocumentText {
 public:
  OpenDocumentText(OpenDocumentStyles& styles, DocumentBuilder& builder)
      : styles_(styles), builder_(builder) {}

  // What stands in a body, a section, a text box or a slide's frame.
  void WriteBlocks(const XmlNode& container);

  // The notes that the text so far refers to.
  void WriteNotes();

  // All text of a container in one piece.
  std::string CollectText(const XmlNode& container);

  // Cells of a table:table-row with text, by their columns; repeated ones at each, up to a limit.
  std::vector<std::pair<int, std::string>> ReadCells(const XmlNode& row, bool typed_values);

  // The rows of a table, also those in groups and headers.
  static std::vector<XmlNode> FindRows(const XmlNode& table);

 private:
  void WriteBlock(const XmlNode& node);
  void WriteHeading(const XmlNode& heading);
  void WriteParagraph(const XmlNode& paragraph);
  void WriteList(const XmlNode& list, std::string_view outer_style);
  void WriteTable(const XmlNode& table);
  void Emit(const std::string& text);
  void ReadInline(const XmlNode& node);

  OpenDocumentStyles& styles_;
  DocumentBuilder& builder_;
  std::string text_;                                    // of the open paragraph
  std::vector<XmlNode> boxes_;                          // text boxes and frames in it
  std::vector<std::pair<std::string, XmlNode>> notes_;  // mark and body
  int list_depth_ = 0;
  bool in_index_ = false;   // a table of contents: lines of it are no clauses
  std::string item_label_;  // of the open list item, until its first text
  bool item_begins_ = false;
  std::string* collected_ = nullptr;  // where text goes instead of the builder
};

}  // namespace footnote::indexer
