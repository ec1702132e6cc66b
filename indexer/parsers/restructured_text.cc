// reStructuredText, as docutils and Sphinx read it.
#include "indexer/parsers/parser.h"
#include "indexer/parsers/rst_renderer.h"

namespace footnote::indexer {
namespace {

// Underlined titles alone are common in plain text, and two colons in programs.
bool IsSurelyRst(std::string_view head) {
  const RstLines lines = SplitRstLines(head);
  int titles = 0;
  bool directive = false;
  for (size_t i = 0; i + 1 < lines.size(); ++i) {
    if (!IsAdornment(lines[i]) && IndentOf(lines[i]) == 0 && lines[i + 1].size() >= 4 &&
        IsUnderlineOf(lines[i + 1], lines[i])) {
      ++titles;
    }
    const size_t colons = lines[i].find("::");
    directive = directive || (lines[i].starts_with(".. ") && colons != std::string::npos &&
                              lines[i].find(' ', 3) > colons);
  }
  return directive && titles >= 2;
}

// Text is copied for each level that it is nested in.
constexpr uint64_t kMostBytes = uint64_t{32} << 20;

class RestructuredTextParser : public Parser {
 public:
  bool Accepts(const SourceFile& file) const override {
    return HasExtension(file, ".rst") || HasExtension(file, ".rest") || IsSurelyRst(file.head);
  }

  Status Parse(const SourceFile& file, DocumentSink& sink) const override {
    if (file.size > kMostBytes) {
      return ResourceExhaustedError(
          "the file is larger than 32 MB, the limit for "
          "reStructuredText; split it into several");
    }
    FOOTNOTE_ASSIGN_OR_RETURN(const std::string text, ReadCleanText(file));
    DocumentBuilder builder;
    RstRenderer(builder).Render(text);
    ParsedDocument document = builder.Finish();
    for (const Block& block : document.blocks) {
      if (!document.title.empty()) break;
      if (block.kind == BlockKind::kHeading) document.title = block.heading;
    }
    if (document.title.empty()) document.title = FileStem(file);
    document.id = file.relative_path;
    document.source = file.path.string();
    document.metadata["format"] = {std::string("rst")};
    return sink.Add(std::move(document));
  }
};

}  // namespace

std::unique_ptr<Parser> MakeRestructuredTextParser() {
  return std::make_unique<RestructuredTextParser>();
}

}  // namespace footnote::indexer
