#include "server/commands/eval_retrieval.h"

#include <iostream>
#include <memory>
#include <optional>
#include <utility>

#include "server/answer_json.h"
#include "server/commands/eval_corpus.h"
#include "server/commands/eval_report.h"
#include "server/commands/options.h"
#include "server/commands/set_files.h"
#include "server/commands/terminal.h"
#include "server/eval/eval_set.h"
#include "server/eval/run_file.h"
#include "server/eval/sample.h"
#include "server/eval/stage_switches.h"

namespace footnote::server {
namespace {

// Several sets need several files.
Status CheckFiles(const RetrievalEvalOptions& options) {
  FOOTNOTE_RETURN_IF_ERROR(
      CheckMark("--run", options.run_file, kSetMark, "sets", options.sets.size()));
  return CheckMark("--against", options.against, kSetMark, "sets", options.sets.size());
}

std::vector<RetrievalSetting> Settings(const RetrievalEvalOptions& options,
                                       retriever::FusionKind fusion) {
  std::vector<RetrievalSetting> settings = {
      {"", [fusion](retriever::RetrievalRequest& request) { request.fusion = fusion; }}};
  if (!options.ablate) return settings;
  for (const StageSwitch& stage : kStageSwitches) {
    if (stage.name == kRerankerSwitch && options.rerank.reranker.empty()) continue;
    settings.push_back(
        {std::string(stage.name), [fusion, &stage](retriever::RetrievalRequest& request) {
           request.fusion = fusion;
           stage.turn_off(request);
         }});
  }
  return settings;
}

StatusOr<SetReport> EvaluateSet(const std::string& folder, const RetrievalEvalOptions& options,
                                const retriever::Reranking& reranking, const CallContext& call) {
  FOOTNOTE_ASSIGN_OR_RETURN(const retriever::FusionKind fusion, ParseFusion(options.fusion));
  FOOTNOTE_ASSIGN_OR_RETURN(const uint32_t off, retriever::ParseAblations(options.off));
  FOOTNOTE_ASSIGN_OR_RETURN(const EvalSet set, LoadEvalSet(folder));
  std::optional<Rankings> against;
  if (!options.against.empty()) {
    FOOTNOTE_ASSIGN_OR_RETURN(against, ReadRun(FileFor(options.against, kSetMark, set.name)));
  }
  FOOTNOTE_ASSIGN_OR_RETURN(
      const OpenCorpus corpus,
      OpenEvalCorpus(set, options.embedder, options.precision, call, reranking));
  std::optional<RunWriter> writer;
  if (!options.run_file.empty()) {
    FOOTNOTE_ASSIGN_OR_RETURN(writer,
                              RunWriter::Create(FileFor(options.run_file, kSetMark, set.name)));
  }
  const std::vector<const EvalQuery*> queries = RetrievalSample(set, options.limit);
  const retriever::CorpusInfo info = corpus.corpus->Info();
  SetReport report{.set = set.name,
                   .documents = info.documents,
                   .chunks = info.chunks,
                   .embedder = info.embedder_name,
                   .settings = Settings(options, fusion),
                   .figures = {},
                   .against = {}};
  ProgressLine bar;
  const auto ranked = [&](const EvalQuery& query, const std::vector<RankedDocument>& ranking,
                          size_t done) {
    if (writer) writer->Add(query.id, ranking);
    bar.Show(set.name, static_cast<double>(done) / static_cast<double>(queries.size()),
             WithThousands(static_cast<int64_t>(done)) + " queries");
  };
  const RetrievalPlan plan{.depth = options.depth,
                           .last_turn_only = options.last_turn_only,
                           .off = off,
                           .diversity = options.diversity};
  FOOTNOTE_ASSIGN_OR_RETURN(report.figures, EvaluateRetrieval(*corpus.retriever, set, queries, plan,
                                                              report.settings, ranked, call));
  bar.Done();
  if (writer) FOOTNOTE_RETURN_IF_ERROR(writer->Close());
  if (against) {
    report.against = ShareQuestions(set, report.figures[0], *against);
    if (report.against->ours.empty()) {
      return InvalidArgumentError("the run " + FileFor(options.against, kSetMark, set.name) +
                                  " holds none of the questions of " + set.name +
                                  ": is it of another set?");
    }
  }
  return report;
}

Status RunRetrievalEval(const RetrievalEvalOptions& options) {
  FOOTNOTE_RETURN_IF_ERROR(CheckFiles(options));
  FOOTNOTE_ASSIGN_OR_RETURN(const LoadedReranker reranker, options.rerank.Load(nullptr));
  const retriever::Reranking reranking = options.rerank.With(reranker);
  if (options.scoped) return RunScopedEval(options, reranking);
  const CallContext call = InterruptibleCall();
  std::vector<SetReport> reports;
  for (const std::string& folder : options.sets) {
    FOOTNOTE_ASSIGN_OR_RETURN(SetReport report, EvaluateSet(folder, options, reranking, call));
    reports.push_back(std::move(report));
  }
  std::cout << (options.json ? Dump(ReportJson(reports, options)) + "\n"
                             : ReportTables(reports, options));
  return OkStatus();
}

}  // namespace

void AddRetrievalEval(CLI::App& eval, CommandResult& result) {
  auto options = std::make_shared<RetrievalEvalOptions>();
  CLI::App* command =
      eval.add_subcommand("retrieval", "Rank documents: nDCG, recall, MRR, with intervals; times");
  command
      ->add_option("set", options->sets,
                   "Folders with corpus.jsonl, queries.jsonl, qrels.tsv, answers.jsonl")
      ->required();
  command
      ->add_option("--limit", options->limit,
                   "Only the first N questions with a relevant document (--scoped: with evidence), "
                   "in the order of the MD5 of their ids (default: all, in the file's order)")
      ->check(CLI::Range(0, 1000000));
  command->add_option("--run", options->run_file,
                      "Write a TREC run file; {set} in its name stands for the set");
  CLI::Option* against = command->add_option(
      "--against", options->against,
      "A TREC run file ({set} as above): difference in nDCG@10, paired bootstrap");
  command->add_option("--depth", options->depth, "Documents per query")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  CLI::Option* scoped = command->add_flag(
      "--scoped", options->scoped,
      "Ask each query within its scope_doc_id: recall of the evidence's characters at 5 passages");
  command->add_flag("--ablate", options->ablate, "Turn off one stage at a time")->excludes(scoped);
  against->excludes(scoped);
  command->add_flag("--last-turn-only", options->last_turn_only,
                    "Ask the question without the conversation before it");
  command->add_option("--fusion", options->fusion, "calibrated, rrf, dense or lexical")
      ->capture_default_str();
  command->add_option(
      "--off", options->off,
      "Leave out parts of retrieval, parted by commas: bm25f, phrases, sentences …");
  command->add_option("--embedder", options->embedder, "Folder of the embedding model");
  AddPrecision(*command, options->precision);
  command
      ->add_option("--diversity", options->diversity,
                   "How much being unlike the passages before it counts for a passage: 0 to 1")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  options->rerank.AddWithGeneratorTo(*command);
  command->add_option("--seed", options->seed, "Of the bootstrap")->capture_default_str();
  command->add_flag("--json", options->json, "Print one JSON document");
  command->callback([options, &result] { result.status = RunRetrievalEval(*options); });
}

}  // namespace footnote::server
