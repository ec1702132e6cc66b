// Tables of filters, and what several files of the library share. Private to the library.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "generator/templates/jinja/library.h"

namespace footnote::generator::jinja {

struct NamedFilter {
  std::string_view name;
  FilterFunction filter;
};
std::span<const NamedFilter> TextFilters();
std::span<const NamedFilter> SequenceFilters();

// str.replace, after asking whether the result fits the limits.
StatusOr<Value> ReplaceChecked(Interpreter& interpreter, const MarkedText& text,
                               const MarkedText& old, const MarkedText& replacement, int64_t most);
// separator.join(items), each as str() has it (`convert`), or INVALID_ARGUMENT for what is no text.
StatusOr<Value> Joined(Interpreter& interpreter, const MarkedText& separator, const Items& items,
                       bool convert);
// Runs of letters, digits and underscores.
int64_t CountWords(std::string_view text);

}  // namespace footnote::generator::jinja
