// Legislation and judgments in XML: Akoma Ntoso (LegalDocML) and USLM.
//
// Source: OASIS LegalDocumentML 1.0; United States Legislative Markup 2.0.
#pragma once

#include "indexer/parsers/document_builder.h"
#include "indexer/parsers/xml.h"

namespace footnote::indexer {

// By the name of the outermost element.
bool IsLegalXml(const XmlNode& root);

struct LegalMetadata {
  std::string title;  // perhaps empty, as the others
  std::string date;   // as it stands: "2024-03-05"
  std::string kind;   // "act", "bill", "judgment"
};

// Writes each level with its number: parts, chapters, sections and articles as headings, what is
// below them as clauses.
LegalMetadata RenderLegalXml(const XmlNode& root, DocumentBuilder& builder);

}  // namespace footnote::indexer
