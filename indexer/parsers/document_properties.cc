#include "indexer/parsers/document_properties.h"

#include <algorithm>
#include <array>

#include "indexer/text/cleaner.h"

namespace footnote::indexer {
namespace {

// Titles that programs write when nobody gave one.
bool IsPlaceholder(std::string_view title) {
  static constexpr auto kTitles = std::to_array<std::string_view>(
      {"Word Document", "PowerPoint Presentation", "PowerPoint-Pr\xC3\xA4sentation", "Untitled",
       "Document1", "Presentation1", "Book1"});
  return std::find(kTitles.begin(), kTitles.end(), title) != kTitles.end() ||
         title.starts_with("Microsoft Word - ") || title.starts_with("Microsoft PowerPoint - ");
}

std::string CleanLine(std::string_view text) { return CollapseSpace(CleanLines(text)); }

}  // namespace

ParsedDocument FinishDocument(DocumentBuilder& builder, const SourceFile& file,
                              const DocumentProperties& properties, std::string_view format) {
  ParsedDocument document = builder.Finish();
  document.id = file.relative_path;
  document.source = file.path.string();
  document.metadata["format"] = {std::string(format)};
  const std::string author = CleanLine(properties.author);
  if (!author.empty()) document.metadata["author"] = {author};
  const std::string language = CleanLine(properties.language);
  if (!language.empty()) document.metadata["language"] = {language};
  document.title = CleanLine(properties.title);
  if (IsPlaceholder(document.title)) document.title.clear();
  for (const Block& block : document.blocks) {
    if (!document.title.empty()) break;
    if (block.kind == BlockKind::kHeading) document.title = block.heading;
  }
  if (document.title.empty()) document.title = FileStem(file);
  return document;
}

}  // namespace footnote::indexer
