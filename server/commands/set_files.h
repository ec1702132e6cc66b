// File names of commands that write or read one file for each set or mode: "{set}" in the name
// stands for it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "common/status.h"

namespace footnote::server {

inline constexpr std::string_view kSetMark = "{set}";
inline constexpr std::string_view kModeMark = "{mode}";

// `pattern` with the first `mark` replaced; as it is where it has none.
std::string FileFor(std::string pattern, std::string_view mark, std::string_view name);

// INVALID_ARGUMENT when several files would have one name. `what`: "sets". An empty file passes.
Status CheckMark(std::string_view option, const std::string& file, std::string_view mark,
                 std::string_view what, size_t count);

}  // namespace footnote::server
