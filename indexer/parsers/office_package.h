// What DOCX, PPTX and XLSX share (Office Open XML, ECMA-376 part 2): relationships between parts,
// properties, and files that only look like such a package.
#pragma once

#include <initializer_list>
#include <map>
#include <string>
#include <string_view>

#include "indexer/parsers/document_properties.h"
#include "indexer/parsers/package.h"
#include "indexer/parsers/xml.h"

namespace footnote::indexer {

struct Relationship {
  std::string type;    // the last step of its URI: "slide", "notesSlide"
  std::string target;  // name of the part
};

// Whether the file is a package of that application: by a part in `folder` ("word/") among its
// first entries, or by its extension when it is a zip, or an OLE file (what a password makes of
// it).
bool IsOfficeFile(const SourceFile& file, std::string_view folder,
                  std::initializer_list<std::string_view> extensions);

// All parts that are XML. Errors: Package::Read's; INVALID_ARGUMENT when it is protected by a
// password or from before 2007.
StatusOr<Package> ReadOfficePackage(const SourceFile& file);

// Of `part` ("" for the package itself), by id; those to other files are left out.
std::map<std::string, Relationship, std::less<>> ReadRelationships(const Package& package,
                                                                   std::string_view part);

// The part that the package begins with; `fallback` when it does not say.
std::string MainPart(const Package& package, std::string_view fallback);

// Title, author and language of docProps/core.xml; empty without it.
DocumentProperties ReadProperties(const Package& package);

// An attribute that is on unless it says "0", "false" or "off"; `element` may be empty: off.
bool IsOn(const XmlNode& element);

// What to read of mc:AlternateContent: the first choice, else the fallback.
XmlNode ChosenAlternate(const XmlNode& alternate);

}  // namespace footnote::indexer
