// The blocks of an RTF document, put together from the text between its marks.
#pragma once

#include <string>
#include <vector>

#include "indexer/parsers/document_builder.h"

namespace footnote::indexer {

class RtfBlocks {
 public:
  // What stands before the text of the open paragraph: "1.", "(a)", "•".
  void SetMark(std::string mark) { mark_ = std::move(mark); }
  // A footnote or text box of the open paragraph or row: it comes below it.
  void AddNote(std::string text) { notes_.push_back(std::move(text)); }

  // The end of a paragraph; `heading_level` 0 for text, `list_level` from 0.
  void EndParagraph(const std::string& text, int heading_level, int list_level);
  void EndCellParagraph(const std::string& text);
  void EndCell(const std::string& text);
  void EndRow();

  ParsedDocument Finish();

 private:
  std::string WithMark(const std::string& text);
  void EndTable();
  void WriteNotes(std::vector<std::string>& notes);

  DocumentBuilder builder_;
  std::string mark_;
  std::string cell_;
  std::vector<std::string> cells_;
  bool is_in_table_ = false;  // the last block is a row
  std::vector<std::string> notes_;
  std::vector<std::string> table_notes_;  // of the rows so far
};

}  // namespace footnote::indexer
