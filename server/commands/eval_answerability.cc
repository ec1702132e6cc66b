// footnote eval answerability: gate 1 alone. Does it tell questions that the documents answer from
// those that they do not? Nothing is generated.
#include "server/commands/eval_answerability.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <optional>

#include "server/answer_json.h"
#include "server/answer_service.h"
#include "server/commands/embed_options.h"
#include "server/commands/eval_corpus.h"
#include "server/commands/options.h"
#include "server/commands/set_files.h"
#include "server/commands/terminal.h"
#include "server/eval/auroc.h"
#include "server/eval/eval_set.h"
#include "server/eval/retrieval_metrics.h"
#include "server/eval/sample.h"

namespace footnote::server {
namespace {

using Json = nlohmann::ordered_json;

// The point of the curve that a table can show: four of five answerable questions are kept.
constexpr double kKept = 0.8;

struct Options {
  std::vector<std::string> sets;
  int limit = 0;
  std::string out_file;
  std::string against;
  std::string embedder;
  std::string precision = kAutoPrecision;
  uint64_t seed = 1;
  bool json = false;
};

// Ways of scoring a question in a report.
constexpr size_t kOurs = 0;
constexpr size_t kOther = 1;

struct Report {
  std::string set;
  std::vector<JudgedScores> questions;  // `supported`: the documents answer; scores by way
  bool compared = false;

  size_t answerable() const {
    return static_cast<size_t>(std::count_if(questions.begin(), questions.end(),
                                             [](const auto& q) { return q.supported; }));
  }
};

// JSON lines {"query_id", "score"}: another gate's scores.
StatusOr<std::map<std::string, double>> ReadScores(const std::string& file) {
  std::ifstream in(file);
  if (!in) return NotFoundError("cannot read " + file + ": lines {\"query_id\", \"score\"}");
  std::map<std::string, double> scores;
  size_t number = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    const Json json = Json::parse(line, nullptr, false);
    if (!json.is_object() || !json.contains("query_id") || !json["query_id"].is_string() ||
        !json.contains("score") || !json["score"].is_number()) {
      return InvalidArgumentError(file + ", line " + std::to_string(number) +
                                  ": expected an object with a text \"query_id\" and a number "
                                  "\"score\"");
    }
    scores[json["query_id"].get<std::string>()] = json["score"].get<double>();
  }
  return scores;
}

Json LineOf(const EvalQuery& query, bool answerable, const AnswerService::Assessment& found) {
  Json features = Json::object();
  for (const auto& [name, value] : found.features.Named()) features[std::string(name)] = value;
  Json passages = Json::array();
  for (const Passage& passage : found.passages) {
    passages.push_back({{"document_id", passage.document_id},
                        {"start_byte", passage.span.start},
                        {"end_byte", passage.span.end},
                        {"score", passage.score},
                        {"dense_score", passage.dense_score},
                        {"sentence_score", passage.sentence_score},
                        {"lexical_score", passage.lexical_score}});
  }
  return {{"query_id", query.id},
          {"answerable", answerable},
          {"answerability", found.answerability},
          {"asked", found.asked},
          {"features", std::move(features)},
          {"passages", std::move(passages)}};
}

StatusOr<Report> EvaluateSet(const std::string& folder, const Options& options,
                             const CallContext& call) {
  FOOTNOTE_ASSIGN_OR_RETURN(const EvalSet set, LoadEvalSet(folder));
  const std::vector<const EvalQuery*> queries = AnswerabilitySample(set, options.limit);
  if (queries.empty()) {
    return InvalidArgumentError(folder +
                                "/answers.jsonl: no question says whether it is \"answerable\"");
  }
  std::optional<std::map<std::string, double>> against;
  if (!options.against.empty()) {
    FOOTNOTE_ASSIGN_OR_RETURN(against, ReadScores(FileFor(options.against, kSetMark, set.name)));
  }
  FOOTNOTE_ASSIGN_OR_RETURN(const OpenCorpus corpus,
                            OpenEvalCorpus(set, options.embedder, options.precision, call));
  std::ofstream out;
  if (!options.out_file.empty()) {
    out.open(FileFor(options.out_file, kSetMark, set.name), std::ios::trunc);
    if (!out)
      return InvalidArgumentError("cannot write " + FileFor(options.out_file, kSetMark, set.name));
  }
  const AnswerService service(corpus.retriever.get(), nullptr, corpus.embedder.embedder.get(), {},
                              {});
  Report report{.set = set.name, .questions = {}, .compared = against.has_value()};
  ProgressLine bar;
  for (const EvalQuery* query : queries) {
    FOOTNOTE_RETURN_IF_ERROR(call.Check());
    AnswerRequest request;
    request.question = query->text;
    request.history = query->history;
    request.scope_document_id = query->scope_document_id;
    FOOTNOTE_ASSIGN_OR_RETURN(const AnswerService::Assessment found, service.Assess(request, call));
    const bool answerable = set.answerable.at(query->id);
    // Questions about one document are alike.
    JudgedScores& judged = report.questions.emplace_back();
    judged.group = query->scope_document_id.empty() ? query->id : query->scope_document_id;
    judged.supported = answerable;
    judged.scores = {found.answerability};
    if (against) {
      const auto score = against->find(query->id);
      if (score == against->end()) {
        return InvalidArgumentError(FileFor(options.against, kSetMark, set.name) +
                                    " has no score for the question " + query->id);
      }
      judged.scores.push_back(score->second);
    }
    if (out.is_open()) out << Dump(LineOf(*query, answerable, found)) << "\n";
    bar.Show(set.name,
             static_cast<double>(report.questions.size()) / static_cast<double>(queries.size()),
             WithThousands(static_cast<int64_t>(report.questions.size())) + " questions");
  }
  bar.Done();
  if (out.is_open() && !out.flush()) {
    return ResourceExhaustedError("the features could not be written to " +
                                  FileFor(options.out_file, kSetMark, set.name) +
                                  ": is the disk full?");
  }
  return report;
}

// Of one class, the share that a threshold lets pass.
double Passing(const Report& report, bool answerable, double threshold) {
  size_t all = 0;
  size_t pass = 0;
  for (const JudgedScores& question : report.questions) {
    if (question.supported != answerable) continue;
    ++all;
    pass += question.scores[kOurs] >= threshold ? 1 : 0;
  }
  return all == 0 ? 0 : static_cast<double>(pass) / static_cast<double>(all);
}

// Of the unanswerable, the share below the highest threshold that keeps `kept` of the answerable.
double RefusedWhereKept(const Report& report, double kept) {
  std::vector<double> answerable;
  for (const JudgedScores& question : report.questions) {
    if (question.supported) answerable.push_back(question.scores[kOurs]);
  }
  std::sort(answerable.begin(), answerable.end(), std::greater<>());
  const auto count =
      static_cast<size_t>(std::ceil(kept * static_cast<double>(answerable.size()) - 1e-9));
  return 1 - Passing(report, false, answerable[std::max<size_t>(count, 1) - 1]);
}

Json ToJson(const Report& report, uint64_t seed) {
  const size_t questions = report.questions.size();
  Json json = {{"set", report.set},
               {"questions", questions},
               {"unanswerable", questions - report.answerable()}};
  if (report.answerable() != questions && report.answerable() != 0) {
    const AurocFigures figures = BootstrapAuroc(report.questions, seed);
    const Bootstrapped& area = figures.ways[kOurs];
    json["auroc"] = area.mean;
    json["auroc_interval"] = {area.low, area.high};
    json["refused_where_80_kept"] = RefusedWhereKept(report, kKept);
    if (report.compared) {
      const Bootstrapped& difference = figures.first_less[kOther];
      json["against"] = figures.ways[kOther].mean;
      json["difference"] = difference.mean;
      json["difference_interval"] = {difference.low, difference.high};
      json["difference_p"] = difference.p;
    }
  }
  for (const RiskSetting risk :
       {RiskSetting::kStrict, RiskSetting::kBalanced, RiskSetting::kOpen}) {
    const double threshold = generator::ThresholdsFor(risk).answerability;
    json["passing"][RiskSettingName(risk)] = {{"answerable", Passing(report, true, threshold)},
                                              {"unanswerable", Passing(report, false, threshold)}};
  }
  return json;
}

std::string Number(const Json& json, const char* key) {
  if (!json.contains(key)) return "";
  char text[32];
  std::snprintf(text, sizeof text, "%.3f", json[key].get<double>());
  return text;
}

std::string Interval(const Json& json, const char* key) {
  if (!json.contains(key)) return "";
  char text[64];
  std::snprintf(text, sizeof text, "%.3f - %.3f", json[key][0].get<double>(),
                json[key][1].get<double>());
  return text;
}

std::vector<std::string> Row(const Json& json) {
  std::vector<std::string> row = {json["set"],
                                  std::to_string(json["questions"].get<size_t>()),
                                  std::to_string(json["unanswerable"].get<size_t>()),
                                  Number(json, "auroc"),
                                  Interval(json, "auroc_interval"),
                                  Number(json, "against"),
                                  Interval(json, "difference_interval"),
                                  Number(json, "refused_where_80_kept")};
  const Json& balanced = json["passing"][RiskSettingName(RiskSetting::kBalanced)];
  row.push_back(Number(balanced, "answerable"));
  row.push_back(Number(balanced, "unanswerable"));
  return row;
}

Status RunAnswerability(const Options& options) {
  FOOTNOTE_RETURN_IF_ERROR(
      CheckMark("--out", options.out_file, kSetMark, "sets", options.sets.size()));
  FOOTNOTE_RETURN_IF_ERROR(
      CheckMark("--against", options.against, kSetMark, "sets", options.sets.size()));
  const CallContext call = InterruptibleCall();
  Json sets = Json::array();
  std::vector<std::vector<std::string>> rows = {
      {"set", "questions", "unanswerable", "AUROC", "95 % interval", "against", "difference",
       "refused at 80 % kept", "pass (answerable)", "pass (not)"}};
  double sum = 0;
  double sum_against = 0;
  size_t counted = 0;
  for (const std::string& folder : options.sets) {
    FOOTNOTE_ASSIGN_OR_RETURN(const Report report, EvaluateSet(folder, options, call));
    sets.push_back(ToJson(report, options.seed));
    rows.push_back(Row(sets.back()));
    if (!sets.back().contains("auroc")) continue;
    sum += sets.back()["auroc"].get<double>();
    sum_against += sets.back().value("against", 0.0);
    ++counted;
  }
  Json mean = Json::object();
  if (counted > 0) {
    mean["auroc"] = sum / static_cast<double>(counted);
    if (!options.against.empty()) mean["against"] = sum_against / static_cast<double>(counted);
  }
  if (options.json) {
    std::cout << Dump(Json{{"sets", sets}, {"mean", mean}}) << "\n";
    return OkStatus();
  }
  if (counted > 1) {
    rows.push_back(
        {"mean", "", "", Number(mean, "auroc"), "", Number(mean, "against"), "", "", "", ""});
  }
  std::cout << Table(rows);
  return OkStatus();
}

}  // namespace

void AddAnswerabilityEval(CLI::App& eval, CommandResult& result) {
  auto options = std::make_shared<Options>();
  CLI::App* command = eval.add_subcommand(
      "answerability", "Gate 1: does it tell what the documents answer from what they do not?");
  command
      ->add_option("set", options->sets, "Folders with corpus.jsonl, queries.jsonl, answers.jsonl")
      ->required();
  command
      ->add_option("--limit", options->limit,
                   "Only the first N questions, in the order of the MD5 of their ids")
      ->check(CLI::Range(0, 1000000));
  command->add_option("--out", options->out_file,
                      "JSON lines: each question's features and passages; {set} in the name "
                      "stands for the set");
  command->add_option("--against", options->against,
                      "JSON lines {\"query_id\", \"score\"} of another gate ({set} as above): "
                      "difference of the areas, paired bootstrap");
  command->add_option("--embedder", options->embedder, "Folder of the embedding model");
  AddPrecision(*command, options->precision);
  command->add_option("--seed", options->seed, "Of the bootstrap")->capture_default_str();
  command->add_flag("--json", options->json, "Print one JSON document");
  command->callback([options, &result] { result.status = RunAnswerability(*options); });
}

}  // namespace footnote::server
