// Books (EPUB 2 and 3): chapters in reading order, each an XHTML file.
//
// Source: W3C EPUB 3.3, Open Container Format and package documents.
#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <set>

#include "indexer/parsers/document_properties.h"
#include "indexer/parsers/html.h"
#include "indexer/parsers/package.h"
#include "indexer/text/charset.h"
#include "indexer/text/cleaner.h"

namespace footnote::indexer {
namespace {

constexpr std::string_view kMimetype = "application/epub+zip";

// "a%20b.xhtml#c" -> "a b.xhtml".
std::string DecodeHref(std::string_view href) {
  href = href.substr(0, href.find('#'));
  std::string name;
  for (size_t i = 0; i < href.size(); ++i) {
    unsigned code = 0;
    if (href[i] == '%' && i + 2 < href.size() &&
        std::from_chars(href.data() + i + 1, href.data() + i + 3, code, 16).ptr ==
            href.data() + i + 3) {
      name += static_cast<char>(code);
      i += 2;
    } else {
      name += href[i];
    }
  }
  return name;
}

bool IsVoidElement(std::string_view name) {
  static constexpr auto kNames =
      std::to_array<std::string_view>({"area", "base", "br", "col", "embed", "hr", "img", "input",
                                       "link", "meta", "param", "source", "track", "wbr"});
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

// "<title/>" is closed in XHTML; to an HTML parser it begins a title that takes up the whole page.
std::string CloseEmptyElements(std::string_view xhtml) {
  std::string html;
  html.reserve(xhtml.size());
  for (size_t at = 0; at < xhtml.size();) {
    const size_t open = std::min(xhtml.find('<', at), xhtml.size());
    html += xhtml.substr(at, open - at);
    if (open == xhtml.size()) break;
    const bool comment = xhtml.substr(open).starts_with("<!--");
    const size_t close = xhtml.find(comment ? "-->" : ">", open);
    if (close == std::string_view::npos) {
      html += xhtml.substr(open);
      break;
    }
    const size_t end = close + (comment ? 3 : 1);
    const std::string_view tag = xhtml.substr(open, end - open);
    const size_t name_end = tag.find_first_of(" \t\n/>", 1);
    const std::string_view name = tag.substr(1, name_end - 1);
    if (!comment && tag.ends_with("/>") && !name.empty() && !IsVoidElement(name) &&
        std::isalpha(static_cast<unsigned char>(name[0])) != 0) {
      html += tag.substr(0, tag.size() - 2);
      html += "></";
      html += name;
      html += '>';
    } else {
      html += tag;
    }
    at = end;
  }
  return html;
}

// Parts that only a licensed reader can open. Fonts are often obfuscated; that is no lock.
std::set<std::string, std::less<>> ReadLockedParts(const Package& package) {
  std::set<std::string, std::less<>> locked;
  const StatusOr<XmlDocument> encryption = ParsePart(package, "META-INF/encryption.xml");
  if (!encryption.ok()) return locked;
  for (const XmlNode& data : encryption->root().children("EncryptedData")) {
    const XmlNode reference = data.child("CipherData").child("CipherReference");
    locked.insert(ResolvePart("", DecodeHref(reference.attribute("URI"))));
  }
  return locked;
}

DocumentProperties ReadMetadata(const XmlNode& metadata) {
  DocumentProperties properties;
  properties.title = TextOf(metadata.child("title"));
  for (const XmlNode& creator : metadata.children("creator")) {
    const std::string name = TextOf(creator);
    if (!properties.author.empty() && !name.empty()) properties.author += ", ";
    properties.author += name;
  }
  properties.language = TextOf(metadata.child("language"));
  return properties;
}

class EpubParser : public Parser {
 public:
  bool Accepts(const SourceFile& file) const override {
    constexpr size_t kNear = 200;  // the first entry, not compressed
    const std::string_view head = file.head;
    return head.starts_with("PK\x03\x04") &&
           (HasExtension(file, ".epub") ||
            head.substr(0, kNear).find(kMimetype) != std::string_view::npos);
  }

  Status Parse(const SourceFile& file, DocumentSink& sink) const override {
    FOOTNOTE_ASSIGN_OR_RETURN(
        const Package package, Package::Read(file, [](std::string_view name) {
          // Chapters may have any name; these never hold text.
          static constexpr auto kOthers = std::to_array<std::string_view>(
              {".jpg", ".jpeg", ".png", ".gif", ".svg", ".webp", ".css", ".js", ".ttf", ".otf",
               ".woff", ".woff2", ".mp3", ".mp4", ".m4a", ".ncx"});
          return std::none_of(kOthers.begin(), kOthers.end(),
                              [&](std::string_view each) { return name.ends_with(each); });
        }));
    FOOTNOTE_ASSIGN_OR_RETURN(const XmlDocument container,
                              ParsePart(package, "META-INF/container.xml"));
    const std::string book_part = ResolvePart(
        "", container.root().child("rootfiles").child("rootfile").attribute("full-path"));
    FOOTNOTE_ASSIGN_OR_RETURN(const XmlDocument book, ParsePart(package, book_part));

    DocumentBuilder builder;
    FOOTNOTE_RETURN_IF_ERROR(WriteChapters(package, book_part, book.root(), builder));
    return sink.Add(
        FinishDocument(builder, file, ReadMetadata(book.root().child("metadata")), "epub"));
  }

 private:
  static Status WriteChapters(const Package& package, const std::string& book_part,
                              const XmlNode& book, DocumentBuilder& builder) {
    std::map<std::string, XmlNode, std::less<>> items;
    for (const XmlNode& item : book.child("manifest").children("item")) {
      items.emplace(item.attribute("id"), item);
    }
    const std::set<std::string, std::less<>> locked = ReadLockedParts(package);
    std::set<std::string, std::less<>>
        written;  // a chapter is read once, however often it is named
    for (const XmlNode& reference : book.child("spine").children("itemref")) {
      const auto item = items.find(reference.attribute("idref"));
      if (item == items.end()) continue;
      // The table of contents repeats the headings.
      if (item->second.attribute("properties").find("nav") != std::string_view::npos) continue;
      const std::string part = ResolvePart(book_part, DecodeHref(item->second.attribute("href")));
      if (locked.contains(part)) {
        return InvalidArgumentError(
            "it is locked by DRM, so that only the seller's software reads it: use a copy without");
      }
      const std::string* bytes = package.Find(part);
      if (bytes == nullptr || !LooksLikeText(*bytes) || !written.insert(part).second) continue;
      const std::string html = CloseEmptyElements(CleanText(DecodeToUtf8(*bytes)));
      const StatusOr<std::string> title = RenderHtml(html, builder);
      if (!title.ok()) return title.status().WithContext("part " + part);
    }
    return OkStatus();
  }
};

}  // namespace

std::unique_ptr<Parser> MakeEpubParser() { return std::make_unique<EpubParser>(); }

}  // namespace footnote::indexer
