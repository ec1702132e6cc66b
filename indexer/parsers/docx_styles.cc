#include "indexer/parsers/docx_styles.h"

#include <cctype>

#include "indexer/parsers/office_package.h"
#include "indexer/text/cleaner.h"

namespace footnote::indexer {
namespace {

constexpr int kBodyLevel = 9;  // as an outline level

std::string LowerCase(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return lower;
}

// "heading 2" and, in files without styles, "heading2" -> 2.
int LevelOfName(std::string_view name) {
  constexpr std::string_view kHeading = "heading";
  if (!name.starts_with(kHeading)) return 0;
  name = TrimSpace(name.substr(kHeading.size()));
  return name.size() == 1 && name[0] >= '1' && name[0] <= '9' ? name[0] - '0' : 0;
}

}  // namespace

DocxStyles::DocxStyles(const XmlNode& root) {
  for (const XmlNode& node : root.children("style")) {
    const std::string id(node.attribute("styleId"));
    Own own;
    own.style.name = LowerCase(CollapseSpace(node.child("name").attribute("val")));
    own.based_on = node.child("basedOn").attribute("val");
    const XmlNode paragraph = node.child("pPr");
    const XmlNode outline = paragraph.child("outlineLvl");
    if (outline) {
      own.outline_level = ReadInt(outline.attribute("val"), 0, kBodyLevel, kBodyLevel);
    }
    const XmlNode list = paragraph.child("numPr");
    const XmlNode num_id = list.child("numId");
    const XmlNode level = list.child("ilvl");
    if (num_id) own.style.num_id = ReadInt(num_id.attribute("val"), 0, 1 << 30, 0);
    if (level) own.style.num_level = ReadInt(level.attribute("val"), 0, 8, 0);
    const XmlNode vanish = node.child("rPr").child("vanish");
    if (vanish) own.hidden = IsOn(vanish);
    const std::string_view is_default = node.attribute("default");
    if (node.attribute("type") == "paragraph" && (is_default == "1" || is_default == "true")) {
      default_id_ = id;
    }
    styles_.emplace(id, std::move(own));
  }
}

DocxStyle DocxStyles::Find(std::string_view id) const {
  constexpr int kLongestChain = 32;  // styles may be based on each other in a circle
  if (id.empty()) id = default_id_;
  DocxStyle result;
  std::optional<int> outline;
  std::optional<bool> hidden;
  for (int i = 0; i < kLongestChain && !id.empty(); ++i) {
    const auto found = styles_.find(id);
    if (found == styles_.end()) {
      if (i == 0) result.name = LowerCase(id);
      break;
    }
    const Own& own = found->second;
    if (i == 0) result.name = own.style.name;
    if (!outline) outline = own.outline_level;
    // A heading's name counts even when a template took its outline level away.
    if (!outline && LevelOfName(own.style.name) > 0) outline = LevelOfName(own.style.name) - 1;
    if (!result.num_id) result.num_id = own.style.num_id;
    if (!result.num_level) result.num_level = own.style.num_level;
    if (!hidden) hidden = own.hidden;
    id = own.based_on;
  }
  if (!outline && LevelOfName(result.name) > 0) outline = LevelOfName(result.name) - 1;
  result.heading_level = outline && *outline < kBodyLevel ? *outline + 1 : 0;
  result.hidden = hidden.value_or(false);
  return result;
}

}  // namespace footnote::indexer
