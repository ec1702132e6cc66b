// Styles and list numbers of OpenDocument files (styles.xml and the start of content.xml).
//
// Source: OASIS OpenDocument 1.3, part 3, chapters 16 and 19.
#pragma once

#include <array>
#include <map>
#include <string>
#include <string_view>

#include "indexer/parsers/xml.h"

namespace footnote::indexer {

// How the items of one list, or the headings, are counted.
class OpenDocumentList {
 public:
  static constexpr int kLevels = 10;

  // `style` is a text:list-style or text:outline-style.
  void ReadLevels(const XmlNode& style);

  // Counts an item on `level` (from 0) and returns its label: "-" for a bullet, "2.1", or empty
  // when the level shows none. `start` sets the count; -1: it goes on.
  std::string Next(int level, int start);
  void Restart();

 private:
  struct Level {
    bool bullet = false;
    std::string format;  // "1", "a", "A", "i", "I"; empty: no number
    std::string prefix;
    std::string suffix;
    int shown_levels = 1;
    int start = 1;
  };

  std::array<Level, kLevels> levels_;
  std::array<int, kLevels> counts_ = {};  // 0: not begun
  std::array<bool, kLevels> begun_ = {};
};

class OpenDocumentStyles {
 public:
  // Of the roots of styles.xml and content.xml; either may be empty.
  OpenDocumentStyles(const XmlNode& styles, const XmlNode& content);

  // Whether a paragraph, span, section or table of that style is not shown.
  bool IsHidden(std::string_view name) const;
  // Whether the style is, or is based on, "Title".
  bool IsTitle(std::string_view name) const;

  // The list of that style; nullptr when there is none, then items have bullets.
  OpenDocumentList* FindList(std::string_view name);
  OpenDocumentList& outline() { return outline_; }

 private:
  struct Style {
    std::string parent;
    bool hidden = false;
  };

  void Read(const XmlNode& container);

  std::map<std::string, Style, std::less<>> styles_;
  std::map<std::string, OpenDocumentList, std::less<>> lists_;
  OpenDocumentList outline_;
};

}  // namespace footnote::indexer
