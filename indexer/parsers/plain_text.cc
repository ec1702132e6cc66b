// Plain text: what no other parser takes. Form feeds, as pdftotext writes them, end pages.
#include <algorithm>

#include "indexer/parsers/parser.h"
#include "indexer/text/structure.h"

namespace footnote::indexer {
namespace {

// The form feeds of `text` become line ends; returns where each page starts. Empty without any.
std::vector<uint64_t> TakePages(std::string& text) {
  std::vector<uint64_t> starts;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\f') continue;
    text[i] = '\n';
    if (starts.empty()) starts.push_back(0);
    if (i + 1 < text.size()) starts.push_back(i + 1);
  }
  return starts;
}

class PlainTextParser : public Parser {
 public:
  bool Accepts(const SourceFile&) const override { return true; }

  Status Parse(const SourceFile& file, DocumentSink& sink) const override {
    ParsedDocument document;
    FOOTNOTE_ASSIGN_OR_RETURN(document.text, ReadCleanText(file));
    document.page_starts = TakePages(document.text);
    document.blocks = FindStructure(document.text);
    document.id = file.relative_path;
    document.title = FindTitle(document.text, document.blocks);
    if (document.title.empty()) document.title = FileStem(file);
    document.source = file.path.string();
    document.metadata["format"] = {std::string("text")};
    return sink.Add(std::move(document));
  }
};

}  // namespace

std::unique_ptr<Parser> MakePlainTextParser() { return std::make_unique<PlainTextParser>(); }

}  // namespace footnote::indexer
