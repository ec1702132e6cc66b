#include "indexer/parsers/docx_numbering.h"

#include <algorithm>

#include "indexer/parsers/list_number.h"
#include "indexer/parsers/office_package.h"
#include "indexer/text/cleaner.h"

namespace footnote::indexer {
namespace {

constexpr int kMostId = 1 << 30;

}  // namespace

DocxNumbering::Level DocxNumbering::ReadLevel(const XmlNode& node) {
  Level level;
  // "The start" may be missing: then Word starts at 0.
  level.start = ReadInt(node.child("start").attribute("val"), 0, kMostId, 0);
  level.format = node.child("numFmt").attribute("val");
  // Every paragraph of the list repeats it, so it may not be long.
  constexpr size_t kLongestText = 200;
  level.text = node.child("lvlText").attribute("val").substr(0, kLongestText);
  level.style_id = node.child("pStyle").attribute("val");
  level.suffix = node.child("suff").attribute("val");
  level.all_decimal = IsOn(node.child("isLgl"));
  const XmlNode restart = node.child("lvlRestart");
  if (restart) level.restart_after = ReadInt(restart.attribute("val"), 0, kLevels, 0);
  return level;
}

DocxNumbering::DocxNumbering(const XmlNode& root) {
  std::map<std::string, int, std::less<>> lists_of_styles;
  for (const XmlNode& node : root.children("abstractNum")) {
    const int id = ReadInt(node.attribute("abstractNumId"), 0, kMostId, -1);
    List& list = lists_[id];
    for (const XmlNode& each : node.children("lvl")) {
      const int level = ReadInt(each.attribute("ilvl"), 0, kLevels - 1, 0);
      list.levels[static_cast<size_t>(level)] = ReadLevel(each);
      if (level > 0 &&
          list.levels[static_cast<size_t>(level)].text.find("%1") < std::string::npos) {
        list.legal = true;
      }
    }
    list.style_link = node.child("numStyleLink").attribute("val");
    const XmlNode own = node.child("styleLink");
    if (own) lists_of_styles.emplace(own.attribute("val"), id);
  }
  for (const XmlNode& node : root.children("num")) {
    Use use;
    use.list_id = ReadInt(node.child("abstractNumId").attribute("val"), 0, kMostId, -1);
    const auto list = lists_.find(use.list_id);
    if (list == lists_.end()) continue;
    if (!list->second.style_link.empty()) {
      const auto linked = lists_of_styles.find(list->second.style_link);
      if (linked != lists_of_styles.end()) use.list_id = linked->second;
    }
    for (const XmlNode& each : node.children("lvlOverride")) {
      const int level = ReadInt(each.attribute("ilvl"), 0, kLevels - 1, 0);
      const XmlNode rule = each.child("lvl");
      if (rule) use.levels[level] = ReadLevel(rule);
      const XmlNode start = each.child("startOverride");
      if (start) use.starts[level] = ReadInt(start.attribute("val"), 0, kMostId, 1);
    }
    uses_[ReadInt(node.attribute("numId"), 0, kMostId, -1)] = std::move(use);
  }
}

const DocxNumbering::Level& DocxNumbering::LevelOf(const Use& use, const List& list,
                                                   int level) const {
  const auto own = use.levels.find(level);
  return own != use.levels.end() ? own->second : list.levels[static_cast<size_t>(level)];
}

int DocxNumbering::StartOf(const Use& use, const Level& rule, int level) {
  const auto own = use.starts.find(level);
  return own != use.starts.end() ? own->second : rule.start;
}

std::optional<int> DocxNumbering::LevelOfStyle(int num_id, std::string_view style_id) const {
  const auto use = uses_.find(num_id);
  if (use == uses_.end() || style_id.empty()) return std::nullopt;
  const auto list = lists_.find(use->second.list_id);
  if (list == lists_.end()) return std::nullopt;
  for (int level = 0; level < kLevels; ++level) {
    if (LevelOf(use->second, list->second, level).style_id == style_id) return level;
  }
  return std::nullopt;
}

std::optional<DocxLabel> DocxNumbering::Next(int num_id, int level) {
  const auto found = uses_.find(num_id);
  if (found == uses_.end()) return std::nullopt;
  Use& use = found->second;
  List& list = lists_[use.list_id];
  level = std::clamp(level, 0, kLevels - 1);
  const auto at = static_cast<size_t>(level);
  const Level& rule = LevelOf(use, list, level);

  // A list with a start of its own begins there, even where another that it shares counts with
  // had stopped.
  const bool starts_anew = !use.seen[at] && use.starts.contains(level);
  use.seen[at] = true;
  std::optional<int>& count = list.counts[at];
  count = count && !starts_anew ? *count + 1 : StartOf(use, rule, level);
  for (int deeper = level + 1; deeper < kLevels; ++deeper) {
    const std::optional<int>& restart = LevelOf(use, list, deeper).restart_after;
    if (!restart || level < *restart) list.counts[static_cast<size_t>(deeper)].reset();
  }

  DocxLabel label;
  label.level = level;
  label.legal = list.legal;
  label.separate = rule.suffix != "nothing";
  label.bullet = rule.format == "bullet";
  if (!label.bullet) label.text = Render(use, list, level);
  return label;
}

std::string DocxNumbering::Render(const Use& use, const List& list, int level) const {
  const Level& rule = LevelOf(use, list, level);
  std::string text;
  for (size_t i = 0; i < rule.text.size(); ++i) {
    const char digit = i + 1 < rule.text.size() ? rule.text[i + 1] : '\0';
    if (rule.text[i] != '%' || digit < '1' || digit > '9') {
      text += rule.text[i];
      continue;
    }
    ++i;
    const int shown = digit - '1';
    const Level& other = LevelOf(use, list, shown);
    if (other.format == "bullet") continue;
    const std::optional<int>& count = list.counts[static_cast<size_t>(shown)];
    // An outer level that no paragraph was on yet shows where it will start.
    const int number = count.value_or(StartOf(use, other, shown));
    text += FormatListNumber(number, rule.all_decimal && other.format != "none"
                                         ? std::string_view("decimal")
                                         : std::string_view(other.format));
  }
  return CleanLines(text);
}

}  // namespace footnote::indexer
