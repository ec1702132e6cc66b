// Writes a document's text block by block, for formats whose text is rendered (Markdown, HTML, man
// pages, OBO, ICD-10-CM). Threads: one caller.
#pragma once

#include <string>
#include <string_view>

#include "indexer/parsers/parsed_document.h"

namespace footnote::indexer {

class DocumentBuilder {
 public:
  // Text is taken as it is, but white space around it goes; nothing is added for empty text. Blocks
  // are set apart by a blank line, list items and rows of one list or table by a line end.
  void Heading(int level, std::string_view text);
  void Paragraph(std::string_view text);
  // As Paragraph, of kind kClause when it begins with a clause number ("7.3", "(b)").
  void ParagraphOrClause(std::string_view text);
  // `mark` is "-" or "1."; depth 1 is outermost and not indented.
  void ListItem(int depth, std::string_view mark, std::string_view text);
  // A further paragraph of the item before.
  void ListContinuation(int depth, std::string_view text);
  void Code(std::string_view text);  // keeps leading white space of its lines
  void TableRow(const std::vector<std::string>& cells, bool first_row);
  // Text without markup: its blocks are found as in a plain text file. `level` is the level of the
  // heading that it stands under, 0 for none.
  void PlainText(std::string_view text, int level);

  // The next block begins a page (a slide); pages without a block are counted too.
  void BeginPage() { ++pages_to_begin_; }

  bool empty() const { return document_.blocks.empty(); }
  const std::string& text() const { return document_.text; }

  // The document so far, without title and id; the builder is empty afterwards.
  ParsedDocument Finish();

 private:
  // Begins a block behind the right separator and returns it.
  Block& Begin(BlockKind kind, bool close_to_previous);
  void End();

  ParsedDocument document_;
  int pages_to_begin_ = 0;  // at the next block
};

}  // namespace footnote::indexer
