// Licence texts with a YAML header, as the ScanCode licence database keeps them (*.LICENSE): title
// and metadata from the header, the text below it.
#include "indexer/parsers/front_matter.h"
#include "indexer/parsers/parser.h"
#include "indexer/text/cleaner.h"
#include "indexer/text/structure.h"

namespace footnote::indexer {
namespace {

class LicenseParser : public Parser {
 public:
  bool Accepts(const SourceFile& file) const override {
    return HasExtension(file, ".license") && file.head.starts_with("---");
  }

  Status Parse(const SourceFile& file, DocumentSink& sink) const override {
    FOOTNOTE_ASSIGN_OR_RETURN(const std::string text, ReadCleanText(file));
    const FrontMatter header = ReadFrontMatter(text);
    ParsedDocument document;
    document.text = std::string(TrimSpace(std::string_view(text).substr(header.body_start)));
    document.blocks = FindStructure(document.text);
    document.id = file.relative_path;
    document.source = file.path.string();
    document.metadata["format"] = {std::string("license")};
    for (const char* key : {"key", "short_name", "name", "spdx_license_key", "category"}) {
      const auto found = header.values.find(key);
      if (found != header.values.end()) document.metadata[key] = {found->second};
    }
    for (const char* key : {"name", "short_name"}) {
      const auto found = header.values.find(key);
      if (document.title.empty() && found != header.values.end()) document.title = found->second;
    }
    if (document.title.empty()) document.title = FileStem(file);
    return sink.Add(std::move(document));
  }
};

}  // namespace

std::unique_ptr<Parser> MakeLicenseParser() { return std::make_unique<LicenseParser>(); }

}  // namespace footnote::indexer
