// JSON lines: one document a line with `_id`, `title`, `text`; `text` is stored byte for byte as
// given. Other fields that are scalars or arrays of strings become metadata; `acl` is
// {"allow":[…],"deny":[…]}.
#include <nlohmann/json.hpp>

#include "indexer/parsers/json_record.h"
#include "indexer/text/line_reader.h"

namespace footnote::indexer {
namespace {

using nlohmann::json;

std::string Place(const SourceFile& file, int64_t line) {
  return file.path.string() + ":" + std::to_string(line);
}

StatusOr<ParsedDocument> ReadLine(const std::string& line, std::string& id) {
  const json object = json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (object.is_discarded()) return InvalidArgumentError("the line is not valid JSON in UTF-8");
  return ReadJsonRecord(object, id);
}

class JsonLinesParser : public Parser {
 public:
  bool Accepts(const SourceFile& file) const override {
    return HasExtension(file, ".jsonl") || HasExtension(file, ".ndjson");
  }

  Status Parse(const SourceFile& file, DocumentSink& sink) const override {
    return ParseJsonLines(file, sink);
  }
};

}  // namespace

Status ParseJsonLines(const SourceFile& file, DocumentSink& sink) {
  FOOTNOTE_ASSIGN_OR_RETURN(LineReader reader, LineReader::Open(file.path, file.limit.bytes));
  std::string line;
  while (true) {
    const LineReader::Result result = reader.Next(line);
    if (result == LineReader::Result::kEnd) break;
    const std::string place = Place(file, reader.line_number());
    if (result == LineReader::Result::kTooLong) {
      sink.Fail(place, "", TooLargeError("the line", file.limit));
      continue;
    }
    if (line.find_first_not_of(" \t") == std::string::npos) continue;
    std::string id;
    StatusOr<ParsedDocument> document = ReadLine(line, id);
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

std::unique_ptr<Parser> MakeJsonLinesParser() { return std::make_unique<JsonLinesParser>(); }

}  // namespace footnote::indexer
