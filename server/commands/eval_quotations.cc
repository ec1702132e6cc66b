// footnote eval quotations: do the spans that are quoted lie on the evidence? Nothing is generated.
#include "server/commands/eval_quotations.h"

#include <fstream>
#include <iostream>
#include <optional>
#include <set>

#include "generator/grounding.h"
#include "server/answer_json.h"
#include "server/answer_service.h"
#include "server/commands/embed_options.h"
#include "server/commands/eval_corpus.h"
#include "server/commands/options.h"
#include "server/commands/set_files.h"
#include "server/commands/terminal.h"
#include "server/eval/eval_set.h"
#include "server/eval/gold_answer.h"
#include "server/eval/sample.h"

namespace footnote::server {
namespace {

using Json = nlohmann::ordered_json;
using generator::QuotationCandidate;
using generator::Support;
using generator::SupportScorer;

// Quotations that a report counts.
constexpr size_t kMostQuoted = 3;

struct Options {
  std::vector<std::string> sets;
  int limit = 0;
  int candidates = 40;
  std::string out_file;
  std::string embedder;
  std::string precision = kAutoPrecision;
  bool json = false;
};

struct Report {
  std::string set;
  size_t questions = 0;  // with evidence
  size_t retrieved = 0;  // a passage holds some of it
  size_t pieces = 0;     // of evidence, of those questions
  // Of these, by the first, two first and three first quotations.
  size_t quoted[kMostQuoted] = {};
  size_t right[kMostQuoted] = {};
  size_t touched[kMostQuoted] = {};
};

bool IsRetrieved(const std::vector<Passage>& passages, const GoldAnswer& gold) {
  for (const Passage& passage : passages) {
    if (!JudgeQuotation(passage.document_id, passage.span, gold).touched.empty()) return true;
  }
  return false;
}

void Count(const std::vector<Support>& quotations, const std::vector<Passage>& passages,
           const GoldAnswer& gold, Report& report) {
  ++report.retrieved;
  for (const auto& [document, pieces] : gold.evidence) report.pieces += pieces.size();
  std::set<std::pair<std::string, size_t>> touched;
  size_t right = 0;
  for (size_t i = 0; i < kMostQuoted; ++i) {
    if (i < quotations.size()) {
      const std::string& document =
          passages[static_cast<size_t>(quotations[i].passage)].document_id;
      const OnEvidence judged = JudgeQuotation(document, quotations[i].span, gold);
      if (judged.right) {
        ++right;
        for (const size_t piece : judged.touched) touched.emplace(document, piece);
      }
    }
    report.quoted[i] += std::min(i + 1, quotations.size());
    report.right[i] += right;
    report.touched[i] += touched.size();
  }
}

Json LineOf(const EvalQuery& query, const AnswerService::Assessment& found,
            const std::vector<QuotationCandidate>& candidates, const GoldAnswer& gold) {
  size_t pieces = 0;
  for (const auto& [document, spans] : gold.evidence) pieces += spans.size();
  Json line = {{"query_id", query.id},
               {"asked", found.asked},
               {"evidence", pieces},
               {"retrieved", IsRetrieved(found.passages, gold)}};
  Json spans = Json::array();
  for (const QuotationCandidate& candidate : candidates) {
    const Passage& passage = found.passages[static_cast<size_t>(candidate.passage)];
    const OnEvidence judged = JudgeQuotation(passage.document_id, candidate.span, gold);
    Json features = Json::object();
    for (const auto& [name, value] : candidate.features) features[std::string(name)] = value;
    spans.push_back({{"document_id", passage.document_id},
                     {"start_byte", candidate.span.start},
                     {"end_byte", candidate.span.end},
                     {"score", candidate.score},
                     {"right", judged.right},
                     {"touched", judged.touched},
                     {"features", std::move(features)}});
  }
  line["spans"] = std::move(spans);
  return line;
}

StatusOr<Report> EvaluateSet(const std::string& folder, const Options& options,
                             const CallContext& call) {
  FOOTNOTE_ASSIGN_OR_RETURN(const EvalSet set, LoadEvalSet(folder));
  const std::vector<const EvalQuery*> queries = EvidenceSample(set, options.limit);
  if (queries.empty()) {
    return InvalidArgumentError(folder +
                                "/answers.jsonl: no question has \"evidence\" with a place in it");
  }
  FOOTNOTE_ASSIGN_OR_RETURN(const OpenCorpus corpus,
                            OpenEvalCorpus(set, options.embedder, options.precision, call));
  const std::string out_name = FileFor(options.out_file, kSetMark, set.name);
  std::ofstream out;
  if (!options.out_file.empty()) {
    out.open(out_name, std::ios::trunc);
    if (!out) return InvalidArgumentError("cannot write " + out_name);
  }
  const Embedder* embedder = corpus.embedder.embedder.get();
  const AnswerService service(corpus.retriever.get(), nullptr, embedder, {}, {});
  Report report;
  report.set = set.name;
  ProgressLine bar;
  for (const EvalQuery* query : queries) {
    FOOTNOTE_RETURN_IF_ERROR(call.Check());
    AnswerRequest request;
    request.question = query->text;
    request.history = query->history;
    request.scope_document_id = query->scope_document_id;
    FOOTNOTE_ASSIGN_OR_RETURN(const AnswerService::Assessment found, service.Assess(request, call));
    FOOTNOTE_ASSIGN_OR_RETURN(const GoldAnswer gold,
                              ReadGoldAnswer(set, query->id, *corpus.corpus));
    FOOTNOTE_ASSIGN_OR_RETURN(const SupportScorer scorer,
                              SupportScorer::Create(embedder, found.passages, call));
    ++report.questions;
    if (IsRetrieved(found.passages, gold)) {
      FOOTNOTE_ASSIGN_OR_RETURN(
          const std::vector<Support> quotations,
          scorer.BestQuotations(found.asked, static_cast<int>(kMostQuoted), call));
      Count(quotations, found.passages, gold, report);
    }
    if (out.is_open()) {
      FOOTNOTE_ASSIGN_OR_RETURN(const std::vector<QuotationCandidate> candidates,
                                scorer.QuotationCandidates(found.asked, options.candidates, call));
      out << Dump(LineOf(*query, found, candidates, gold)) << "\n";
    }
    bar.Show(set.name, static_cast<double>(report.questions) / static_cast<double>(queries.size()),
             WithThousands(static_cast<int64_t>(report.questions)) + " questions");
  }
  bar.Done();
  if (out.is_open() && !out.flush()) {
    return ResourceExhaustedError("the features could not be written to " + out_name +
                                  ": is the disk full?");
  }
  return report;
}

Json Ratio(size_t part, size_t whole) {
  if (whole == 0) return nullptr;  // nothing to divide
  return static_cast<double>(part) / static_cast<double>(whole);
}

Json ToJson(const Report& report) {
  Json json = {{"set", report.set},
               {"questions", report.questions},
               {"evidence_retrieved", report.retrieved}};
  json["precision"] = Json::array();
  json["recall"] = Json::array();
  for (size_t i = 0; i < kMostQuoted; ++i) {
    json["precision"].push_back(Ratio(report.right[i], report.quoted[i]));
    json["recall"].push_back(Ratio(report.touched[i], report.pieces));
  }
  return json;
}

std::string Cell(const Json& value) {
  if (value.is_null()) return "-";
  char text[32];
  std::snprintf(text, sizeof text, "%.3f", value.get<double>());
  return text;
}

Status RunQuotations(const Options& options) {
  FOOTNOTE_RETURN_IF_ERROR(
      CheckMark("--out", options.out_file, kSetMark, "sets", options.sets.size()));
  const CallContext call = InterruptibleCall();
  Json sets = Json::array();
  std::vector<std::vector<std::string>> rows = {{"set", "questions", "evidence retrieved",
                                                 "precision of 1", "of 2", "of 3", "recall by 1",
                                                 "by 2", "by 3"}};
  for (const std::string& folder : options.sets) {
    FOOTNOTE_ASSIGN_OR_RETURN(const Report report, EvaluateSet(folder, options, call));
    sets.push_back(ToJson(report));
    std::vector<std::string>& row = rows.emplace_back();
    row = {report.set, std::to_string(report.questions), std::to_string(report.retrieved)};
    for (const char* figure : {"precision", "recall"}) {
      for (const Json& value : sets.back()[figure]) row.push_back(Cell(value));
    }
  }
  if (options.json) {
    std::cout << Dump(Json{{"sets", sets}}) << "\n";
  } else {
    std::cout << Table(rows);
  }
  return OkStatus();
}

}  // namespace

void AddQuotationsEval(CLI::App& eval, CommandResult& result) {
  auto options = std::make_shared<Options>();
  CLI::App* command = eval.add_subcommand(
      "quotations", "Do the spans that are quoted lie on the evidence? Nothing is generated");
  command
      ->add_option("set", options->sets, "Folders with corpus.jsonl, queries.jsonl, answers.jsonl")
      ->required();
  command
      ->add_option("--limit", options->limit,
                   "Only the first N questions with evidence, in the order of the MD5 of their ids")
      ->check(CLI::Range(0, 1000000));
  command->add_option("--out", options->out_file,
                      "JSON lines: each question's spans with their features, for "
                      "tools/grounding/fit_quotations.py; {set} in the name stands for the set");
  command
      ->add_option("--candidates", options->candidates,
                   "Spans of a question that are written, those that look best by their words")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  command->add_option("--embedder", options->embedder, "Folder of the embedding model");
  AddPrecision(*command, options->precision);
  command->add_flag("--json", options->json, "Print one JSON document");
  command->callback([options, &result] { result.status = RunQuotations(*options); });
}

}  // namespace footnote::server
