// JSON of model files, which may be hostile.
#pragma once

#include <cstddef>
#include <string_view>

namespace footnote::generator {

// Configs, indexes and tokenizers nest some ten levels.
inline constexpr int kDeepestJson = 64;

// Whether brackets outside strings nest deeper than that. The library parses any depth, but copies
// and prints what it parsed by calling itself, until the stack ends.
inline bool NestsTooDeep(std::string_view json) {
  int depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      if (++depth > kDeepestJson) return true;
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return false;
}

}  // namespace footnote::generator
