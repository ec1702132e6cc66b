// A zip package of parts (DOCX, ODT, EPUB…): those that are wanted, in memory. package.cc and
// archive.cc are the files that know libarchive.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "common/status.h"
#include "indexer/parsers/parser.h"
#include "indexer/parsers/xml.h"

namespace footnote::indexer {

class Package {
 public:
  // Reads the parts whose name `wanted` accepts. Errors: INVALID_ARGUMENT (damaged, or protected by
  // a password), RESOURCE_EXHAUSTED (the parts unpack to more than the file's limit).
  static StatusOr<Package> Read(const SourceFile& file,
                                const std::function<bool(std::string_view name)>& wanted);

  // Null when the package has no such part, or it was not wanted. Names are as in the package, with
  // '/', without a leading one.
  const std::string* Find(std::string_view name) const;
  // Frees a part that was dealt with; views into it end.
  void Drop(std::string_view name);
  const std::map<std::string, std::string, std::less<>>& parts() const { return parts_; }

 private:
  std::map<std::string, std::string, std::less<>> parts_;
};

// A part as XML. Errors: INVALID_ARGUMENT when it is missing or not well-formed.
StatusOr<XmlDocument> ParsePart(const Package& package, std::string_view name);

// The name of a part that `target` means, seen from part `from`: "../media/a.png" from
// "word/document.xml" is "media/a.png"; "/word/styles.xml" is "word/styles.xml".
std::string ResolvePart(std::string_view from, std::string_view target);

// Whether a zip's first local entries, as far as `head` shows them, hold a part of that name.
// Cheap: no unpacking.
bool HeadNamesPart(std::string_view head, std::string_view name);

}  // namespace footnote::indexer
