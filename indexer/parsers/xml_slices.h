// Large flat XML (rows of a sheet) read a piece at a time, so that its tree is never whole in
// memory.
#pragma once

#include <functional>
#include <string_view>

#include "common/status.h"
#include "indexer/parsers/xml.h"

namespace footnote::indexer {

// Calls `take` with each element of that local name, in order. They may not nest. `bytes` is UTF-8.
// Errors: take's; INVALID_ARGUMENT when an element is not well-formed. What stands before the first
// and behind the last is not looked at.
Status ForEachXmlElement(std::string_view bytes, std::string_view name,
                         const std::function<Status(const XmlNode& element)>& take);

}  // namespace footnote::indexer
