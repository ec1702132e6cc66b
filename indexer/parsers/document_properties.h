// What office formats know about a document beside its text, and how a document ends.
#pragma once

#include <string>
#include <string_view>

#include "indexer/parsers/document_builder.h"
#include "indexer/parsers/parser.h"

namespace footnote::indexer {

struct DocumentProperties {
  std::string title;
  std::string author;
  std::string language;  // "en", "de-AT"
};

// The builder's document with id, source, metadata ("format" and what is known) and title: the
// properties' one unless it is a program's placeholder ("Document1"), else the first heading, else
// the file's name.
ParsedDocument FinishDocument(DocumentBuilder& builder, const SourceFile& file,
                              const DocumentProperties& properties, std::string_view format);

}  // namespace footnote::indexer
