// OpenDocument texts, spreadsheets and presentations (ODT, ODS, ODP), as LibreOffice writes them.
#include <algorithm>
#include <array>

#include "indexer/parsers/document_properties.h"
#include "indexer/parsers/open_document_text.h"
#include "indexer/parsers/package.h"
#include "indexer/parsers/sheet_writer.h"
#include "indexer/text/cleaner.h"

namespace footnote::indexer {
namespace {

constexpr int kMostRepeatedRows = 100;

struct Kind {
  std::string_view body;      // element of office:body
  std::string_view mimetype;  // behind "application/vnd.oasis.opendocument."
  std::string_view format;
  std::array<std::string_view, 2> extensions;
};

constexpr auto kKinds = std::to_array<Kind>({
    {"text", "text", "odt", {".odt", ".ott"}},
    {"spreadsheet", "spreadsheet", "ods", {".ods", ".ots"}},
    {"presentation", "presentation", "odp", {".odp", ".otp"}},
});

class BodyWriter {
 public:
  BodyWriter(OpenDocumentStyles& styles, DocumentBuilder& builder)
      : styles_(styles), builder_(builder), text_(styles, builder) {}

  Status Write(const XmlNode& body, std::string_view format) {
    if (format == "odt") {
      text_.WriteBlocks(body);
      text_.WriteNotes();
    } else if (format == "ods") {
      for (const XmlNode& table : body.children("table")) {
        FOOTNOTE_RETURN_IF_ERROR(WriteSheet(table));
      }
    } else {
      int number = 0;
      for (const XmlNode& page : body.children("page")) WriteSlide(page, ++number);
    }
    return OkStatus();
  }

 private:
  Status WriteSheet(const XmlNode& table) {
    if (styles_.IsHidden(table.attribute("style-name"))) return OkStatus();
    SheetWriter writer(builder_);
    std::string heading(table.attribute("name"));
    for (const XmlNode& row : OpenDocumentText::FindRows(table)) {
      const auto cells = text_.ReadCells(row, true);
      // A sheet without text gets no heading.
      if (!cells.empty() && !heading.empty()) {
        builder_.Heading(1, CleanLines(std::exchange(heading, "")));
      }
      const int repeated =
          cells.empty() ? 1
                        : ReadInt(row.attribute("number-rows-repeated"), 1, kMostRepeatedRows, 1);
      for (int i = 0; i < repeated; ++i) FOOTNOTE_RETURN_IF_ERROR(writer.AddRow(cells));
    }
    writer.EndTable();
    return OkStatus();
  }

  void WriteSlide(const XmlNode& page, int number) {
    std::string title;
    for (const XmlNode& frame : page.children("frame")) {
      if (frame.attribute("class") != "title" || !title.empty()) continue;
      title = CollapseSpace(text_.CollectText(frame));
    }
    if (title.empty()) title = "Slide " + std::to_string(number);
    builder_.BeginPage();
    builder_.Heading(1, title);
    bool title_seen = false;
    for (XmlNode child = page.first_child(); child; child = child.next_sibling()) {
      if (child.name().empty() || child.name() == "notes") continue;
      const std::string_view role = child.attribute("class");
      if (role == "title" && !std::exchange(title_seen, true)) continue;
      if (role == "footer" || role == "header" || role == "date-time" || role == "page-number") {
        continue;
      }
      if (child.name() == "frame" || child.name() == "g" || child.name().ends_with("shape") ||
          child.name() == "rect" || child.name() == "ellipse") {
        text_.WriteBlocks(child);
      }
    }
    for (const XmlNode& frame : page.child("notes").children("frame")) {
      if (frame.attribute("class") != "notes") continue;
      const std::string notes = text_.CollectText(frame);
      if (!notes.empty()) builder_.Paragraph("Notes: " + notes);
    }
  }

  OpenDocumentStyles& styles_;
  DocumentBuilder& builder_;
  OpenDocumentText text_;
};

DocumentProperties ReadMeta(const Package& package) {
  DocumentProperties properties;
  const StatusOr<XmlDocument> document = ParsePart(package, "meta.xml");
  if (!document.ok()) return properties;
  const XmlNode meta = document->root().child("meta");
  properties.title = TextOf(meta.child("title"));
  // Who began it; dc:creator is who changed it last.
  properties.author = TextOf(meta.child("initial-creator"));
  if (properties.author.empty()) properties.author = TextOf(meta.child("creator"));
  properties.language = TextOf(meta.child("language"));
  return properties;
}

class OpenDocumentParser : public Parser {
 public:
  bool Accepts(const SourceFile& file) const override {
    constexpr std::string_view kMimetype = "application/vnd.oasis.opendocument.";
    constexpr size_t kNear = 200;  // the first entry, not compressed
    const std::string_view head = file.head;
    if (!head.starts_with("PK\x03\x04")) return false;
    const size_t type = head.substr(0, kNear).find(kMimetype);
    return std::any_of(kKinds.begin(), kKinds.end(), [&](const Kind& kind) {
      return (type != std::string_view::npos &&
              head.substr(type + kMimetype.size()).starts_with(kind.mimetype)) ||
             std::any_of(kind.extensions.begin(), kind.extensions.end(),
                         [&](std::string_view each) { return HasExtension(file, each); });
    });
  }

  Status Parse(const SourceFile& file, DocumentSink& sink) const override {
    FOOTNOTE_ASSIGN_OR_RETURN(const Package package, Package::Read(file, [](std::string_view name) {
                                return name == "content.xml" || name == "styles.xml" ||
                                       name == "meta.xml" || name == "META-INF/manifest.xml";
                              }));
    const std::string* manifest = package.Find("META-INF/manifest.xml");
    if (manifest != nullptr && manifest->find("encryption-data") != std::string::npos) {
      return InvalidArgumentError("it is protected by a password: save it without one");
    }
    FOOTNOTE_ASSIGN_OR_RETURN(const XmlDocument content, ParsePart(package, "content.xml"));
    // Damaged styles cost numbers and what is hidden by them, not the document.
    const StatusOr<XmlDocument> style_part = ParsePart(package, "styles.xml");
    OpenDocumentStyles styles(style_part.ok() ? style_part->root() : XmlNode(), content.root());
    const XmlNode body = content.root().child("body");
    for (const Kind& kind : kKinds) {
      const XmlNode inner = body.child(kind.body);
      if (!inner) continue;
      DocumentBuilder builder;
      FOOTNOTE_RETURN_IF_ERROR(BodyWriter(styles, builder).Write(inner, kind.format));
      return sink.Add(FinishDocument(builder, file, ReadMeta(package), kind.format));
    }
    return InvalidArgumentError("it is not an OpenDocument text, spreadsheet or presentation");
  }
};

}  // namespace

std::unique_ptr<Parser> MakeOpenDocumentParser() { return std::make_unique<OpenDocumentParser>(); }

}  // namespace footnote::indexer
