#include "indexer/parsers/open_document_styles.h"

#include <algorithm>

#include "indexer/parsers/list_number.h"
#include "indexer/text/cleaner.h"

namespace footnote::indexer {
namespace {

constexpr size_t kLongestAffix = 100;  // bytes; every item repeats it
constexpr int kMostStart = 1 << 30;

std::string FormatNumber(int number, std::string_view format) {
  if (format == "a") return FormatListNumber(number, "lowerLetter");
  if (format == "A") return FormatListNumber(number, "upperLetter");
  if (format == "i") return FormatListNumber(number, "lowerRoman");
  if (format == "I") return FormatListNumber(number, "upperRoman");
  return std::to_string(number);
}

}  // namespace

void OpenDocumentList::ReadLevels(const XmlNode& style) {
  for (const XmlNode& node : style.children()) {
    const int level = ReadInt(node.attribute("level"), 0, kLevels, 0);
    if (level == 0) continue;
    Level& rule = levels_[static_cast<size_t>(level - 1)];
    rule.bullet = node.name() == "list-level-style-bullet" ||  //
                  node.name() == "list-level-style-image";
    rule.format = node.attribute("num-format");
    rule.prefix = node.attribute("num-prefix").substr(0, kLongestAffix);
    rule.suffix = node.attribute("num-suffix").substr(0, kLongestAffix);
    rule.shown_levels = ReadInt(node.attribute("display-levels"), 1, level, 1);
    rule.start = ReadInt(node.attribute("start-value"), 0, kMostStart, 1);
  }
}

std::string OpenDocumentList::Next(int level, int start) {
  level = std::clamp(level, 0, kLevels - 1);
  const auto at = static_cast<size_t>(level);
  const Level& rule = levels_[at];
  if (start >= 0) {
    counts_[at] = start;
  } else {
    counts_[at] = begun_[at] ? std::min(counts_[at] + 1, kMostStart) : rule.start;
  }
  begun_[at] = true;
  std::fill(begun_.begin() + level + 1, begun_.end(), false);
  if (rule.bullet) return "-";
  if (rule.format.empty()) return "";
  std::string label = rule.prefix;
  bool first = true;
  for (int shown = level - rule.shown_levels + 1; shown <= level; ++shown) {
    const auto i = static_cast<size_t>(shown);
    if (levels_[i].format.empty()) continue;
    if (!first) label += '.';
    first = false;
    label += FormatNumber(begun_[i] ? counts_[i] : levels_[i].start, levels_[i].format);
  }
  return CollapseSpace(CleanLines(label + rule.suffix));
}

void OpenDocumentList::Restart() { begun_.fill(false); }

OpenDocumentStyles::OpenDocumentStyles(const XmlNode& styles, const XmlNode& content) {
  Read(styles.child("styles"));
  // Those of styles.xml for headers and footers are shadowed by the content's own.
  Read(content.child("automatic-styles"));
}

void OpenDocumentStyles::Read(const XmlNode& container) {
  for (const XmlNode& node : container.children()) {
    const std::string name(node.attribute("name"));
    if (node.name() == "style") {
      Style& style = styles_[name];
      style.parent = node.attribute("parent-style-name");
      style.hidden = node.child("text-properties").attribute("display") == "none" ||
                     node.child("table-properties").attribute("display") == "false";
    } else if (node.name() == "list-style") {
      lists_[name].ReadLevels(node);
    } else if (node.name() == "outline-style") {
      outline_.ReadLevels(node);
    }
  }
}

bool OpenDocumentStyles::IsHidden(std::string_view name) const {
  const auto found = styles_.find(name);
  return found != styles_.end() && found->second.hidden;
}

bool OpenDocumentStyles::IsTitle(std::string_view name) const {
  constexpr int kLongestChain = 32;  // styles may be based on each other in a circle
  for (int i = 0; i < kLongestChain && !name.empty(); ++i) {
    if (name == "Title") return true;
    const auto found = styles_.find(name);
    if (found == styles_.end()) break;
    name = found->second.parent;
  }
  return false;
}

OpenDocumentList* OpenDocumentStyles::FindList(std::string_view name) {
  const auto found = lists_.find(name);
  return found == lists_.end() ? nullptr : &found->second;
}

}  // namespace footnote::indexer
