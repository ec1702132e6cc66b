#include "server/commands/eval_answers.h"

#include <algorithm>
#include <fstream>
#include <iostream>

#include "server/answer_json.h"
#include "server/commands/embed_options.h"
#include "server/commands/eval_corpus.h"
#include "server/commands/options.h"
#include "server/commands/terminal.h"
#include "server/eval/eval_set.h"
#include "server/stack.h"

namespace footnote::server {
namespace {

using Json = nlohmann::ordered_json;

struct Options {
  std::string set;
  std::string out_file;
  int limit = 0;
  std::string mode = "grounded";
  std::string generator;
  std::string embedder;
  std::string precision = kAutoPrecision;
  std::string risk = "balanced";
};

StatusOr<AnswerMode> ParseMode(const std::string& name) {
  if (name == "grounded") return AnswerMode::kGrounded;
  if (name == "plain") return AnswerMode::kPlain;
  if (name == "closed-book") return AnswerMode::kClosedBook;
  return InvalidArgumentError("the mode \"" + name +
                              "\" is not known: use grounded, plain or closed-book");
}

Status RunAnswers(const Options& options) {
  const CallContext call = InterruptibleCall();
  FOOTNOTE_ASSIGN_OR_RETURN(const EvalSet set, LoadEvalSet(options.set));
  FOOTNOTE_ASSIGN_OR_RETURN(const AnswerMode mode, ParseMode(options.mode));
  FOOTNOTE_ASSIGN_OR_RETURN(const RiskSetting risk, ParseRisk(options.risk));
  FOOTNOTE_ASSIGN_OR_RETURN(const OpenCorpus corpus,
                            OpenEvalCorpus(set, options.embedder, options.precision, call));
  FOOTNOTE_ASSIGN_OR_RETURN(const LoadedGenerator generator, LoadGenerator(options.generator, {}));
  AnswerService service(
      corpus.retriever.get(), generator.generator.get(), corpus.embedder.embedder.get(),
      IdentityOf(corpus.corpus->Info().name, generator, *corpus.embedder.embedder, nullptr), {});
  std::ofstream file;
  if (!options.out_file.empty()) {
    file.open(options.out_file, std::ios::trunc);
    if (!file) return InvalidArgumentError("cannot write " + options.out_file);
  }
  std::ostream& out = options.out_file.empty() ? std::cout : file;
  ProgressLine bar;
  const size_t total =
      options.limit > 0 ? std::min<size_t>(set.queries.size(), static_cast<size_t>(options.limit))
                        : set.queries.size();
  size_t abstained = 0;
  for (size_t i = 0; i < total; ++i) {
    const EvalQuery& query = set.queries[i];
    AnswerRequest request;
    request.question = query.text;
    request.history = query.history;
    request.scope_document_id = query.scope_document_id;
    request.risk = risk;
    request.mode = mode;
    FOOTNOTE_ASSIGN_OR_RETURN(const Answer answer, service.Ask(request, call, nullptr));
    abstained += answer.abstained ? 1 : 0;
    Json line = {{"query_id", query.id}};
    line.update(ToJson(answer));
    out << Dump(line) << "\n" << std::flush;
    if (!out) return ResourceExhaustedError("the answers could not be written: is the disk full?");
    bar.Show(set.name, static_cast<double>(i + 1) / static_cast<double>(total),
             std::to_string(i + 1) + " questions, " + std::to_string(abstained) + " abstained");
  }
  bar.Done();
  std::cerr << set.name << ": " << total << " questions, " << abstained << " abstained\n";
  return OkStatus();
}

}  // namespace

void AddAnswersEval(CLI::App& eval, CommandResult& result) {
  auto options = std::make_shared<Options>();
  CLI::App* command = eval.add_subcommand("answers", "Answer every question: one JSON line each");
  command->add_option("set", options->set, "Folder with corpus.jsonl, queries.jsonl, answers.jsonl")
      ->required();
  command->add_option("--limit", options->limit, "Only the first N questions of the file")
      ->check(CLI::Range(0, 1000000));
  command->add_option("--out", options->out_file, "File for the lines (default: stdout)");
  command->add_option("--mode", options->mode, "grounded, plain or closed-book")
      ->capture_default_str();
  command->add_option("--risk", options->risk, "strict, balanced or open")->capture_default_str();
  command->add_option("--generator", options->generator, "Model file or folder");
  command->add_option("--embedder", options->embedder, "Folder of the embedding model");
  AddPrecision(*command, options->precision);
  command->callback([options, &result] { result.status = RunAnswers(*options); });
}

}  // namespace footnote::server
