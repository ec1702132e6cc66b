#include "indexer/parsers/json_record.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "indexer/text/structure.h"

namespace footnote::indexer {
namespace {

using nlohmann::json;

StatusOr<std::string> StringField(const json& object, const char* name) {
  const auto field = object.find(name);
  if (field == object.end()) {
    return InvalidArgumentError("the record has no field \"" + std::string(name) +
                                "\"; a document needs _id and text");
  }
  if (field->is_number_integer()) return field->dump();
  if (!field->is_string()) {
    return InvalidArgumentError("field \"" + std::string(name) + "\" is not a string");
  }
  return field->get<std::string>();
}

StatusOr<std::vector<std::string>> Principals(const json& acl, const char* name) {
  std::vector<std::string> principals;
  const auto field = acl.find(name);
  if (field == acl.end()) return principals;
  if (!field->is_array()) {
    return InvalidArgumentError("acl." + std::string(name) + " is not an array of strings");
  }
  for (const json& principal : *field) {
    if (!principal.is_string()) {
      return InvalidArgumentError("acl." + std::string(name) + " is not an array of strings");
    }
    principals.push_back(principal.get<std::string>());
  }
  return principals;
}

StatusOr<retriever::AccessList> ReadAccess(const json& acl) {
  // A list that cannot be read must not open the document.
  if (!acl.is_object()) {
    return InvalidArgumentError("acl is not an object {\"allow\":[…],\"deny\":[…]}");
  }
  retriever::AccessList access;
  FOOTNOTE_ASSIGN_OR_RETURN(access.allow, Principals(acl, "allow"));
  FOOTNOTE_ASSIGN_OR_RETURN(access.deny, Principals(acl, "deny"));
  return access;
}

void AddMetadata(const std::string& name, const json& value, retriever::Metadata& metadata) {
  std::vector<retriever::MetadataValue> values;
  const auto add = [&](const json& item) {
    if (item.is_string()) values.emplace_back(item.get<std::string>());
    if (item.is_boolean()) values.emplace_back(item.get<bool>());
    if (item.is_number()) values.emplace_back(item.get<double>());
  };
  if (value.is_array()) {
    for (const json& item : value) {
      if (!item.is_string()) return;
      add(item);
    }
  } else {
    add(value);
  }
  if (!values.empty()) metadata[name] = std::move(values);
}

}  // namespace

StatusOr<ParsedDocument> ReadJsonRecord(const json& object, std::string& id) {
  if (!object.is_object()) return InvalidArgumentError("the record is not a JSON object");
  ParsedDocument document;
  FOOTNOTE_ASSIGN_OR_RETURN(document.id, StringField(object, "_id"));
  if (document.id.empty()) return InvalidArgumentError("field \"_id\" is empty");
  id = document.id;
  FOOTNOTE_ASSIGN_OR_RETURN(document.text, StringField(object, "text"));
  if (object.contains("title") && !object["title"].is_null()) {
    FOOTNOTE_ASSIGN_OR_RETURN(document.title, StringField(object, "title"));
  }
  for (const auto& [name, value] : object.items()) {
    if (name == "acl") {
      FOOTNOTE_ASSIGN_OR_RETURN(document.access, ReadAccess(value));
    } else if (name != "_id" && name != "title" && name != "text") {
      AddMetadata(name, value, document.metadata);
    }
  }
  document.blocks = FindStructure(document.text);
  return document;
}

}  // namespace footnote::indexer
