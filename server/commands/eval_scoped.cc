// footnote eval retrieval --scoped: finding the place in a document that is known.

#include <iostream>
#include <utility>

#include "server/answer_json.h"
#include "server/commands/eval_corpus.h"
#include "server/commands/eval_retrieval.h"
#include "server/commands/options.h"
#include "server/commands/terminal.h"
#include "server/eval/bootstrap.h"
#include "server/eval/retrieval_eval.h"
#include "server/eval/retrieval_metrics.h"
#include "server/eval/sample.h"
#include "server/eval/scoped_score.h"

namespace footnote::server {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kScopedPassages = 5;

struct ScopedReport {
  std::string set;
  std::vector<double> recalls;
  std::vector<double> characters;
  std::vector<double> bytes;
  std::vector<double> times_ms;
};

StatusOr<ScopedReport> EvaluateScoped(const std::string& folder,
                                      const RetrievalEvalOptions& options,
                                      const retriever::Reranking& reranking,
                                      const CallContext& call) {
  FOOTNOTE_ASSIGN_OR_RETURN(const retriever::FusionKind fusion, ParseFusion(options.fusion));
  FOOTNOTE_ASSIGN_OR_RETURN(const uint32_t off, retriever::ParseAblations(options.off));
  FOOTNOTE_ASSIGN_OR_RETURN(const EvalSet set, LoadEvalSet(folder));
  FOOTNOTE_ASSIGN_OR_RETURN(
      const OpenCorpus corpus,
      OpenEvalCorpus(set, options.embedder, options.precision, call, reranking));
  const std::vector<const EvalQuery*> queries = ScopedSample(set, options.limit);
  ScopedReport report{
      .set = set.name, .recalls = {}, .characters = {}, .bytes = {}, .times_ms = {}};
  ProgressLine bar;
  for (const EvalQuery* query : queries) {
    FOOTNOTE_RETURN_IF_ERROR(call.Check());
    retriever::RetrievalRequest request = RequestFor(
        *query,
        {.depth = 1, .last_turn_only = options.last_turn_only, .diversity = options.diversity});
    request.top_k = kScopedPassages;
    request.scope_document_id = query->scope_document_id;
    request.off = off;
    request.fusion = fusion;
    FOOTNOTE_ASSIGN_OR_RETURN(const retriever::RetrievalResult found,
                              corpus.retriever->Retrieve(request, call));
    FOOTNOTE_ASSIGN_OR_RETURN(const retriever::Document document,
                              corpus.corpus->GetDocumentAsOwner(query->scope_document_id));
    const ScopedScore score = ScoreScoped(set.evidence.at(query->id), found.passages,
                                          query->scope_document_id, document.text);
    report.recalls.push_back(score.recall);
    report.characters.push_back(score.returned_characters);
    report.bytes.push_back(score.returned_bytes);
    report.times_ms.push_back(found.timings.total_ms);
    bar.Show(set.name,
             static_cast<double>(report.recalls.size()) / static_cast<double>(queries.size()),
             WithThousands(static_cast<int64_t>(report.recalls.size())) + " queries");
  }
  bar.Done();
  return report;
}

Json ToJson(const ScopedReport& report, uint64_t seed) {
  const Bootstrapped recall = BootstrapMean({report.recalls}, seed);
  return {{"set", report.set},
          {"queries", report.recalls.size()},
          {"evidence_recall@5", recall.mean},
          {"evidence_recall@5_interval", {recall.low, recall.high}},
          {"returned_characters", Mean(report.characters)},
          {"returned_bytes", Mean(report.bytes)},
          {"p50_ms", Percentile(report.times_ms, 0.5)},
          {"p95_ms", Percentile(report.times_ms, 0.95)}};
}

// The mean over sets of each figure.
Json MeanJson(const std::vector<ScopedReport>& reports, uint64_t seed) {
  std::vector<std::vector<double>> recalls;
  std::vector<double> characters;
  std::vector<double> bytes;
  size_t queries = 0;
  for (const ScopedReport& report : reports) {
    recalls.push_back(report.recalls);
    characters.push_back(Mean(report.characters));
    bytes.push_back(Mean(report.bytes));
    queries += report.recalls.size();
  }
  const Bootstrapped recall = BootstrapMean(recalls, seed);
  return {{"queries", queries},
          {"evidence_recall@5", recall.mean},
          {"evidence_recall@5_interval", {recall.low, recall.high}},
          {"returned_characters", Mean(characters)},
          {"returned_bytes", Mean(bytes)}};
}

std::string Number(double value, int digits) {
  char text[32];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

std::vector<std::string> Row(const std::string& name, const Json& figures) {
  auto number = [&](const char* key, int digits) {
    return figures.contains(key) ? Number(figures[key].get<double>(), digits) : std::string();
  };
  const Json& interval = figures["evidence_recall@5_interval"];
  return {name,
          std::to_string(figures["queries"].get<size_t>()),
          number("evidence_recall@5", 4),
          Number(interval[0].get<double>(), 3) + " - " + Number(interval[1].get<double>(), 3),
          number("returned_characters", 0),
          number("p50_ms", 1),
          number("p95_ms", 1)};
}

}  // namespace

Status RunScopedEval(const RetrievalEvalOptions& options, const retriever::Reranking& reranking) {
  const CallContext call = InterruptibleCall();
  std::vector<ScopedReport> reports;
  for (const std::string& folder : options.sets) {
    FOOTNOTE_ASSIGN_OR_RETURN(ScopedReport report,
                              EvaluateScoped(folder, options, reranking, call));
    reports.push_back(std::move(report));
  }
  Json sets = Json::array();
  std::vector<std::vector<std::string>> rows = {
      {"set", "queries", "evidence recall@5", "95 % interval", "characters", "p50 ms", "p95 ms"}};
  for (const ScopedReport& report : reports) {
    sets.push_back(ToJson(report, options.seed));
    rows.push_back(Row(report.set, sets.back()));
  }
  const Json mean = MeanJson(reports, options.seed);
  if (options.json) {
    std::cout << Dump(reports.size() == 1 ? sets[0] : Json{{"sets", sets}, {"mean", mean}}) << "\n";
    return OkStatus();
  }
  if (reports.size() > 1) rows.push_back(Row("mean", mean));
  std::cout << Table(rows);
  return OkStatus();
}

}  // namespace footnote::server
