// JSON lines: one document a line with `_id`, `title`, `text`; `text` is stored byte for byte as
// given. Other fields that are scalars or arrays of strings become metadata; `acl` is
// {"allow":[…],"deny":[…]}.
#include <nlohmann/json.hpp>

#include "indexer/parsers/parser.h"
#include "indexer/text/line_reader.h"
#include "indexer/text/structure.h"

namespace footnote::indexer {
namespace {

using nlohmann::json;

std::string Place(const SourceFile& file, int64_t line) {
  return file.path.string() + ":" + std::to_string(line);
}

StatusOr<std::string> StringField(const json& object, const char* name) {
  const auto field = object.find(name);
  if (field == object.end()) {
    return InvalidArgumentError("the line has no field \"" + std::string(name) +
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

StatusOr<ParsedDocument> ReadDocument(const std::string& line, std::string& id) {
  const json object = json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (object.is_discarded()) return InvalidArgumentError("the line is not valid JSON in UTF-8");
  if (!object.is_object()) return InvalidArgumentError("the line is not a JSON object");
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

class JsonLinesParser : public Parser {
 public:
  bool Accepts(const SourceFile& file) const override {
    return HasExtension(file, ".jsonl") || HasExtension(file, ".ndjson");
  }

  Status Parse(const SourceFile& file, DocumentSink& sink) const override {
    FOOTNOTE_ASSIGN_OR_RETURN(LineReader reader, LineReader::Open(file.path, kMaxDocumentBytes));
    std::string line;
    while (true) {
      const LineReader::Result result = reader.Next(line);
      if (result == LineReader::Result::kEnd) break;
      const std::string place = Place(file, reader.line_number());
      if (result == LineReader::Result::kTooLong) {
        sink.Fail(place, "",
                  ResourceExhaustedError("the line is larger than 256 MB, the limit for one "
                                         "document; split it into several"));
        continue;
      }
      if (line.find_first_not_of(" \t") == std::string::npos) continue;
      std::string id;
      StatusOr<ParsedDocument> document = ReadDocument(line, id);
      if (!document.ok()) {
        sink.Fail(place, id, document.status());
        continue;
      }
      document->source = file.path.string();
      document->source_bytes_end = reader.bytes_read();
      FOOTNOTE_RETURN_IF_ERROR(sink.Add(*std::move(document)));
    }
    if (reader.failed()) return UnavailableError("the file could not be read to its end");
    return OkStatus();
  }
};

}  // namespace

std::unique_ptr<Parser> MakeJsonLinesParser() { return std::make_unique<JsonLinesParser>(); }

}  // namespace footnote::indexer
