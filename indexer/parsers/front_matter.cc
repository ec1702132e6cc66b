#include "indexer/parsers/front_matter.h"

#include <algorithm>

#include "indexer/text/cleaner.h"

namespace footnote::indexer {

FrontMatter ReadFrontMatter(std::string_view text) {
  FrontMatter matter;
  if (!text.starts_with("---\n")) return matter;
  for (size_t at = 4; at < text.size();) {
    size_t end = text.find('\n', at);
    if (end == std::string_view::npos) end = text.size();
    const std::string_view line = text.substr(at, end - at);
    at = end + 1;
    if (TrimSpace(line) == "---") {
      matter.body_start = std::min(at, text.size());
      return matter;
    }
    const size_t colon = line.find(':');
    if (line.empty() || line[0] == ' ' || line[0] == '-' || line[0] == '#' ||
        colon == std::string_view::npos) {
      continue;
    }
    std::string_view value = TrimSpace(line.substr(colon + 1));
    if (value.size() >= 2 && (value[0] == '"' || value[0] == '\'') && value.back() == value[0]) {
      value = value.substr(1, value.size() - 2);
    }
    if (value.empty() || value == "|" || value == ">" || value == "|-" || value == ">-" ||
        value == "yes" || value == "no") {
      continue;
    }
    matter.values.emplace(TrimSpace(line.substr(0, colon)), value);
  }
  return FrontMatter();  // no second "---": a rule at the start of a text
}

}  // namespace footnote::indexer
