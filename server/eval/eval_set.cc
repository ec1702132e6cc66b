#include "server/eval/eval_set.h"

#include <charconv>
#include <nlohmann/json.hpp>

#include "server/answer_json.h"
#include "server/eval/lines.h"

namespace footnote::server {
namespace {

namespace fs = std::filesystem;

constexpr char kRemedy[] = "an evaluation set is a folder with corpus.jsonl and queries.jsonl";

Status LoadQueries(const fs::path& file, EvalSet& set) {
  return EachLine(
      file, /*required=*/true, kRemedy, [&](const std::string& line, size_t number) -> Status {
        const nlohmann::json json = nlohmann::json::parse(line, nullptr, false);
        if (!json.is_object() || !json.contains("_id") || !json["_id"].is_string() ||
            !json.contains("text") || !json["text"].is_string()) {
          return AtLine(file, number, "expected a JSON object with texts \"_id\" and \"text\"");
        }
        EvalQuery query;
        query.id = json["_id"].get<std::string>();
        query.text = json["text"].get<std::string>();
        if (json.contains("scope_doc_id") && json["scope_doc_id"].is_string())
          query.scope_document_id = json["scope_doc_id"].get<std::string>();
        if (json.contains("history")) {
          StatusOr<std::vector<ConversationTurn>> history = HistoryFromJson(json["history"]);
          if (!history.ok()) return AtLine(file, number, history.status().message());
          query.history = *std::move(history);
        }
        set.queries.push_back(std::move(query));
        return OkStatus();
      });
}

Status LoadRelevance(const fs::path& file, EvalSet& set) {
  return EachLine(
      file, /*required=*/false, kRemedy, [&](const std::string& line, size_t number) -> Status {
        const size_t first = line.find('\t');
        const size_t second = first == std::string::npos ? first : line.find('\t', first + 1);
        if (second == std::string::npos)
          return AtLine(file, number, "expected query, document and grade, separated by tabs");
        int grade = 0;
        const char* begin = line.data() + second + 1;
        const auto parsed = std::from_chars(begin, line.data() + line.size(), grade);
        if (parsed.ec != std::errc()) {
          if (number == 1) return OkStatus();  // the header
          return AtLine(file, number, "the grade is not a whole number");
        }
        set.relevance[line.substr(0, first)][line.substr(first + 1, second - first - 1)] = grade;
        return OkStatus();
      });
}

Status LoadAnswers(const fs::path& file, EvalSet& set) {
  return EachLine(
      file, /*required=*/false, kRemedy, [&](const std::string& line, size_t number) -> Status {
        const nlohmann::json json = nlohmann::json::parse(line, nullptr, false);
        if (!json.is_object() || !json.contains("query_id") || !json["query_id"].is_string()) {
          return AtLine(file, number, "expected a JSON object with a text \"query_id\"");
        }
        if (json.contains("answerable") && json["answerable"].is_boolean()) {
          set.answerable[json["query_id"].get<std::string>()] = json["answerable"].get<bool>();
        }
        const auto id = json["query_id"].get<std::string>();
        if (json.contains("answers") && json["answers"].is_array()) {
          for (const auto& answer : json["answers"]) {
            if (answer.is_string()) set.answers[id].push_back(answer.get<std::string>());
          }
        }
        if (!json.contains("evidence") || !json["evidence"].is_array()) return OkStatus();
        for (const auto& item : json["evidence"]) {
          if (item.is_string()) {
            set.evidence_texts[id].push_back(item.get<std::string>());
            continue;
          }
          if (item.is_object() && item.contains("doc_id") && item["doc_id"].is_string() &&
              !item.contains("start")) {
            set.evidence_documents[id].push_back(item["doc_id"].get<std::string>());
          }
          if (!item.is_object() || !item.contains("start") || !item.contains("end") ||
              !item["start"].is_number_unsigned() || !item["end"].is_number_unsigned() ||
              !item.contains("doc_id")) {
            continue;
          }
          set.evidence[id].push_back({item["doc_id"].get<std::string>(),
                                      item["start"].get<uint64_t>(), item["end"].get<uint64_t>()});
        }
        return OkStatus();
      });
}

}  // namespace

StatusOr<EvalSet> LoadEvalSet(const fs::path& folder) {
  EvalSet set;
  set.folder = folder;
  std::error_code error;
  const fs::path absolute = fs::weakly_canonical(folder, error);
  set.name = (error ? folder : absolute).filename().string();
  if (!fs::is_regular_file(folder / "corpus.jsonl", error)) {
    return NotFoundError("there is no corpus.jsonl in " + folder.string() +
                         ": an evaluation set is a folder with corpus.jsonl and queries.jsonl");
  }
  FOOTNOTE_RETURN_IF_ERROR(LoadQueries(folder / "queries.jsonl", set));
  FOOTNOTE_RETURN_IF_ERROR(LoadRelevance(folder / "qrels.tsv", set));
  FOOTNOTE_RETURN_IF_ERROR(LoadAnswers(folder / "answers.jsonl", set));
  return set;
}

}  // namespace footnote::server
