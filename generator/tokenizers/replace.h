// Replacing one text by another within a third.
#pragma once

#include <string>
#include <string_view>

namespace footnote::generator {

// `text` with each `from`, from left to right, replaced. `from` is not empty.
inline std::string Replaced(std::string_view text, std::string_view from, std::string_view to) {
  std::string out;
  out.reserve(text.size() + text.size() / 4);
  for (size_t at = 0;;) {
    const size_t found = text.find(from, at);
    out += text.substr(at, found - at);
    if (found == std::string_view::npos) return out;
    out += to;
    at = found + from.size();
  }
}

}  // namespace footnote::generator
