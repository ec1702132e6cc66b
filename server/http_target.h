// The parts of a request's target: path segments and query parameters, decoded.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/status.h"

namespace footnote::server {

// "/a/b%2Fc" is {"a", "b/c"}: only a '/' that was not encoded separates. "/" is {""}.
// Errors: INVALID_ARGUMENT when the path does not begin with '/', an escape is malformed, or what
// it says is not UTF-8 or holds a NUL.
StatusOr<std::vector<std::string>> ParsePath(std::string_view path);

using QueryParameters = std::vector<std::pair<std::string, std::string>>;
// "a=1&b=x+y%21" is {{"a", "1"}, {"b", "x y!"}}. Errors: as ParsePath.
StatusOr<QueryParameters> ParseQuery(std::string_view query);

}  // namespace footnote::server
