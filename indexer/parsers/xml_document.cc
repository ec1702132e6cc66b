// XML files: legislation by its own rules (legal_xml.h), XHTML as HTML, all others by rules that
// suit documents and records (xml_renderer.h).
#include <algorithm>

#include "indexer/parsers/document_builder.h"
#include "indexer/parsers/html.h"
#include "indexer/parsers/legal_xml.h"
#include "indexer/parsers/parser.h"
#include "indexer/parsers/xml.h"
#include "indexer/parsers/xml_renderer.h"
#include "indexer/text/charset.h"
#include "indexer/text/cleaner.h"

namespace footnote::indexer {
namespace {

// A tree takes some hundred bytes for each element and its text.
constexpr int64_t kMostTags = 20'000'000;

// The value of encoding="…" in the declaration; empty without one.
std::string_view DeclaredCharset(std::string_view bytes) {
  const std::string_view declaration = bytes.substr(0, std::min(bytes.find("?>"), size_t{200}));
  const size_t name = declaration.find("encoding");
  if (!declaration.starts_with("<?xml") || name == std::string_view::npos) return {};
  const size_t open = declaration.find_first_of("\"'", name);
  if (open == std::string_view::npos) return {};
  const size_t close = declaration.find(declaration[open], open + 1);
  return close == std::string_view::npos ? std::string_view()
                                         : declaration.substr(open + 1, close - open - 1);
}

// Clean UTF-8 without the declaration, which may name another charset.
StatusOr<std::string> ReadXml(const SourceFile& file) {
  FOOTNOTE_ASSIGN_OR_RETURN(std::string bytes, ReadBytes(file));
  const std::string charset(DeclaredCharset(bytes));
  std::string text = CleanText(DecodeToUtf8(std::move(bytes), charset));
  const size_t start = text.find_first_not_of(" \t\n");
  if (start != std::string::npos && text.compare(start, 5, "<?xml") == 0) {
    const size_t end = text.find("?>", start);
    if (end != std::string::npos) text.erase(0, end + 2);
  }
  return text;
}

class XmlParser : public Parser {
 public:
  bool Accepts(const SourceFile& file) const override {
    std::string_view head = file.head;
    if (head.starts_with("\xEF\xBB\xBF")) head.remove_prefix(3);
    return TrimSpace(head).starts_with("<?xml") ||
           (HasExtension(file, ".xml") && TrimSpace(head).starts_with('<')) ||
           (HasExtension(file, ".akn") && TrimSpace(head).starts_with('<'));
  }

  Status Parse(const SourceFile& file, DocumentSink& sink) const override {
    FOOTNOTE_ASSIGN_OR_RETURN(const std::string text, ReadXml(file));
    if (std::count(text.begin(), text.end(), '<') > kMostTags) {
      return ResourceExhaustedError("it has more than " + std::to_string(kMostTags) +
                                    " tags, the limit for one document; split it into several");
    }
    DocumentBuilder builder;
    std::string format = "xml";
    LegalMetadata legal;
    const StatusOr<XmlDocument> xml = XmlDocument::Parse(text);
    if (IsHtml(text) && (!xml.ok() || xml->root().name() == "html")) {
      FOOTNOTE_ASSIGN_OR_RETURN(legal.title, RenderHtml(text, builder));
      format = "html";
    } else if (!xml.ok()) {
      return xml.status();
    } else if (IsLegalXml(xml->root())) {
      legal = RenderLegalXml(xml->root(), builder);
      format = "legal-xml";
    } else {
      XmlRenderer(builder).Render(xml->root());
      // Data that keeps all its values in attributes.
      if (builder.empty()) XmlRenderer(builder).Render(xml->root(), /*shows_attributes=*/true);
    }
    ParsedDocument document = builder.Finish();
    document.title = legal.title;
    for (const Block& block : document.blocks) {
      if (!document.title.empty()) break;
      if (block.kind == BlockKind::kHeading) document.title = block.heading;
    }
    if (document.title.empty()) document.title = FileStem(file);
    if (!legal.date.empty()) document.metadata["date"] = {legal.date};
    if (!legal.kind.empty()) document.metadata["kind"] = {legal.kind};
    document.metadata["format"] = {std::move(format)};
    document.id = file.relative_path;
    document.source = file.path.string();
    return sink.Add(std::move(document));
  }

 private:
  static bool IsHtml(std::string_view text) {
    constexpr size_t kStart = 1024;  // bytes in which the outermost element begins
    return text.substr(0, kStart).find("<html") != std::string_view::npos;
  }
};

}  // namespace

std::unique_ptr<Parser> MakeXmlParser() { return std::make_unique<XmlParser>(); }

}  // namespace footnote::indexer
