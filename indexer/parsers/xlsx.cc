// Workbooks (XLSX): each visible sheet under its name, rows of cells as they are shown, formulas by
// their last values.
#include <optional>

#include "indexer/parsers/document_properties.h"
#include "indexer/parsers/office_package.h"
#include "indexer/parsers/sheet_writer.h"
#include "indexer/parsers/xlsx_format.h"
#include "indexer/parsers/xml_slices.h"

namespace footnote::indexer {
namespace {

constexpr int kMostColumns = 16384;

// "BC7" -> 54; nothing when there are no letters.
std::optional<int> ColumnOf(std::string_view reference) {
  int column = 0;
  for (const char c : reference) {
    if (c < 'A' || c > 'Z' || column > kMostColumns) break;
    column = column * 26 + (c - 'A' + 1);
  }
  if (column == 0 || column > kMostColumns) return std::nullopt;
  return column - 1;
}

// "_x000D_" stands for a character that XML has no place for.
std::string DecodeEscapes(std::string text) {
  constexpr size_t kLength = 7;
  for (size_t at = text.find("_x"); at != std::string::npos; at = text.find("_x", at + 1)) {
    const std::string_view escape = std::string_view(text).substr(at, kLength);
    if (escape.size() < kLength || escape.back() != '_' ||
        escape.substr(2, 4).find_first_not_of("0123456789ABCDEFabcdef") != std::string_view::npos) {
      continue;
    }
    const std::string_view code = escape.substr(2, 4);
    // Control characters, and "_" itself; line ends stay white space.
    const bool underscore = code == "005F" || code == "005f";
    if (!underscore && !code.starts_with("00")) continue;
    text.replace(at, kLength, underscore ? "_" : " ");
  }
  return text;
}

// A string of runs, without what tells how to pronounce it.
std::string RichText(const XmlNode& node) {
  std::string text;
  for (const XmlNode& child : node.children()) {
    if (child.name() == "t") text += TextOf(child);
    if (child.name() == "r") text += TextOf(child.child("t"));
  }
  return DecodeEscapes(std::move(text));
}

class WorkbookReader {
 public:
  WorkbookReader(Package& package, std::string main, DocumentBuilder& builder)
      : package_(package), main_(std::move(main)), builder_(builder), writer_(builder) {}

  Status Read() {
    FOOTNOTE_ASSIGN_OR_RETURN(const XmlDocument workbook, ParsePart(package_, main_));
    if (workbook.root().name() != "workbook") {
      return InvalidArgumentError("it is not a workbook: it has no sheets");
    }
    const std::string_view epoch = workbook.root().child("workbookPr").attribute("date1904");
    from_1904_ = epoch == "1" || epoch == "true";
    const auto relationships = ReadRelationships(package_, main_);
    for (const auto& [id, each] : relationships) {
      if (each.type == "sharedStrings") FOOTNOTE_RETURN_IF_ERROR(ReadStrings(each.target));
      if (each.type == "styles") ReadStyles(each.target);
    }
    for (const XmlNode& sheet : workbook.root().child("sheets").children("sheet")) {
      const std::string_view state = sheet.attribute("state");
      if (state == "hidden" || state == "veryHidden") continue;
      const auto part = relationships.find(sheet.prefixed_attribute("id"));
      if (part == relationships.end() || part->second.type != "worksheet") continue;
      FOOTNOTE_RETURN_IF_ERROR(ReadSheet(sheet.attribute("name"), part->second.target));
    }
    return OkStatus();
  }

 private:
  Status ReadStrings(const std::string& part) {
    constexpr size_t kMostStrings = 8'000'000;
    const std::string* bytes = package_.Find(part);
    if (bytes == nullptr) return OkStatus();
    const Status read = ForEachXmlElement(*bytes, "si", [&](const XmlNode& item) {
      if (strings_.size() >= kMostStrings) {
        return ResourceExhaustedError("it has too many strings: split it into several files");
      }
      strings_.push_back(RichText(item));
      return OkStatus();
    });
    package_.Drop(part);
    return read.WithContext("part " + part);
  }

  // Damaged styles cost the look of numbers, no more.
  void ReadStyles(const std::string& part) {
    const StatusOr<XmlDocument> document = ParsePart(package_, part);
    if (!document.ok()) return;
    std::map<int, XlsxFormat> own;
    for (const XmlNode& each : document->root().child("numFmts").children("numFmt")) {
      own[ReadInt(each.attribute("numFmtId"), 0, 1 << 30, 0)] =
          ParseXlsxFormat(each.attribute("formatCode"));
    }
    for (const XmlNode& each : document->root().child("cellXfs").children("xf")) {
      const int id = ReadInt(each.attribute("numFmtId"), 0, 1 << 30, 0);
      const auto found = own.find(id);
      formats_.push_back(found != own.end() ? found->second : BuiltInXlsxFormat(id));
    }
  }

  Status ReadSheet(std::string_view name, const std::string& part) {
    const std::string* bytes = package_.Find(part);
    if (bytes == nullptr) return OkStatus();
    heading_ = std::string(name);
    next_row_ = 1;
    const Status read =
        ForEachXmlElement(*bytes, "row", [&](const XmlNode& row) { return ReadRow(row); });
    writer_.EndTable();
    package_.Drop(part);
    return read.WithContext("sheet " + std::string(name));
  }

  Status ReadRow(const XmlNode& row) {
    const int number = ReadInt(row.attribute("r"), 1, 1 << 30, next_row_);
    if (number != next_row_) writer_.EndTable();
    next_row_ = number + 1;
    std::vector<SheetWriter::Cell> cells;
    int column = 0;
    size_t bytes = 0;  // cells may share one long string
    for (XmlNode cell = row.first_child(); cell; cell = cell.next_sibling()) {
      if (cell.name() != "c") continue;
      // In order even in a file that has them in none.
      column = std::max(column, ColumnOf(cell.attribute("r")).value_or(column));
      if (column >= kMostColumns) break;
      std::string value = ValueOf(cell);
      bytes += value.size();
      if (bytes > kMaxDocumentBytes) {
        return ResourceExhaustedError("a row holds more than 256 MB of text: split the file");
      }
      if (!value.empty()) cells.emplace_back(column, std::move(value));
      ++column;
    }
    // A sheet without text gets no heading.
    if (!cells.empty() && !heading_.empty()) builder_.Heading(1, std::exchange(heading_, ""));
    return writer_.AddRow(cells);
  }

  std::string ValueOf(const XmlNode& cell) const {
    const std::string_view type = cell.attribute("t");
    if (type == "inlineStr") return RichText(cell.child("is"));
    const std::string value = TextOf(cell.child("v"));
    if (type == "s") {
      const int index = ReadInt(value, 0, 1 << 30, -1);
      const bool known = index >= 0 && static_cast<size_t>(index) < strings_.size();
      return known ? strings_[static_cast<size_t>(index)] : std::string();
    }
    if (type == "b") return value == "1" ? "TRUE" : value == "0" ? "FALSE" : value;
    if (type == "str") return DecodeEscapes(value);
    if (!type.empty() && type != "n") return value;  // dates in ISO form, errors such as "#N/A"
    const int style = ReadInt(cell.attribute("s"), 0, 1 << 30, 0);
    static const XlsxFormat kGeneral;
    const XlsxFormat& format = static_cast<size_t>(style) < formats_.size()
                                   ? formats_[static_cast<size_t>(style)]
                                   : kGeneral;
    return FormatXlsxNumber(value, format, from_1904_);
  }

  Package& package_;
  const std::string main_;
  DocumentBuilder& builder_;
  SheetWriter writer_;
  std::vector<std::string> strings_;
  std::vector<XlsxFormat> formats_;  // by a cell's style
  bool from_1904_ = false;
  std::string heading_;  // of the sheet, until its first row with text
  int next_row_ = 1;
};

class XlsxParser : public Parser {
 public:
  bool Accepts(const SourceFile& file) const override {
    return IsOfficeFile(file, "xl/", {".xlsx", ".xlsm", ".xltx", ".xltm"});
  }

  Status Parse(const SourceFile& file, DocumentSink& sink) const override {
    FOOTNOTE_ASSIGN_OR_RETURN(Package package, ReadOfficePackage(file));
    const DocumentProperties properties = ReadProperties(package);
    DocumentBuilder builder;
    std::string main = MainPart(package, "xl/workbook.xml");
    FOOTNOTE_RETURN_IF_ERROR(WorkbookReader(package, std::move(main), builder).Read());
    return sink.Add(FinishDocument(builder, file, properties, "xlsx"));
  }
};

}  // namespace

std::unique_ptr<Parser> MakeXlsxParser() { return std::make_unique<XlsxParser>(); }

}  // namespace footnote::indexer
