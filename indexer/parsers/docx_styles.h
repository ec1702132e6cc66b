// Styles of a Word document (word/styles.xml), as far as they say what a paragraph is.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "indexer/parsers/xml.h"

namespace footnote::indexer {

struct DocxStyle {
  std::string name;           // in lower case: "heading 1", whatever the user's language
  int heading_level = 0;      // 1 to 9; 0: body text
  std::optional<int> num_id;  // a list; 0 takes the paragraph out of one
  std::optional<int> num_level;
  bool hidden = false;  // its text is not shown
};

class DocxStyles {
 public:
  // `root` is that of word/styles.xml; empty when there is none, then ids are taken for names.
  explicit DocxStyles(const XmlNode& root);

  // What the style and those it is based on say together. An empty id is the default paragraph
  // style.
  DocxStyle Find(std::string_view id) const;

 private:
  struct Own {
    DocxStyle style;
    std::string based_on;
    std::optional<int> outline_level;  // 0 to 9; 9: body text
    std::optional<bool> hidden;
  };

  std::map<std::string, Own, std::less<>> styles_;
  std::string default_id_;
};

}  // namespace footnote::indexer
