// Automatic numbers of Word paragraphs (word/numbering.xml): "7.3", "(b)", "Article IV". Word keeps
// only rules in the file, so the numbers that readers see and cite are counted here.
//
// Source: ECMA-376 part 1, section 17.9.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "indexer/parsers/xml.h"

namespace footnote::indexer {

struct DocxLabel {
  std::string text;  // "7.3", "(b)"; empty for a bullet, or when nothing is shown
  bool bullet = false;
  bool legal = false;    // of a list whose deeper numbers hold the outer ones: "7.3"
  bool separate = true;  // white space stands between it and the text
  int level = 0;         // 0 outermost
};

class DocxNumbering {
 public:
  static constexpr int kLevels = 9;

  // `root` is that of word/numbering.xml; empty when there is none.
  explicit DocxNumbering(const XmlNode& root);

  // Counts a paragraph of list `num_id` and returns what it shows; nothing when there is no such
  // list. Paragraphs come in the order of the document.
  std::optional<DocxLabel> Next(int num_id, int level);

  // The level of the list that belongs to the paragraph style.
  std::optional<int> LevelOfStyle(int num_id, std::string_view style_id) const;

 private:
  struct Level {
    int start = 1;
    std::string format = "decimal";
    std::string text;  // "%1.%2"
    std::string style_id;
    std::string suffix;
    std::optional<int> restart_after;  // 1-based level that restarts it; 0: none does
    bool all_decimal = false;
  };
  struct List {  // Lists that share it go on counting where another stopped.
    std::array<Level, kLevels> levels;
    std::string style_link;  // takes its levels from the list of that style
    std::array<std::optional<int>, kLevels> counts;
    bool legal = false;
  };
  struct Use {  // A list as paragraphs name it.
    int list_id = 0;
    std::map<int, Level> levels;  // in place of the list's
    std::map<int, int> starts;
    std::array<bool, kLevels> seen = {};
  };

  static Level ReadLevel(const XmlNode& node);
  const Level& LevelOf(const Use& use, const List& list, int level) const;
  static int StartOf(const Use& use, const Level& rule, int level);
  std::string Render(const Use& use, const List& list, int level) const;

  std::map<int, List> lists_;
  std::map<int, Use> uses_;
};

}  // namespace footnote::indexer
