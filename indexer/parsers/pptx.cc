// Presentations (PPTX): slides in the order they are shown, their title, text, tables and notes.
#include <array>
#include <optional>

#include "indexer/parsers/document_properties.h"
#include "indexer/parsers/list_number.h"
#include "indexer/parsers/office_package.h"
#include "indexer/text/cleaner.h"

namespace footnote::indexer {
namespace {

constexpr int kLevels = 9;

using Relationships = std::map<std::string, Relationship, std::less<>>;

// Text of a:p and of what is inside, with "\n" for line breaks.
void AppendText(const XmlNode& node, std::string& out) {
  for (XmlNode child = node.first_child(); child; child = child.next_sibling()) {
    const std::string_view name = child.name();
    if (name == "t") {
      out += TextOf(child);
    } else if (name == "br") {
      out += '\n';
    } else if (name == "tab") {
      out += ' ';
    } else if (name == "AlternateContent") {
      AppendText(ChosenAlternate(child), out);
    } else if (name != "pPr" && name != "rPr") {
      AppendText(child, out);
    }
  }
}

std::string ParagraphText(const XmlNode& paragraph) {
  std::string text;
  AppendText(paragraph, text);
  return CleanLines(text);
}

// All paragraphs of a text body, one a line.
std::string BodyText(const XmlNode& body) {
  std::string text;
  for (const XmlNode& paragraph : body.children("p")) {
    const std::string line = ParagraphText(paragraph);
    if (!text.empty() && !line.empty()) text += '\n';
    text += line;
  }
  return text;
}

// The placeholder that a shape fills; empty for a shape of its own. A placeholder without a type
// holds content.
std::optional<std::string_view> PlaceholderOf(const XmlNode& shape) {
  const XmlNode placeholder = shape.child("nvSpPr").child("nvPr").child("ph");
  if (!placeholder) return std::nullopt;
  const std::string_view type = placeholder.attribute("type");
  return type.empty() ? "obj" : type;
}

bool IsTitle(const XmlNode& shape) {
  const auto placeholder = PlaceholderOf(shape);
  return placeholder == "title" || placeholder == "ctrTitle";
}

bool IsOnEverySlide(const XmlNode& shape) {
  const auto placeholder = PlaceholderOf(shape);
  return placeholder == "dt" || placeholder == "ftr" || placeholder == "sldNum" ||
         placeholder == "hdr";
}

bool IsHidden(const XmlNode& shape) {
  for (const XmlNode& child : shape.children()) {
    if (!child.name().starts_with("nv")) continue;
    const std::string_view hidden = child.child("cNvPr").attribute("hidden");
    return hidden == "1" || hidden == "true";
  }
  return false;
}

// "alphaLcParenR" and 2 -> "b)".
std::string NumberMark(std::string_view scheme, int number) {
  std::string_view format = "decimal";
  if (scheme.starts_with("alphaLc")) format = "lowerLetter";
  if (scheme.starts_with("alphaUc")) format = "upperLetter";
  if (scheme.starts_with("romanLc")) format = "lowerRoman";
  if (scheme.starts_with("romanUc")) format = "upperRoman";
  std::string mark = FormatListNumber(number, format);
  if (scheme.ends_with("ParenBoth")) return "(" + mark + ")";
  if (scheme.ends_with("ParenR")) return mark + ")";
  return scheme.ends_with("Plain") ? mark : mark + ".";
}

class SlideWriter {
 public:
  SlideWriter(const Package& package, DocumentBuilder& builder)
      : package_(package), builder_(builder) {}

  Status Write(std::string_view part, int number) {
    FOOTNOTE_ASSIGN_OR_RETURN(const XmlDocument slide, ParsePart(package_, part));
    relationships_ = ReadRelationships(package_, part);
    const XmlNode shapes = slide.root().child("cSld").child("spTree");
    std::string title = FindTitle(shapes);
    if (title.empty()) title = "Slide " + std::to_string(number);
    builder_.BeginPage();
    builder_.Heading(1, title);
    title_written_ = false;
    WriteShapes(shapes);
    WriteNotes();
    return OkStatus();
  }

 private:
  // Also inside groups.
  static std::string FindTitle(const XmlNode& shapes) {
    for (const XmlNode& shape : shapes.children()) {
      std::string title;
      if (shape.name() == "sp" && IsTitle(shape) && !IsHidden(shape)) {
        title = CollapseSpace(BodyText(shape.child("txBody")));
      } else if (shape.name() == "grpSp") {
        title = FindTitle(shape);
      }
      if (!title.empty()) return title;
    }
    return "";
  }

  void WriteShapes(const XmlNode& shapes) {
    for (const XmlNode& shape : shapes.children()) {
      const std::string_view name = shape.name();
      if (IsHidden(shape)) continue;
      if (name == "sp") {
        WriteShape(shape);
      } else if (name == "graphicFrame") {
        WriteFrame(shape.child("graphic").child("graphicData"));
      } else if (name == "grpSp") {
        WriteShapes(shape);
      } else if (name == "AlternateContent") {
        WriteShapes(ChosenAlternate(shape));
      }
    }
  }

  void WriteShape(const XmlNode& shape) {
    if (IsOnEverySlide(shape)) return;
    const XmlNode body = shape.child("txBody");
    if (!title_written_ && IsTitle(shape) && !BodyText(body).empty()) {
      title_written_ = true;  // it is the heading
      return;
    }
    const auto placeholder = PlaceholderOf(shape);
    std::vector<XmlNode> paragraphs;
    for (const XmlNode& each : body.children("p")) {
      if (!ParagraphText(each).empty()) paragraphs.push_back(each);
    }
    // Layouts give content placeholders bullets; one paragraph alone is no list.
    const bool bullets = (placeholder == "obj" || placeholder == "body") && paragraphs.size() > 1;
    WriteParagraphs(paragraphs, bullets);
  }

  void WriteParagraphs(const std::vector<XmlNode>& paragraphs, bool bullets) {
    std::array<int, kLevels> counts = {};
    for (const XmlNode& paragraph : paragraphs) {
      const XmlNode properties = paragraph.child("pPr");
      const auto level =
          static_cast<size_t>(ReadInt(properties.attribute("lvl"), 0, kLevels - 1, 0));
      const std::string text = ParagraphText(paragraph);
      const XmlNode number = properties.child("buAutoNum");
      for (size_t deeper = level + 1; deeper < kLevels; ++deeper) counts[deeper] = 0;
      std::string mark;
      if (number) {
        constexpr int kMostStart = 32767;
        if (counts[level] == 0) {
          counts[level] = ReadInt(number.attribute("startAt"), 1, kMostStart, 1) - 1;
        }
        mark = NumberMark(number.attribute("type"), ++counts[level]);
      } else {
        counts[level] = 0;
        const bool bullet = properties.child("buChar") || properties.child("buBlip");
        if (bullet || (bullets && !properties.child("buNone"))) mark = "-";
      }
      if (mark.empty()) {
        builder_.ParagraphOrClause(text);
      } else {
        builder_.ListItem(static_cast<int>(level) + 1, mark, text);
      }
    }
  }

  void WriteFrame(const XmlNode& data) {
    if (const XmlNode table = data.child("tbl")) WriteTable(table);
    if (const XmlNode diagram = data.child("relIds")) WriteDiagram(diagram.attribute("dm"));
  }

  void WriteTable(const XmlNode& table) {
    bool first_row = true;
    for (const XmlNode& row : table.children("tr")) {
      std::vector<std::string> cells;
      for (const XmlNode& cell : row.children("tc"))
        cells.push_back(BodyText(cell.child("txBody")));
      while (!cells.empty() && cells.back().empty()) cells.pop_back();
      if (cells.empty()) continue;
      builder_.TableRow(cells, first_row);
      first_row = false;
    }
  }

  // SmartArt: the texts of its shapes lie in a part of their own.
  void WriteDiagram(std::string_view id) {
    const auto found = relationships_.find(id);
    if (found == relationships_.end()) return;
    const StatusOr<XmlDocument> data = ParsePart(package_, found->second.target);
    if (!data.ok()) return;
    for (const XmlNode& point : data->root().child("ptLst").children("pt")) {
      const std::string_view type = point.attribute("type");
      if (type.empty() || type == "node") builder_.ListItem(1, "-", BodyText(point.child("t")));
    }
  }

  void WriteNotes() {
    for (const auto& [id, each] : relationships_) {
      if (each.type != "notesSlide") continue;
      const StatusOr<XmlDocument> notes = ParsePart(package_, each.target);
      if (!notes.ok()) continue;
      for (const XmlNode& shape : notes->root().child("cSld").child("spTree").children("sp")) {
        if (PlaceholderOf(shape) != "body") continue;
        const std::string text = BodyText(shape.child("txBody"));
        if (!text.empty()) builder_.Paragraph("Notes: " + text);
      }
    }
  }

  const Package& package_;
  DocumentBuilder& builder_;
  Relationships relationships_;  // of the slide
  bool title_written_ = false;
};

class PptxParser : public Parser {
 public:
  bool Accepts(const SourceFile& file) const override {
    return IsOfficeFile(file, "ppt/", {".pptx", ".pptm", ".ppsx", ".ppsm", ".potx"});
  }

  Status Parse(const SourceFile& file, DocumentSink& sink) const override {
    FOOTNOTE_ASSIGN_OR_RETURN(const Package package, ReadOfficePackage(file));
    const std::string main = MainPart(package, "ppt/presentation.xml");
    FOOTNOTE_ASSIGN_OR_RETURN(const XmlDocument presentation, ParsePart(package, main));
    if (presentation.root().name() != "presentation") {
      return InvalidArgumentError("it is not a presentation: it has no slides");
    }
    const Relationships relationships = ReadRelationships(package, main);
    DocumentBuilder builder;
    SlideWriter writer(package, builder);
    int number = 0;
    for (const XmlNode& each : presentation.root().child("sldIdLst").children("sldId")) {
      ++number;
      const auto slide = relationships.find(each.prefixed_attribute("id"));
      if (slide == relationships.end()) continue;
      // A file may name one large slide over and over.
      if (builder.text().size() > kMaxDocumentBytes) {
        return ResourceExhaustedError(
            "its text is larger than 256 MB: split it into several files");
      }
      FOOTNOTE_RETURN_IF_ERROR(writer.Write(slide->second.target, number));
    }
    return sink.Add(FinishDocument(builder, file, ReadProperties(package), "pptx"));
  }
};

}  // namespace

std::unique_ptr<Parser> MakePptxParser() { return std::make_unique<PptxParser>(); }

}  // namespace footnote::indexer
