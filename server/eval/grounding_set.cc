#include "server/eval/grounding_set.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "common/text/utf8.h"
#include "server/eval/lines.h"

namespace footnote::server {
namespace {

namespace fs = std::filesystem;

constexpr char kRemedy[] =
    "a set of judged answers is a folder with corpus.jsonl and responses.jsonl";

// Offset of the code point `index`, at most the text's size.
size_t ByteOfCharacter(std::string_view text, uint64_t index) {
  size_t offset = 0;
  while (index > 0 && offset < text.size()) {
    DecodeUtf8(text, offset);
    --index;
  }
  return offset;
}

std::vector<std::string> LabelsOf(const nlohmann::json& mark) {
  std::vector<std::string> labels;
  const auto label = mark.find("label");
  if (label == mark.end()) return labels;
  if (label->is_string()) labels.push_back(label->get<std::string>());
  if (label->is_array()) {
    for (const auto& item : *label) {
      if (item.is_string()) labels.push_back(item.get<std::string>());
    }
  }
  return labels;
}

void AddMark(const nlohmann::json& mark, JudgedResponse& response) {
  if (!mark.is_object() || !mark.contains("start") || !mark.contains("end") ||
      !mark["start"].is_number_unsigned() || !mark["end"].is_number_unsigned()) {
    return;
  }
  const ByteSpan bytes = {ByteOfCharacter(response.text, mark["start"].get<uint64_t>()),
                          ByteOfCharacter(response.text, mark["end"].get<uint64_t>())};
  // Several people marked: doubtful where none of them called it wrong, nothing where all called it
  // benign.
  const std::vector<std::string> labels = LabelsOf(mark);
  const auto all = [&](auto test) {
    return !labels.empty() && std::all_of(labels.begin(), labels.end(), test);
  };
  if (all([](const std::string& label) { return label.starts_with("Benign"); })) return;
  const bool doubtful = all([](const std::string& label) {
    return label.starts_with("Benign") || label.starts_with("Questionable");
  });
  (doubtful ? response.doubtful : response.unsupported).push_back(bytes);
}

Status LoadDocuments(const fs::path& file, std::vector<Passage>& documents) {
  return EachLine(file, /*required=*/true, kRemedy,
                  [&](const std::string& line, size_t number) -> Status {
                    const nlohmann::json json = nlohmann::json::parse(line, nullptr, false);
                    if (!json.is_object() || TextField(json, "_id").empty()) {
                      return AtLine(file, number, "expected a JSON object with a text \"_id\"");
                    }
                    Passage document;
                    document.document_id = TextField(json, "_id");
                    document.title = TextField(json, "title");
                    document.text = TextField(json, "text");
                    document.span = {0, document.text.size()};
                    documents.push_back(std::move(document));
                    return OkStatus();
                  });
}

Status LoadResponses(const fs::path& file, const std::map<std::string, size_t>& known,
                     std::vector<JudgedResponse>& responses) {
  return EachLine(
      file, /*required=*/true, kRemedy, [&](const std::string& line, size_t number) -> Status {
        const nlohmann::json json = nlohmann::json::parse(line, nullptr, false);
        if (!json.is_object() || TextField(json, "response_id").empty() ||
            !json.contains("doc_ids") || !json["doc_ids"].is_array()) {
          return AtLine(file, number,
                        "expected a JSON object with texts \"response_id\" and \"response\" and an "
                        "array \"doc_ids\"");
        }
        JudgedResponse response;
        response.id = TextField(json, "response_id");
        response.query_id = TextField(json, "query_id");
        if (response.query_id.empty()) response.query_id = response.id;
        response.text = TextField(json, "response");
        const std::string label = TextField(json, "label");
        if (label == "supported") response.judgement = Judgement::kSupported;
        if (label == "unsupported") response.judgement = Judgement::kUnsupported;
        for (const auto& id : json["doc_ids"]) {
          if (!id.is_string() || !known.contains(id.get<std::string>())) {
            return AtLine(file, number,
                          "the document " + id.dump() + " is not in corpus.jsonl: add it there");
          }
          response.document_ids.push_back(id.get<std::string>());
        }
        if (json.contains("spans") && json["spans"].is_array()) {
          for (const auto& mark : json["spans"]) AddMark(mark, response);
        }
        responses.push_back(std::move(response));
        return OkStatus();
      });
}

bool AnyOverlaps(const std::vector<ByteSpan>& marks, const ByteSpan& bytes) {
  return std::any_of(marks.begin(), marks.end(), [&](const ByteSpan& mark) {
    return mark.start < bytes.end && bytes.start < mark.end;
  });
}

}  // namespace

const char* JudgementName(Judgement judgement) {
  switch (judgement) {
    case Judgement::kSupported:
      return "supported";
    case Judgement::kUnsupported:
      return "unsupported";
    case Judgement::kUnknown:
      break;
  }
  return "unknown";
}

Judgement JudgementOf(const JudgedResponse& response, const ByteSpan& bytes) {
  if (AnyOverlaps(response.unsupported, bytes)) return Judgement::kUnsupported;
  if (AnyOverlaps(response.doubtful, bytes)) return Judgement::kUnknown;
  if (response.judgement == Judgement::kSupported) return Judgement::kSupported;
  // Who marked what is wrong left the rest unmarked because it is right.
  return response.unsupported.empty() ? Judgement::kUnknown : Judgement::kSupported;
}

std::vector<Passage> GroundingSet::DocumentsOf(const JudgedResponse& response) const {
  std::vector<Passage> chosen;
  for (const std::string& id : response.document_ids) {
    const auto found =
        std::find_if(documents.begin(), documents.end(),
                     [&](const Passage& document) { return document.document_id == id; });
    if (found != documents.end()) chosen.push_back(*found);
  }
  return chosen;
}

StatusOr<GroundingSet> LoadGroundingSet(const fs::path& folder) {
  GroundingSet set;
  set.folder = folder;
  std::error_code error;
  const fs::path absolute = fs::weakly_canonical(folder, error);
  set.name = (error ? folder : absolute).filename().string();
  FOOTNOTE_RETURN_IF_ERROR(LoadDocuments(folder / "corpus.jsonl", set.documents));
  std::map<std::string, size_t> known;
  for (size_t i = 0; i < set.documents.size(); ++i) known[set.documents[i].document_id] = i;
  FOOTNOTE_RETURN_IF_ERROR(LoadResponses(folder / "responses.jsonl", known, set.responses));
  return set;
}

}  // namespace footnote::server
