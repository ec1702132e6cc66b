// Writes XML that is a text to read as blocks, by rules that suit most vocabularies (DocBook, JATS,
// TEI): elements with text are paragraphs, titles are headings, short fields are "name: value".
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "indexer/parsers/document_builder.h"
#include "indexer/parsers/xml.h"

namespace footnote::indexer {

class XmlRenderer {
 public:
  explicit XmlRenderer(DocumentBuilder& builder) : builder_(builder) {}
  virtual ~XmlRenderer() = default;

  // With `shows_attributes`, those of elements without content are fields, too.
  void Render(const XmlNode& root, bool shows_attributes = false);

 protected:
  // For a vocabulary's own elements: true when `node` was written. `level` is that of a heading at
  // this place.
  virtual bool RenderSpecial(const XmlNode&, int /*level*/) { return false; }
  // Whether short elements without others in them are fields, "name: value".
  virtual bool HasFields() const { return true; }
  // Whether an element that stands in a paragraph ends it.
  virtual bool IsBlock(const XmlNode& node) const;

  void Visit(const XmlNode& node, int level);
  void VisitChildren(const XmlNode& node, int level);
  // Text before the next text: a number, a term.
  void AddPrefix(std::string_view text);
  // Writes a prefix that no text followed.
  void EndPrefix();
  void AddText(std::string_view text) { text_ += text; }
  void Heading(int level, const std::string& text);
  // Ends the open paragraph.
  void Flush();
  // Text below `node` as one line, without what was deleted. Footnotes in it come below the block.
  std::string InlineText(const XmlNode& node);

 private:
  struct List {
    bool ordered = false;
    int next = 1;
  };

  void VisitMixed(const XmlNode& node, int level);
  void VisitContent(const XmlNode& node, int level);
  void VisitText(const XmlNode& node, int level);
  bool VisitKnown(const XmlNode& node, int level);
  void AppendInline(const XmlNode& node, std::string& out);
  void AddNote(const XmlNode& node, std::string& out);
  void AddField(std::string_view name, const std::string& value);
  void AddRow(const XmlNode& node);
  void EndFields();
  void WriteNotes();

  DocumentBuilder& builder_;
  bool shows_attributes_ = false;
  std::string text_;    // of the open paragraph
  std::string prefix_;  // of the next text
  std::string fields_;  // lines "name: value" in a row
  std::string label_;   // number of the next title
  std::vector<List> lists_;
  bool item_begins_ = false;
  bool first_row_ = false;
  std::vector<std::string> notes_;
  int next_note_ = 1;
};

}  // namespace footnote::indexer
