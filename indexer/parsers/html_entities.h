// Character references of HTML: "&amp;", "&#8212;", "&nbsp;".
#pragma once

#include <string>
#include <string_view>

namespace footnote::indexer {

// Appends the character that `entity` ("&…;") names; the reference itself when it is unknown.
void AppendEntity(std::string_view entity, std::string& out);

}  // namespace footnote::indexer
