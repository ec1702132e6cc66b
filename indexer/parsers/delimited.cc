// Tables as text: CSV and its relatives with semicolons, tabs or bars. By extension, or by content
// when every line has the same number of columns.
#include <algorithm>

#include "indexer/parsers/delimited_reader.h"
#include "indexer/parsers/document_builder.h"
#include "indexer/parsers/parser.h"
#include "indexer/text/cleaner.h"

namespace footnote::indexer {
namespace {

// Each row is a block of some hundred bytes in memory.
constexpr int64_t kMostRows = 4'000'000;

bool IsCell(std::string_view cell) {
  constexpr size_t kLongest = 80;  // longer ones are sentences
  return cell.size() <= kLongest && !cell.starts_with(' ');
}

// Prose has commas, too, but not as many on every line, and a space behind each.
bool IsSurelyTable(std::string_view head) {
  constexpr size_t kFewestRecords = 8;
  constexpr size_t kFewestColumns = 3;
  const DelimiterFit fit = FindDelimiter(head);
  if (fit.delimiter == '|' || fit.records < kFewestRecords || fit.columns < kFewestColumns ||
      fit.regular != fit.records) {
    return false;
  }
  DelimitedReader reader(head, fit.delimiter);
  std::vector<std::string> cells;
  for (size_t i = 0; i < fit.records && reader.Next(cells); ++i) {
    if (!std::all_of(cells.begin(), cells.end(), IsCell)) return false;
  }
  return true;
}

class DelimitedParser : public Parser {
 public:
  bool Accepts(const SourceFile& file) const override {
    return HasExtension(file, ".csv") || HasExtension(file, ".tsv") || HasExtension(file, ".tab") ||
           IsSurelyTable(file.head);
  }

  Status Parse(const SourceFile& file, DocumentSink& sink) const override {
    FOOTNOTE_ASSIGN_OR_RETURN(const std::string text, ReadCleanText(file));
    std::string_view rest = text;
    const char delimiter = TakeDelimiter(file, rest);
    DocumentBuilder builder;
    DelimitedReader reader(rest, delimiter);
    std::vector<std::string> cells;
    int64_t rows = 0;
    while (reader.Next(cells)) {
      if (++rows > kMostRows) {
        return ResourceExhaustedError("the table has more than " + std::to_string(kMostRows) +
                                      " rows, the limit for one document; split it into several");
      }
      // Spreadsheets write delimiters up to their widest row.
      while (!cells.empty() && TrimSpace(cells.back()).empty()) cells.pop_back();
      if (!cells.empty()) builder.TableRow(cells, builder.empty());
    }
    ParsedDocument document = builder.Finish();
    document.id = file.relative_path;
    document.title = FileStem(file);
    document.source = file.path.string();
    document.metadata["format"] = {std::string(delimiter == '\t' ? "tsv" : "csv")};
    return sink.Add(std::move(document));
  }

 private:
  // Takes a line "sep=;" off, as Excel writes and reads it.
  static char TakeDelimiter(const SourceFile& file, std::string_view& text) {
    if (text.size() > 5 && text.substr(0, 4) == "sep=" && text[5] == '\n') {
      const char delimiter = text[4];
      text.remove_prefix(6);
      return delimiter;
    }
    constexpr size_t kSample = 64 << 10;
    const DelimiterFit fit = FindDelimiter(text.substr(0, kSample));
    if (HasExtension(file, ".csv") ||
        text.substr(0, kSample).find('\t') == std::string_view::npos) {
      return fit.delimiter;
    }
    return HasExtension(file, ".tsv") || HasExtension(file, ".tab") ? '\t' : fit.delimiter;
  }
};

}  // namespace

std::unique_ptr<Parser> MakeDelimitedParser() { return std::make_unique<DelimitedParser>(); }

}  // namespace footnote::indexer
