// A file that is one JSON value: an array of records, which are documents of their own; JSON lines
// under another name; any other JSON, written so that people can read it.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "indexer/parsers/document_builder.h"
#include "indexer/parsers/json_record.h"
#include "indexer/text/cleaner.h"

namespace footnote::indexer {
namespace {

using Json = nlohmann::ordered_json;  // keeps the order of keys, which is the writer's

constexpr int kMaxDepth = 200;           // of values in values; rendering is by recursion
constexpr size_t kMostValues = 5000000;  // each is some hundred bytes in memory

// Before anything is built: what the text would cost.
Status CheckSize(std::string_view text) {
  int depth = 0;
  size_t values = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      in_string = c != '"';
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > kMaxDepth) {
        return InvalidArgumentError("its values are nested deeper than " +
                                    std::to_string(kMaxDepth));
      }
      ++values;
    } else if (c == '}' || c == ']') {
      --depth;
    } else if (c == ',') {
      ++values;
    }
  }
  if (values > kMostValues) {
    return ResourceExhaustedError("it has more than " + std::to_string(kMostValues) +
                                  " values, the limit for one document; split it into several, or "
                                  "write one record a line (.jsonl)");
  }
  return OkStatus();
}

// Whether the value is an array of documents.
bool IsRecords(const Json& value) {
  return value.is_array() && !value.empty() &&
         std::all_of(value.begin(), value.end(),
                     [](const Json& each) { return each.is_object(); }) &&
         value.front().contains("text") && value.front()["text"].is_string();
}

std::string ScalarText(const Json& value) {
  if (value.is_string()) return CleanText(value.get_ref<const std::string&>());
  return value.is_null() ? "" : value.dump();
}

bool AreScalars(const Json& array) {
  return std::none_of(array.begin(), array.end(),
                      [](const Json& each) { return each.is_structured(); });
}

// Objects of the same few keys, all scalars: the rows of a table.
bool IsTable(const Json& array) {
  constexpr size_t kFewestRows = 2;
  constexpr size_t kMostColumns = 12;  // wider rows are not read well
  if (array.size() < kFewestRows || !array.front().is_object() || array.front().empty() ||
      array.front().size() > kMostColumns) {
    return false;
  }
  return std::all_of(array.begin(), array.end(), [&](const Json& row) {
    return row.is_object() && row.size() == array.front().size() && AreScalars(row) &&
           std::all_of(row.items().begin(), row.items().end(),
                       [&](const auto& item) { return array.front().contains(item.key()); });
  });
}

class Renderer {
 public:
  explicit Renderer(DocumentBuilder& builder) : builder_(builder) {}

  // `path` names the value; empty for the outermost.
  void Write(const std::string& path, const Json& value, int level) {
    if (value.is_object()) {
      WriteObject(path, value, level);
    } else if (value.is_array()) {
      WriteArray(path, value, level);
    } else {
      builder_.Paragraph(ScalarText(value));
    }
  }

 private:
  static std::string Below(const std::string& path, const std::string& key) {
    const std::string clean = CollapseSpace(CleanText(key));
    return path.empty() ? clean : path + " > " + clean;
  }

  // Scalars first, as lines of one paragraph: what is deeper has headings.
  void WriteObject(const std::string& path, const Json& object, int level) {
    builder_.Heading(level, path);
    std::string lines;
    for (const auto& [key, value] : object.items()) {
      const bool line = !value.is_structured() || (value.is_array() && AreScalars(value));
      std::string text = line ? LineText(value) : "";
      if (!text.empty()) lines += CollapseSpace(CleanText(key)) + ": " + text + "\n";
    }
    builder_.Paragraph(lines);
    for (const auto& [key, value] : object.items()) {
      if (value.is_object() || (value.is_array() && !AreScalars(value))) {
        Write(Below(path, key), value, path.empty() ? level : level + 1);
      }
    }
  }

  static std::string LineText(const Json& value) {
    if (!value.is_array()) return ScalarText(value);
    std::string text;
    for (const Json& each : value) {
      const std::string item = CollapseSpace(ScalarText(each));
      if (!text.empty() && !item.empty()) text += ", ";
      text += item;
    }
    return text;
  }

  void WriteArray(const std::string& path, const Json& array, int level) {
    if (IsTable(array)) {
      builder_.Heading(level, path);
      std::vector<std::string> cells;
      for (const auto& [key, value] : array.front().items()) cells.push_back(CleanText(key));
      builder_.TableRow(cells, /*first_row=*/true);
      for (const Json& row : array) {
        cells.clear();
        for (const auto& [key, value] : array.front().items()) {
          cells.push_back(ScalarText(row[key]));
        }
        builder_.TableRow(cells, /*first_row=*/false);
      }
      return;
    }
    if (AreScalars(array)) {
      builder_.Heading(level, path);
      for (const Json& each : array) builder_.ListItem(1, "-", ScalarText(each));
      return;
    }
    size_t number = 0;
    for (const Json& each : array) Write(Below(path, std::to_string(++number)), each, level);
  }

  DocumentBuilder& builder_;
};

class JsonParser : public Parser {
 public:
  bool Accepts(const SourceFile& file) const override { return HasExtension(file, ".json"); }

  Status Parse(const SourceFile& file, DocumentSink& sink) const override {
    FOOTNOTE_ASSIGN_OR_RETURN(const std::string text, ReadCleanText(file));
    FOOTNOTE_RETURN_IF_ERROR(CheckSize(text));
    const Json value = Json::parse(text, nullptr, /*allow_exceptions=*/false);
    if (value.is_discarded()) {
      const std::string_view first_line = std::string_view(text).substr(0, text.find('\n'));
      const bool lines = first_line.starts_with('{') && nlohmann::json::accept(first_line);
      return lines ? ParseJsonLines(file, sink)
                   : InvalidArgumentError(
                         "it is not valid JSON; correct it, or rename it to .txt "
                         "to index it as text");
    }
    if (IsRecords(value)) return AddRecords(file, value, sink);
    DocumentBuilder builder;
    Renderer(builder).Write("", value, 1);
    ParsedDocument document = builder.Finish();
    document.id = file.relative_path;
    document.source = file.path.string();
    for (const char* key : {"title", "name"}) {
      if (document.title.empty() && value.is_object() && value.contains(key) &&
          value[key].is_string()) {
        document.title = CollapseSpace(ScalarText(value[key]));
      }
    }
    if (document.title.empty()) document.title = FileStem(file);
    document.metadata["format"] = {std::string("json")};
    return sink.Add(std::move(document));
  }

 private:
  static Status AddRecords(const SourceFile& file, const Json& records, DocumentSink& sink) {
    size_t number = 0;
    for (const Json& each : records) {
      nlohmann::json record = each;
      const std::string default_id = file.relative_path + "#" + std::to_string(++number);
      if (!record.contains("_id")) record["_id"] = default_id;
      std::string id;
      StatusOr<ParsedDocument> document = ReadJsonRecord(record, id);
      if (!document.ok()) {
        sink.Fail(file.path.string(), id.empty() ? default_id : id, document.status());
        continue;
      }
      document->source = file.path.string();
      FOOTNOTE_RETURN_IF_ERROR(sink.Add(*std::move(document)));
    }
    return OkStatus();
  }
};

}  // namespace

std::unique_ptr<Parser> MakeJsonParser() { return std::make_unique<JsonParser>(); }

}  // namespace footnote::indexer
