#include "server/eval/lines.h"

#include <fstream>

namespace footnote::server {

namespace fs = std::filesystem;

Status EachLine(const fs::path& file, bool required, const std::string& remedy,
                const std::function<Status(const std::string&, size_t)>& visit) {
  std::ifstream in(file);
  if (!in) {
    if (!required) return OkStatus();
    return NotFoundError("cannot read " + file.string() + ": " + remedy);
  }
  std::string line;
  for (size_t number = 1; std::getline(in, line); ++number) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (line.empty()) continue;
    FOOTNOTE_RETURN_IF_ERROR(visit(line, number));
  }
  return OkStatus();
}

Status AtLine(const fs::path& file, size_t line, const std::string& what) {
  return InvalidArgumentError(file.string() + ", line " + std::to_string(line) + ": " + what);
}

std::string TextField(const nlohmann::json& json, const char* name) {
  const auto field = json.find(name);
  return field != json.end() && field->is_string() ? field->get<std::string>() : std::string();
}

}  // namespace footnote::server
