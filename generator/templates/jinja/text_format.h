// str.format, as far as templates use it. Private to the library.
#pragma once

#include "common/status.h"
#include "generator/templates/jinja/library.h"

namespace footnote::generator::jinja {

// {}, {0} and {name}, {{ and }}. Errors: UNIMPLEMENTED for attributes, conversions and widths.
StatusOr<Value> FormatText(Interpreter& interpreter, const MarkedText& text,
                           const Arguments& arguments);

}  // namespace footnote::generator::jinja
