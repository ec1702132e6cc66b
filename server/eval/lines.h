// Files of one JSON object a line.
#pragma once

#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "common/status.h"

namespace footnote::server {

// Visits each line that is not empty, without its end, with its number from 1. A file that is not
// `required` may be missing. Errors: NOT_FOUND with `remedy`, else those of `visit`.
Status EachLine(const std::filesystem::path& file, bool required, const std::string& remedy,
                const std::function<Status(const std::string&, size_t)>& visit);

// INVALID_ARGUMENT that names file and line.
Status AtLine(const std::filesystem::path& file, size_t line, const std::string& what);

// The text of a field, or nothing where there is none.
std::string TextField(const nlohmann::json& json, const char* name);

}  // namespace footnote::server
