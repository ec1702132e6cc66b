// HTML by gumbo: the main content as text; headings, lists, tables as rows of cells, code. Scripts,
// styles, navigation and footers are dropped. The only file that knows gumbo.
#include <gumbo.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

#include "indexer/parsers/document_builder.h"
#include "indexer/parsers/html.h"
#include "indexer/parsers/html_entities.h"
#include "indexer/parsers/parser.h"
#include "indexer/text/cleaner.h"

namespace footnote::indexer {
namespace {

using GumboTree = std::unique_ptr<GumboOutput, void (*)(GumboOutput*)>;

// Deeper trees are hostile; browsers cut at about this depth, too.
constexpr int kMaxDepth = 512;

// Elements that gumbo closes by itself, so that they do not nest however often they are opened.
bool ClosesItself(std::string_view tag) {
  static constexpr auto kTags = std::to_array<std::string_view>(
      {"area", "base", "br",     "col", "dd",    "dt",     "hr", "img", "input", "li",
       "link", "meta", "option", "p",   "param", "source", "td", "th",  "tr",    "wbr"});
  return std::find(kTags.begin(), kTags.end(), tag) != kTags.end();
}

// Gumbo frees its tree by recursion, so a hostile depth has to be seen before it parses.
bool IsNestedTooDeep(std::string_view html) {
  constexpr int kDeepest = 20000;
  int depth = 0;
  for (size_t at = html.find('<'); at != std::string_view::npos; at = html.find('<', at + 1)) {
    std::string name;
    const bool closing = html.substr(at + 1, 1) == "/";
    for (size_t i = at + 1 + (closing ? 1 : 0); i < html.size() && name.size() < 16; ++i) {
      if (!std::isalnum(static_cast<unsigned char>(html[i]))) break;
      name += static_cast<char>(std::tolower(static_cast<unsigned char>(html[i])));
    }
    if (name.empty() || ClosesItself(name)) continue;
    depth = closing ? std::max(depth - 1, 0) : depth + 1;
    if (depth > kDeepest) return true;
  }
  return false;
}

GumboTree ParseHtml(std::string_view html) {
  return GumboTree(
      gumbo_parse_with_options(&kGumboDefaultOptions, html.data(), html.size()),
      [](GumboOutput* output) { gumbo_destroy_output(&kGumboDefaultOptions, output); });
}

std::string_view Attribute(const GumboNode* node, const char* name) {
  const GumboAttribute* attribute = gumbo_get_attribute(&node->v.element.attributes, name);
  return attribute == nullptr ? std::string_view() : attribute->value;
}

bool HasWord(std::string_view words, std::string_view word) {
  for (size_t at = words.find(word); at != std::string_view::npos; at = words.find(word, at + 1)) {
    const size_t end = at + word.size();
    if ((at == 0 || words[at - 1] == ' ') && (end == words.size() || words[end] == ' '))
      return true;
  }
  return false;
}

// Navigation, advertisement of the site itself, and what is never shown.
bool IsDropped(const GumboNode* node) {
  switch (node->v.element.tag) {
    case GUMBO_TAG_SCRIPT:
    case GUMBO_TAG_STYLE:
    case GUMBO_TAG_NOSCRIPT:
    case GUMBO_TAG_TEMPLATE:
    case GUMBO_TAG_NAV:
    case GUMBO_TAG_FOOTER:
    case GUMBO_TAG_IFRAME:
    case GUMBO_TAG_SVG:
    case GUMBO_TAG_BUTTON:
    case GUMBO_TAG_SELECT:
    case GUMBO_TAG_TEXTAREA:
    case GUMBO_TAG_HEAD:
      return true;
    default:
      break;
  }
  if (gumbo_get_attribute(&node->v.element.attributes, "hidden") != nullptr) return true;
  const std::string_view role = Attribute(node, "role");
  if (role == "navigation" || role == "banner" || role == "contentinfo" || role == "search") {
    return true;
  }
  static constexpr auto kNames = std::to_array<std::string_view>(
      {"nav", "navbar", "docnav", "topnav", "sidenav", "navigation", "navheader", "navfooter",
       "breadcrumb", "breadcrumbs", "sphinxsidebar", "headerlink", "footer", "banner",
       "cookie-banner", "skip-link"});
  const std::string_view classes = Attribute(node, "class");
  const std::string_view id = Attribute(node, "id");
  return std::any_of(kNames.begin(), kNames.end(),
                     [&](std::string_view name) { return id == name || HasWord(classes, name); });
}

int HeadingLevel(GumboTag tag) {
  return tag >= GUMBO_TAG_H1 && tag <= GUMBO_TAG_H6 ? 1 + (tag - GUMBO_TAG_H1) : 0;
}

bool IsInline(GumboTag tag) {
  switch (tag) {
    case GUMBO_TAG_A:
    case GUMBO_TAG_ABBR:
    case GUMBO_TAG_ACRONYM:
    case GUMBO_TAG_B:
    case GUMBO_TAG_BDI:
    case GUMBO_TAG_BDO:
    case GUMBO_TAG_BIG:
    case GUMBO_TAG_CITE:
    case GUMBO_TAG_CODE:
    case GUMBO_TAG_DATA:
    case GUMBO_TAG_DEL:
    case GUMBO_TAG_DFN:
    case GUMBO_TAG_EM:
    case GUMBO_TAG_FONT:
    case GUMBO_TAG_I:
    case GUMBO_TAG_IMG:
    case GUMBO_TAG_INS:
    case GUMBO_TAG_KBD:
    case GUMBO_TAG_LABEL:
    case GUMBO_TAG_MARK:
    case GUMBO_TAG_Q:
    case GUMBO_TAG_S:
    case GUMBO_TAG_SAMP:
    case GUMBO_TAG_SMALL:
    case GUMBO_TAG_SPAN:
    case GUMBO_TAG_STRIKE:
    case GUMBO_TAG_STRONG:
    case GUMBO_TAG_SUB:
    case GUMBO_TAG_SUP:
    case GUMBO_TAG_TIME:
    case GUMBO_TAG_TT:
    case GUMBO_TAG_U:
    case GUMBO_TAG_VAR:
    case GUMBO_TAG_WBR:
      return true;
    default:
      return false;
  }
}

// All text below `node`, with white space as in the source.
void AppendText(const GumboNode* node, int depth, std::string& out) {
  if (depth > kMaxDepth) return;
  switch (node->type) {
    case GUMBO_NODE_TEXT:
    case GUMBO_NODE_WHITESPACE:
    case GUMBO_NODE_CDATA:
      out += node->v.text.text;
      return;
    case GUMBO_NODE_ELEMENT:
      break;
    default:
      return;
  }
  if (IsDropped(node)) return;
  if (node->v.element.tag == GUMBO_TAG_BR) out += '\n';
  const bool block = !IsInline(node->v.element.tag);
  if (block) out += ' ';
  const GumboVector& children = node->v.element.children;
  for (unsigned i = 0; i < children.length; ++i) {
    AppendText(static_cast<const GumboNode*>(children.data[i]), depth + 1, out);
  }
  if (block) out += ' ';
}

std::string TextOf(const GumboNode* node) {
  std::string text;
  AppendText(node, 0, text);
  return CollapseSpace(text);
}

const GumboNode* FindTag(const GumboNode* node, GumboTag tag, int depth) {
  if (node->type != GUMBO_NODE_ELEMENT || depth > kMaxDepth) return nullptr;
  if (node->v.element.tag == tag) return node;
  const GumboVector& children = node->v.element.children;
  for (unsigned i = 0; i < children.length; ++i) {
    const auto* child = static_cast<const GumboNode*>(children.data[i]);
    if (const GumboNode* found = FindTag(child, tag, depth + 1)) return found;
  }
  return nullptr;
}

int CountTag(const GumboNode* node, GumboTag tag, int depth) {
  if (node->type != GUMBO_NODE_ELEMENT || depth > kMaxDepth) return 0;
  int count = node->v.element.tag == tag ? 1 : 0;
  const GumboVector& children = node->v.element.children;
  for (unsigned i = 0; i < children.length; ++i) {
    count += CountTag(static_cast<const GumboNode*>(children.data[i]), tag, depth + 1);
  }
  return count;
}

const GumboNode* FindRole(const GumboNode* node, std::string_view role, int depth) {
  if (node->type != GUMBO_NODE_ELEMENT || depth > kMaxDepth) return nullptr;
  if (Attribute(node, "role") == role) return node;
  const GumboVector& children = node->v.element.children;
  for (unsigned i = 0; i < children.length; ++i) {
    const auto* child = static_cast<const GumboNode*>(children.data[i]);
    if (const GumboNode* found = FindRole(child, role, depth + 1)) return found;
  }
  return nullptr;
}

// Walks the main content and writes blocks.
class Renderer {
 public:
  explicit Renderer(DocumentBuilder& builder) : builder_(builder) {}

  void Render(const GumboNode* root) {
    Visit(root, 0);
    Flush();
  }

 private:
  struct List {
    bool ordered = false;
    int next = 1;
  };

  void VisitChildren(const GumboNode* node, int depth) {
    const GumboVector& children = node->v.element.children;
    for (unsigned i = 0; i < children.length; ++i) {
      Visit(static_cast<const GumboNode*>(children.data[i]), depth + 1);
    }
  }

  void Visit(const GumboNode* node, int depth) {
    if (depth > kMaxDepth) return;
    if (node->type == GUMBO_NODE_TEXT || node->type == GUMBO_NODE_WHITESPACE ||
        node->type == GUMBO_NODE_CDATA) {
      text_ += node->v.text.text;
      return;
    }
    if (node->type != GUMBO_NODE_ELEMENT || IsDropped(node)) return;
    const GumboTag tag = node->v.element.tag;
    if (IsInline(tag)) {
      VisitChildren(node, depth);
      return;
    }
    if (tag == GUMBO_TAG_BR) {
      text_ += ' ';
      return;
    }
    Flush();
    const int level = HeadingLevel(tag);
    if (level > 0 || tag == GUMBO_TAG_PRE || tag == GUMBO_TAG_TABLE || tag == GUMBO_TAG_UL ||
        tag == GUMBO_TAG_OL || tag == GUMBO_TAG_DL) {
      FlushTerm();
    }
    if (level > 0) {
      builder_.Heading(level, TextOf(node));
    } else if (tag == GUMBO_TAG_PRE) {
      std::string code;
      const GumboVector& lines = node->v.element.children;
      for (unsigned i = 0; i < lines.length; ++i) {
        AppendText(static_cast<const GumboNode*>(lines.data[i]), depth, code);
      }
      builder_.Code(code);
    } else if (tag == GUMBO_TAG_TABLE && !FindNestedTable(node)) {
      first_row_ = true;
      VisitRows(node, depth);
    } else if (tag == GUMBO_TAG_UL || tag == GUMBO_TAG_OL) {
      lists_.push_back({tag == GUMBO_TAG_OL, 1});
      VisitChildren(node, depth);
      Flush();
      lists_.pop_back();
    } else if (tag == GUMBO_TAG_LI) {
      item_begins_ = true;
      VisitChildren(node, depth);
      Flush();
      item_begins_ = false;
    } else if (tag == GUMBO_TAG_DT) {
      // A term stays with its definition: Flush puts it before the next text.
      if (!term_.empty()) term_ += ", ";
      term_ += TextOf(node);
    } else {
      VisitChildren(node, depth);
      Flush();
      if (tag == GUMBO_TAG_DL) FlushTerm();
    }
  }

  // A term whose definition does not begin with text.
  void FlushTerm() {
    if (!term_.empty()) builder_.Paragraph(std::exchange(term_, "") + ":");
  }

  // A table that holds a table lays out a page.
  static bool FindNestedTable(const GumboNode* table) {
    const GumboVector& children = table->v.element.children;
    for (unsigned i = 0; i < children.length; ++i) {
      if (FindTag(static_cast<const GumboNode*>(children.data[i]), GUMBO_TAG_TABLE, 0)) return true;
    }
    return false;
  }

  void VisitRows(const GumboNode* node, int depth) {
    const GumboVector& children = node->v.element.children;
    for (unsigned i = 0; i < children.length; ++i) {
      const auto* child = static_cast<const GumboNode*>(children.data[i]);
      if (child->type != GUMBO_NODE_ELEMENT || depth > kMaxDepth) continue;
      if (child->v.element.tag == GUMBO_TAG_CAPTION) {
        builder_.Paragraph(TextOf(child));
      } else if (child->v.element.tag == GUMBO_TAG_TR) {
        AddRow(child);
      } else {
        VisitRows(child, depth + 1);
      }
    }
  }

  void AddRow(const GumboNode* row) {
    std::vector<std::string> cells;
    const GumboVector& children = row->v.element.children;
    for (unsigned i = 0; i < children.length; ++i) {
      const auto* child = static_cast<const GumboNode*>(children.data[i]);
      if (child->type == GUMBO_NODE_ELEMENT) cells.push_back(TextOf(child));
    }
    const bool any = std::any_of(cells.begin(), cells.end(),
                                 [](const std::string& cell) { return !cell.empty(); });
    if (!any) return;
    builder_.TableRow(cells, first_row_);
    first_row_ = false;
  }

  void Flush() {
    std::string text = CollapseSpace(text_);
    text_.clear();
    if (text.empty()) return;
    if (!term_.empty()) text = std::exchange(term_, "") + ": " + text;
    if (lists_.empty()) {
      builder_.Paragraph(text);
      return;
    }
    const int depth = static_cast<int>(lists_.size());
    if (std::exchange(item_begins_, false)) {
      List& list = lists_.back();
      builder_.ListItem(depth, list.ordered ? std::to_string(list.next++) + "." : "-", text);
    } else {
      builder_.ListContinuation(depth, text);
    }
  }

  DocumentBuilder& builder_;
  std::string text_;  // inline text of the open block
  std::string term_;  // of a definition list, until its definition comes
  std::vector<List> lists_;
  bool item_begins_ = false;
  bool first_row_ = false;
};

class HtmlParser : public Parser {
 public:
  bool Accepts(const SourceFile& file) const override {
    if (HasExtension(file, ".html") || HasExtension(file, ".htm") || HasExtension(file, ".xhtml")) {
      return true;
    }
    std::string start = file.head.substr(0, 256);
    for (char& c : start) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return start.find("<!doctype html") != std::string::npos ||
           std::string_view(TrimSpace(start)).starts_with("<html");
  }

  Status Parse(const SourceFile& file, DocumentSink& sink) const override {
    FOOTNOTE_ASSIGN_OR_RETURN(const std::string html, ReadCleanText(file));
    DocumentBuilder builder;
    FOOTNOTE_ASSIGN_OR_RETURN(const std::string title, RenderHtml(html, builder));
    ParsedDocument document = builder.Finish();
    for (const Block& block : document.blocks) {
      if (document.title.empty() && block.kind == BlockKind::kHeading) {
        document.title = block.heading;
      }
    }
    if (document.title.empty()) document.title = title;
    if (document.title.empty()) document.title = FileStem(file);
    document.id = file.relative_path;
    document.source = file.path.string();
    document.metadata["format"] = {std::string("html")};
    return sink.Add(std::move(document));
  }
};

std::string TitleOf(const GumboNode* root) {
  const GumboNode* title = FindTag(root, GUMBO_TAG_TITLE, 0);
  if (title == nullptr) return "";
  // Not TextOf: a title lies in the head, which is dropped.
  std::string text;
  const GumboVector& children = title->v.element.children;
  for (unsigned i = 0; i < children.length; ++i) {
    AppendText(static_cast<const GumboNode*>(children.data[i]), 0, text);
  }
  return CollapseSpace(text);
}

}  // namespace

StatusOr<std::string> RenderHtml(std::string_view html, DocumentBuilder& builder) {
  if (IsNestedTooDeep(html)) return InvalidArgumentError("its elements are nested too deep");
  const GumboTree tree = ParseHtml(html);
  const GumboNode* main = FindTag(tree->root, GUMBO_TAG_MAIN, 0);
  if (main == nullptr) main = FindRole(tree->root, "main", 0);
  if (main == nullptr && CountTag(tree->root, GUMBO_TAG_ARTICLE, 0) == 1) {
    main = FindTag(tree->root, GUMBO_TAG_ARTICLE, 0);
  }
  if (main == nullptr) main = FindTag(tree->root, GUMBO_TAG_BODY, 0);
  Renderer(builder).Render(main == nullptr ? tree->root : main);
  return TitleOf(tree->root);
}

// Decoded by gumbo itself, which knows all names; Markdown has no other list of them.
void AppendEntity(std::string_view entity, std::string& out) {
  const GumboTree tree = ParseHtml(entity);
  const GumboNode* body = FindTag(tree->root, GUMBO_TAG_BODY, 0);
  const size_t before = out.size();
  if (body != nullptr) AppendText(body, 0, out);
  std::string text = CollapseSpace(std::string_view(out).substr(before));
  out.resize(before);
  out += text.empty() ? " " : text;
}

std::unique_ptr<Parser> MakeHtmlParser() { return std::make_unique<HtmlParser>(); }

}  // namespace footnote::indexer
