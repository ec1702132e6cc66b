// The font table and the style sheet of an RTF document.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace footnote::indexer {

class RtfTables {
 public:
  // What stands in the tables about a font or style. Those beyond the largest number that a
  // document may use are forgotten.
  void AddFontName(int32_t font, std::string_view bytes);
  void SetFontCharset(int32_t font, std::string charset);
  void AddStyleName(int32_t style, std::string_view bytes);
  void SetStyleOutline(int32_t style, int32_t outline);

  // As RtfText takes it; `otherwise` when the font says nothing.
  std::string_view Charset(int32_t font, std::string_view otherwise) const;

  // Of a paragraph in that style with that outline level (-1: it has none); 0: no heading.
  int HeadingLevel(int32_t style, int32_t outline) const;

 private:
  struct Font {
    std::string name;
    std::string charset;
  };
  struct Style {
    std::string name;
    int32_t outline = -1;
  };

  std::map<int32_t, Font> fonts_;
  std::map<int32_t, Style> styles_;
};

}  // namespace footnote::indexer
