#include "indexer/parsers/legal_xml.h"

#include <algorithm>
#include <array>

#include "indexer/parsers/xml_renderer.h"
#include "indexer/text/cleaner.h"

namespace footnote::indexer {
namespace {

template <size_t kSize>
bool Contains(const std::array<std::string_view, kSize>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// Levels whose number stands in the text that it counts.
bool IsClauseLevel(std::string_view name) {
  static constexpr auto kNames = std::to_array<std::string_view>(
      {"subsection", "paragraph", "subparagraph", "clause", "subclause", "item", "subitem",
       "subsubitem", "point", "indent", "alinea", "list", "proviso", "listItem"});
  return Contains(kNames, name);
}

// Levels that are headings. Any other element with a number and a heading is one, too.
bool IsHeadingLevel(std::string_view name) {
  static constexpr auto kNames = std::to_array<std::string_view>(
      {"title", "subtitle", "part", "subpart", "chapter", "subchapter", "section", "article",
       "book", "tome", "division", "subdivision", "rule", "appendix", "schedule", "level"});
  return Contains(kNames, name);
}

// Text that an act puts into another: its levels are none of this document's.
bool IsQuotation(std::string_view name) {
  static constexpr auto kNames =
      std::to_array<std::string_view>({"quotedContent", "quotedStructure", "embeddedStructure"});
  return Contains(kNames, name);
}

bool IsDropped(std::string_view name) {
  static constexpr auto kNames =
      std::to_array<std::string_view>({"meta", "toc", "num", "heading", "subheading"});
  return Contains(kNames, name);
}

class Renderer : public XmlRenderer {
 public:
  using XmlRenderer::XmlRenderer;

 protected:
  bool HasFields() const override { return false; }

  bool IsBlock(const XmlNode& node) const override {
    return IsQuotation(node.name()) || IsLevel(node) || XmlRenderer::IsBlock(node) ||
           node.name() == "blockList";
  }

  bool RenderSpecial(const XmlNode& node, int level) override {
    const std::string_view name = node.name();
    if (IsLevel(node)) {
      VisitLevel(node, level);
      return true;
    }
    if (name == "crossHeading" || name == "crossheading") {
      Heading(level, InlineText(node));
      return true;
    }
    if (IsQuotation(name)) {
      Flush();
      ++quotations_;
      VisitParts(node, level);
      --quotations_;
      return true;
    }
    if (name == "list") {  // of points with numbers
      VisitParts(node, level);
      return true;
    }
    return IsDropped(name);
  }

 private:
  static bool IsLevel(const XmlNode& node) {
    const bool numbered = static_cast<bool>(node.child("num"));
    const bool titled = static_cast<bool>(node.child("heading"));
    const std::string_view name = node.name();
    if (IsClauseLevel(name)) return numbered || titled;
    return IsHeadingLevel(name) ? numbered || titled : titled;
  }

  void VisitLevel(const XmlNode& node, int level) {
    const std::string number = InlineText(node.child("num"));
    std::string heading = InlineText(node.child("heading"));
    if (const std::string more = InlineText(node.child("subheading")); !more.empty()) {
      heading += (heading.empty() ? "" : " ") + more;
    }
    Flush();
    if (quotations_ > 0 || IsClauseLevel(node.name())) {
      AddPrefix(number);
      // A heading that runs in: "(a) In general. The tenant…"
      const bool ends = heading.ends_with('.') || heading.ends_with(':') || heading.ends_with("—");
      AddPrefix(heading.empty() || ends ? heading : heading + ".");
      VisitParts(node, level);
      return;
    }
    const bool joined = number.empty() || heading.empty() || number.ends_with("—");
    Heading(level, number + (joined ? "" : " ") + heading);
    VisitParts(node, level + 1);
  }

  // All but what a level's heading is made of. A quotation's text may stand without an element.
  void VisitParts(const XmlNode& node, int level) {
    for (XmlNode child = node.first_child(); child; child = child.next_sibling()) {
      if (child.is_text()) {
        AddText(child.text());
      } else if (child.is_element() && !IsDropped(child.name())) {
        Visit(child, level);
      }
    }
    Flush();
    EndPrefix();
  }

  int quotations_ = 0;  // around the place
};

// The first element of that name, in document order.
XmlNode Find(const XmlNode& node, std::string_view name) {
  for (const XmlNode& child : node.children()) {
    if (child.name() == name) return child;
    if (const XmlNode found = Find(child, name)) return found;
  }
  return {};
}

std::string Line(const XmlNode& node) { return CollapseSpace(CleanText(TextOf(node))); }

LegalMetadata ReadMetadata(const XmlNode& root) {
  LegalMetadata metadata;
  const bool is_akoma_ntoso = root.name() == "akomaNtoso";
  const std::vector<XmlNode> children = root.children();
  const XmlNode document = is_akoma_ntoso && !children.empty() ? children.front() : root;
  metadata.kind = document.name();
  const XmlNode meta = document.child("meta");
  if (!is_akoma_ntoso) {
    metadata.title = Line(meta.child("title"));
    for (const char* name : {"approvedDate", "date", "created", "publicationDate"}) {
      if (metadata.date.empty()) metadata.date = Line(meta.child(name));
    }
    return metadata;
  }
  for (const char* name : {"shortTitle", "docTitle"}) {
    if (metadata.title.empty()) metadata.title = Line(Find(document, name));
  }
  const XmlNode work = Find(meta, "FRBRWork");
  for (const char* name : {"FRBRalias", "FRBRname"}) {
    if (metadata.title.empty()) {
      metadata.title = CollapseSpace(CleanText(work.child(name).attribute("value")));
    }
  }
  metadata.date = CollapseSpace(CleanText(work.child("FRBRdate").attribute("date")));
  return metadata;
}

}  // namespace

bool IsLegalXml(const XmlNode& root) {
  static constexpr auto kRoots = std::to_array<std::string_view>(
      {"akomaNtoso", "lawDoc", "uslm", "uscDoc", "pLaw", "statutesAtLarge", "statuteCompilation"});
  // Other vocabularies have bills, too, but without USLM's <main>.
  const bool bill =
      root.name() == "bill" || root.name() == "resolution" || root.name() == "amendment";
  return Contains(kRoots, root.name()) || (bill && root.child("meta") && root.child("main"));
}

LegalMetadata RenderLegalXml(const XmlNode& root, DocumentBuilder& builder) {
  Renderer(builder).Render(root);
  return ReadMetadata(root);
}

}  // namespace footnote::indexer
