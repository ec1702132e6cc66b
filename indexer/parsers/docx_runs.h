// Text inside a Word paragraph: what a reader sees of its runs, with marks for notes.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "indexer/parsers/docx_styles.h"
#include "indexer/parsers/xml.h"

namespace footnote::indexer {

// A footnote or endnote in the order of its mark.
struct DocxNote {
  bool endnote = false;
  std::string id;    // in word/footnotes.xml or word/endnotes.xml
  std::string mark;  // "[1]"; "[i]" for endnotes, as Word numbers them
};

class DocxRuns {
 public:
  explicit DocxRuns(const DocxStyles& styles) : styles_(styles) {}

  struct Text {
    std::string text;            // as in the file; "\n" for line breaks
    std::vector<XmlNode> boxes;  // contents of text boxes that are anchored in it
  };

  // `hidden`: the paragraph's style hides its text, unless a run says otherwise.
  Text Read(const XmlNode& paragraph, bool hidden);

  const std::vector<DocxNote>& notes() const { return notes_; }

  // Whether the element holds text that tracked changes took away.
  static bool IsDeleted(const XmlNode& element);

 private:
  enum class FieldPart { kInstruction, kResult };

  void ReadRuns(const XmlNode& node, bool hidden);
  void ReadRun(const XmlNode& run, bool hidden);
  void ReadField(const XmlNode& mark, bool hidden);
  void AddNote(const XmlNode& reference, bool endnote);
  void FindBoxes(const XmlNode& node);
  bool InInstruction() const;

  const DocxStyles& styles_;
  Text out_;
  std::vector<FieldPart> fields_;  // open ones, outermost first; a field may span paragraphs
  std::vector<DocxNote> notes_;
  std::map<std::pair<bool, std::string>, size_t> note_index_;  // by endnote and id
  int footnotes_ = 0;
  int endnotes_ = 0;
};

}  // namespace footnote::indexer
