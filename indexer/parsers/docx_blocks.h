// Paragraphs and tables of a Word document as blocks of text.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "indexer/parsers/document_builder.h"
#include "indexer/parsers/docx_numbering.h"
#include "indexer/parsers/docx_runs.h"
#include "indexer/parsers/docx_styles.h"
#include "indexer/parsers/xml.h"

namespace footnote::indexer {

class DocxBlocks {
 public:
  // Roots of the parts, which outlive this; an empty one where the package has no such part.
  struct Parts {
    XmlNode styles;
    XmlNode numbering;
    XmlNode footnotes;
    XmlNode endnotes;
  };

  DocxBlocks(const Parts& parts, DocumentBuilder& builder);

  // Writes w:body, then the notes it refers to.
  void Write(const XmlNode& body);

 private:
  void WriteBlocks(const XmlNode& container);
  void WriteChildren(const XmlNode& container);
  void WriteParagraph(const XmlNode& paragraph);
  void Emit(const XmlNode& properties, std::string_view raw);
  void EmitNumbered(const DocxLabel& label, const std::string& text);
  void WriteTable(const XmlNode& table);
  void WriteNotes();
  void FlushCode();

  // The text of a table cell or a note in one piece.
  std::string CollectText(const XmlNode& container);
  std::vector<std::string> CollectRow(const XmlNode& row, std::vector<std::string>& above);
  DocxLabel LabelOf(const XmlNode& properties, const DocxStyle& style, std::string_view style_id);

  const Parts parts_;
  DocumentBuilder& builder_;
  DocxStyles styles_;
  DocxNumbering numbering_;
  DocxRuns runs_{styles_};
  std::string carried_;               // text before a paragraph mark that was deleted
  std::string code_;                  // lines of code so far: each is a paragraph
  std::string* collected_ = nullptr;  // where text goes instead of the builder
};

}  // namespace footnote::indexer
