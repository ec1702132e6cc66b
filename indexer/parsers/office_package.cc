#include "indexer/parsers/office_package.h"

#include <algorithm>

#include "common/file.h"

namespace footnote::indexer {
namespace {

constexpr std::string_view kZipMark = "PK\x03\x04";
constexpr std::string_view kOleMark = "\xD0\xCF\x11\xE0";

// Name of the stream that holds an encrypted package, in UTF-16 as OLE folders have it.
std::string EncryptedMark() {
  std::string mark;
  for (const char c : std::string_view("EncryptedPackage")) {
    mark += c;
    mark += '\0';
  }
  return mark;
}

// Whether one of the first entries lies in `folder`.
bool HeadHasFolder(std::string_view head, std::string_view folder) {
  constexpr size_t kNameOffset = 30;  // of a local entry
  for (size_t at = head.find(kZipMark); at != std::string_view::npos;
       at = head.find(kZipMark, at + kZipMark.size())) {
    if (head.substr(std::min(at + kNameOffset, head.size())).starts_with(folder)) return true;
  }
  return false;
}

Status NotAPackage(const SourceFile& file) {
  FOOTNOTE_ASSIGN_OR_RETURN(const std::string bytes, ReadFile(file.path, file.limit.bytes));
  if (bytes.find(EncryptedMark()) != std::string::npos) {
    return InvalidArgumentError("it is protected by a password: save it without one");
  }
  return InvalidArgumentError(
      "it is a Word, Excel or PowerPoint file from before 2007: save it as DOCX, XLSX or PPTX");
}

}  // namespace

bool IsOfficeFile(const SourceFile& file, std::string_view folder,
                  std::initializer_list<std::string_view> extensions) {
  const std::string_view head = file.head;
  const bool named = std::any_of(extensions.begin(), extensions.end(),
                                 [&](std::string_view each) { return HasExtension(file, each); });
  if (head.starts_with(kOleMark)) return named;
  if (!head.starts_with(kZipMark)) return false;
  return named || (HeadNamesPart(head, "[Content_Types].xml") && HeadHasFolder(head, folder));
}

StatusOr<Package> ReadOfficePackage(const SourceFile& file) {
  if (std::string_view(file.head).starts_with(kOleMark)) return NotAPackage(file);
  return Package::Read(file, [](std::string_view name) {
    return name.ends_with(".xml") || name.ends_with(".rels");
  });
}

std::map<std::string, Relationship, std::less<>> ReadRelationships(const Package& package,
                                                                   std::string_view part) {
  std::map<std::string, Relationship, std::less<>> relationships;
  const size_t slash = part.rfind('/');
  const size_t name = slash == std::string_view::npos ? 0 : slash + 1;
  const std::string* bytes = package.Find(std::string(part.substr(0, name)) + "_rels/" +
                                          std::string(part.substr(name)) + ".rels");
  if (bytes == nullptr) return relationships;
  const StatusOr<XmlDocument> document = XmlDocument::Parse(*bytes);
  if (!document.ok()) return relationships;
  for (const XmlNode& each : document->root().children("Relationship")) {
    if (each.attribute("TargetMode") == "External") continue;
    const std::string_view type = each.attribute("Type");
    Relationship relationship;
    relationship.type = type.substr(type.rfind('/') + 1);  // npos + 1 is 0
    relationship.target = ResolvePart(part, each.attribute("Target"));
    relationships.emplace(each.attribute("Id"), std::move(relationship));
  }
  return relationships;
}

std::string MainPart(const Package& package, std::string_view fallback) {
  for (const auto& [id, each] : ReadRelationships(package, "")) {
    if (each.type == "officeDocument" && package.Find(each.target) != nullptr) return each.target;
  }
  return std::string(fallback);
}

DocumentProperties ReadProperties(const Package& package) {
  DocumentProperties properties;
  const StatusOr<XmlDocument> core = ParsePart(package, "docProps/core.xml");
  if (!core.ok()) return properties;
  properties.title = TextOf(core->root().child("title"));
  properties.author = TextOf(core->root().child("creator"));
  properties.language = TextOf(core->root().child("language"));
  return properties;
}

bool IsOn(const XmlNode& element) {
  if (!element) return false;
  const std::string_view value = element.attribute("val");
  return value != "0" && value != "false" && value != "off";
}

XmlNode ChosenAlternate(const XmlNode& alternate) {
  const XmlNode choice = alternate.child("Choice");
  return choice ? choice : alternate.child("Fallback");
}

}  // namespace footnote::indexer
