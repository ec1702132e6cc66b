// A request line of mdoc(7) inside running text: ".Fl v Ar file" -> "-v file".
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace footnote::indexer {

// Whether `macro` is one of mdoc's inline macros.
bool IsMdocInline(std::string_view macro);

// Text of the line; `page_name` is what ".Nm" without an argument stands for. Escapes are kept.
std::string RenderMdocLine(std::string_view macro, const std::vector<std::string>& arguments,
                           const std::string& page_name);

}  // namespace footnote::indexer
