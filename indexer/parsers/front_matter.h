// The header between "---" lines at the start of a file: "key: value" lines of YAML. Only scalars
// at the top level are read; lists and nested values are skipped.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace footnote::indexer {

struct FrontMatter {
  std::map<std::string, std::string> values;
  size_t body_start = 0;  // offset of the text behind it; 0: the file has none
};

FrontMatter ReadFrontMatter(std::string_view text);

}  // namespace footnote::indexer
