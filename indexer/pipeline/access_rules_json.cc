// Access rules as JSON lines, as programs write them.

#include <nlohmann/json.hpp>

#include "indexer/pipeline/access_rules.h"
#include "indexer/text/line_reader.h"

namespace footnote::indexer {
namespace {

using nlohmann::json;

Status ReadPrincipals(const json& rule, const char* name, std::vector<std::string>& principals) {
  const auto field = rule.find(name);
  if (field == rule.end()) return OkStatus();
  if (!field->is_array()) {
    return InvalidArgumentError("\"" + std::string(name) + "\" is not an array of strings");
  }
  for (const json& principal : *field) {
    if (!principal.is_string()) {
      return InvalidArgumentError("\"" + std::string(name) + "\" is not an array of strings");
    }
    principals.push_back(principal.get<std::string>());
    FOOTNOTE_RETURN_IF_ERROR(retriever::CheckPrincipal(principals.back()));
  }
  return OkStatus();
}

Status ReadRule(const std::string& line, std::map<std::string, retriever::AccessList>& documents,
                std::map<std::string, retriever::AccessList>& prefixes) {
  const json rule = json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!rule.is_object()) return InvalidArgumentError("the line is not a JSON object");
  retriever::AccessList access;
  FOOTNOTE_RETURN_IF_ERROR(ReadPrincipals(rule, "allow", access.allow));
  FOOTNOTE_RETURN_IF_ERROR(ReadPrincipals(rule, "deny", access.deny));
  const bool by_id = rule.contains("document_id");
  const char* key = by_id ? "document_id" : "prefix";
  if (by_id == rule.contains("prefix") || !rule[key].is_string()) {
    return InvalidArgumentError("the line needs either \"document_id\" or \"prefix\", a string");
  }
  for (const auto& [name, value] : rule.items()) {
    if (name != key && name != "allow" && name != "deny") {
      return InvalidArgumentError("unknown field \"" + name +
                                  "\"; known are document_id, prefix, allow, deny");
    }
  }
  auto& rules = by_id ? documents : prefixes;
  if (!rules.emplace(rule[key].get<std::string>(), std::move(access)).second) {
    return InvalidArgumentError("a second rule for the same " + std::string(key));
  }
  return OkStatus();
}

}  // namespace

StatusOr<AccessRules> AccessRules::ReadJsonLines(const std::filesystem::path& path) {
  constexpr uint64_t kMaxLineBytes = 16 << 20;
  FOOTNOTE_ASSIGN_OR_RETURN(LineReader reader, LineReader::Open(path, kMaxLineBytes));
  AccessRules rules;
  std::string line;
  while (true) {
    const LineReader::Result result = reader.Next(line);
    if (result == LineReader::Result::kEnd) break;
    const std::string place = path.string() + ":" + std::to_string(reader.line_number());
    if (result == LineReader::Result::kTooLong) {
      return InvalidArgumentError("the line is too long").WithContext(place);
    }
    if (line.find_first_not_of(" \t") == std::string::npos) continue;
    const Status status = ReadRule(line, rules.documents_, rules.prefixes_);
    if (!status.ok()) return status.WithContext(place);
  }
  if (reader.failed()) {
    return UnavailableError("access file " + path.string() + " could not be read to its end");
  }
  return rules;
}

}  // namespace footnote::indexer
