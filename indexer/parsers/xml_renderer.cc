#include "indexer/parsers/xml_renderer.h"

#include <cctype>
#include <utility>

#include "indexer/parsers/xml_names.h"
#include "indexer/text/cleaner.h"

namespace footnote::indexer {
namespace {

constexpr size_t kLongestField = 80;  // bytes of a value; what is longer is text

bool HasText(const XmlNode& node) {
  for (XmlNode child = node.first_child(); child; child = child.next_sibling()) {
    if (child.is_text() && !TrimSpace(child.text()).empty()) return true;
  }
  return false;
}

bool HasElements(const XmlNode& node) {
  for (XmlNode child = node.first_child(); child; child = child.next_sibling()) {
    if (child.is_element()) return true;
  }
  return false;
}

XmlNode NextElement(XmlNode node) {
  do {
    node = node.next_sibling();
  } while (node && !node.is_element());
  return node;
}

bool IsHeading(const XmlNode& node) { return KindOfXmlName(node.name()) == XmlKind::kHeading; }

// DocBook keeps titles in <info>, <sectioninfo>…; JATS in <title-group>.
bool HoldsTitle(const XmlNode& node) {
  return (node.name().ends_with("info") || node.name() == "title-group") &&
         (node.child("title") || node.child("article-title"));
}

bool HasTitle(const XmlNode& node) {
  for (const XmlNode& child : node.children()) {
    if (IsHeading(child) || HoldsTitle(child)) return true;
  }
  return false;
}

bool IsOrdered(const XmlNode& list) {
  for (const char* name : {"list-type", "type", "rend"}) {
    const std::string_view value = list.attribute(name);
    if (value.starts_with("order") || value.starts_with("number")) return true;
  }
  return false;
}

}  // namespace

void XmlRenderer::Render(const XmlNode& root, bool shows_attributes) {
  shows_attributes_ = shows_attributes;
  Visit(root, 1);
  Flush();
  EndFields();
  WriteNotes();
}

bool XmlRenderer::IsBlock(const XmlNode& node) const {
  switch (KindOfXmlName(node.name())) {
    case XmlKind::kOther:
    case XmlKind::kFootnote:
    case XmlKind::kBreak:
    case XmlKind::kDropped:
    case XmlKind::kHeading:  // of a work that is named in running text
      return false;
    case XmlKind::kAdmonition:
      // With a place (TEI) it is a footnote.
      return !HasText(node) && !node.has_attribute("place");
    default:
      return true;
  }
}

void XmlRenderer::Visit(const XmlNode& node, int level) {
  if (!node.is_element() || RenderSpecial(node, level) || VisitKnown(node, level)) return;
  if (HasText(node)) {
    VisitText(node, level);
    return;
  }
  if (shows_attributes_ && !node.first_child()) {
    for (const auto& [name, value] : node.attributes()) {
      AddField(std::string(node.name()) + " " + std::string(name), CollapseSpace(value));
    }
  }
  VisitChildren(node, level);
}

bool XmlRenderer::VisitKnown(const XmlNode& node, int level) {
  const XmlKind kind = KindOfXmlName(node.name());
  switch (kind) {
    case XmlKind::kDropped:
    case XmlKind::kBreak:
      return true;
    case XmlKind::kHeading:
      Heading(level, InlineText(node));
      return true;
    case XmlKind::kCode:
      Flush();
      EndFields();
      builder_.Code(CleanText(TextOf(node)));
      return true;
    case XmlKind::kList:
    case XmlKind::kOrderedList:
      Flush();
      EndFields();
      lists_.push_back({kind == XmlKind::kOrderedList || IsOrdered(node), 1});
      VisitChildren(node, level);
      Flush();
      lists_.pop_back();
      return true;
    case XmlKind::kItem:
      if (lists_.empty()) return false;  // a record, as feeds have them
      Flush();
      item_begins_ = true;
      VisitContent(node, level);
      item_begins_ = false;
      return true;
    case XmlKind::kTerm: {
      Flush();
      const std::vector<XmlNode> children = node.children();
      if (!children.empty()) AddPrefix(InlineText(children.front()) + ":");
      for (size_t i = 1; i < children.size(); ++i) Visit(children[i], level);
      EndPrefix();
      return true;
    }
    case XmlKind::kTable:
      Flush();
      EndFields();
      first_row_ = true;
      return false;
    case XmlKind::kRow:
      if (HasText(node) || !HasElements(node)) return false;
      AddRow(node);
      return true;
    case XmlKind::kAdmonition: {
      Flush();
      std::string name(node.name());
      name[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(name[0])));
      AddPrefix(name + ":");
      VisitContent(node, level);
      prefix_.clear();
      return true;
    }
    case XmlKind::kFootnote: {
      std::string mark;
      AddNote(node, mark);
      WriteNotes();
      return true;
    }
    default:
      return false;
  }
}

void XmlRenderer::VisitContent(const XmlNode& node, int level) {
  if (HasText(node)) {
    VisitMixed(node, level);
  } else {
    VisitChildren(node, level);
  }
  Flush();
}

// An element with text of its own.
void XmlRenderer::VisitText(const XmlNode& node, int level) {
  if (HasElements(node) || !lists_.empty() || KindOfXmlName(node.name()) != XmlKind::kOther ||
      !prefix_.empty() || !HasFields()) {
    Flush();
    VisitContent(node, level);
    return;
  }
  const std::string value = InlineText(node);
  if (value.size() > kLongestField) {
    text_ = value;
    Flush();
  } else {
    AddField(node.name(), value);
  }
}

void XmlRenderer::VisitMixed(const XmlNode& node, int level) {
  for (XmlNode child = node.first_child(); child; child = child.next_sibling()) {
    if (child.is_text()) {
      text_ += child.text();
    } else if (child.is_element() && IsBlock(child)) {
      Flush();
      Visit(child, level);
    } else if (child.is_element()) {
      switch (KindOfXmlName(child.name())) {
        case XmlKind::kBreak:
          text_ += ' ';
          break;
        case XmlKind::kDropped:
          break;
        case XmlKind::kFootnote:
        case XmlKind::kAdmonition:
          AddNote(child, text_);
          break;
        default:
          VisitMixed(child, level);
      }
    }
  }
}

void XmlRenderer::VisitChildren(const XmlNode& node, int level) {
  const XmlKind kind = KindOfXmlName(node.name());
  const bool is_float = kind == XmlKind::kFloat || kind == XmlKind::kTable ||
                        kind == XmlKind::kAdmonition || !lists_.empty();
  const int inner_level = !is_float && HasTitle(node) ? level + 1 : level;
  for (XmlNode child = node.first_child(); child; child = child.next_sibling()) {
    if (!child.is_element()) continue;
    const XmlNode next = NextElement(child);
    const bool is_title =
        IsHeading(child) || (node.name() == "title-group" && child.name() == "article-title");
    if ((child.name() == "label" || child.name() == "num") && next &&
        (IsHeading(next) || next.name() == "caption")) {
      label_ = InlineText(child) + " ";
    } else if (is_title && is_float) {
      Flush();
      text_ = std::exchange(label_, "") + InlineText(child);
      Flush();
    } else if (is_title) {
      if (!RenderSpecial(child, level)) Heading(level, InlineText(child));
    } else {
      Visit(child, HoldsTitle(child) ? level : inner_level);
    }
  }
  Flush();
  EndFields();
}

void XmlRenderer::AddPrefix(std::string_view text) {
  if (text.empty()) return;
  if (!prefix_.empty()) prefix_ += ' ';
  prefix_ += text;
}

void XmlRenderer::EndPrefix() {
  text_ += std::exchange(prefix_, "");
  Flush();
}

void XmlRenderer::Heading(int level, const std::string& text) {
  Flush();
  EndFields();
  builder_.Heading(level, std::exchange(label_, "") + text);
  WriteNotes();
}

void XmlRenderer::Flush() {
  std::string text = CollapseSpace(CleanText(std::exchange(text_, "")));
  if (text.empty()) return;
  EndFields();
  if (!label_.empty()) text = std::exchange(label_, "") + text;
  if (!prefix_.empty()) text = std::exchange(prefix_, "") + " " + text;
  const int depth = static_cast<int>(lists_.size());
  if (lists_.empty()) {
    builder_.ParagraphOrClause(text);
  } else if (std::exchange(item_begins_, false)) {
    List& list = lists_.back();
    builder_.ListItem(depth, list.ordered ? std::to_string(list.next++) + "." : "-", text);
  } else {
    builder_.ListContinuation(depth, text);
  }
  WriteNotes();
}

std::string XmlRenderer::InlineText(const XmlNode& node) {
  std::string text;
  AppendInline(node, text);
  return CollapseSpace(CleanText(text));
}

void XmlRenderer::AppendInline(const XmlNode& node, std::string& out) {
  out += node.text();
  for (XmlNode child = node.first_child(); child; child = child.next_sibling()) {
    const XmlKind kind = KindOfXmlName(child.name());
    if (kind == XmlKind::kBreak) {
      out += ' ';
    } else if (kind == XmlKind::kFootnote) {
      AddNote(child, out);
    } else if (kind != XmlKind::kDropped) {
      AppendInline(child, out);
      if (kind == XmlKind::kParagraph || kind == XmlKind::kItem) out += ' ';
    }
  }
}

// Puts the note's mark in the text; the note itself comes below.
void XmlRenderer::AddNote(const XmlNode& node, std::string& out) {
  std::string mark(node.attribute("marker"));
  if (mark.empty()) mark = std::to_string(next_note_++);
  const size_t place = notes_.size();
  const std::string text = InlineText(node);
  if (text.empty()) return;
  mark = "[" + CollapseSpace(CleanText(mark)) + "]";
  out += mark;
  // Before those inside it.
  notes_.insert(notes_.begin() + static_cast<std::ptrdiff_t>(place), mark + " " + text);
}

void XmlRenderer::WriteNotes() {
  for (const std::string& note : std::exchange(notes_, {})) builder_.Paragraph(note);
}

void XmlRenderer::AddField(std::string_view name, const std::string& value) {
  if (value.empty()) return;
  Flush();
  fields_.append(name).append(": ").append(value).append("\n");
}

void XmlRenderer::EndFields() {
  if (!fields_.empty()) builder_.Paragraph(std::exchange(fields_, ""));
}

void XmlRenderer::AddRow(const XmlNode& node) {
  Flush();
  EndFields();
  std::vector<std::string> cells;
  for (const XmlNode& cell : node.children()) cells.push_back(InlineText(cell));
  builder_.TableRow(cells, std::exchange(first_row_, false));
}

}  // namespace footnote::indexer
