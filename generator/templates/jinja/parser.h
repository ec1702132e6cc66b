// Templates' text to syntax trees. Private to templates.
#pragma once

#include <string_view>

#include "common/status.h"
#include "generator/templates/jinja/syntax.h"

namespace footnote::generator::jinja {

// Errors: INVALID_ARGUMENT for what Jinja refuses too; UNIMPLEMENTED for a statement or construct
// beyond the subset (filters, tests and methods are looked up when they run, as in Jinja);
// RESOURCE_EXHAUSTED for deep nesting. All say line and column.
StatusOr<Body> Parse(std::string_view text);

}  // namespace footnote::generator::jinja
