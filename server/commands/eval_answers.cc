// footnote eval answers: what comes of a set's questions, and how good it is.
#include "server/commands/eval_answers.h"

#include <atomic>
#include <fstream>
#include <functional>
#include <iostream>
#include <mutex>
#include <optional>
#include <thread>

#include "server/answer_json.h"
#include "server/commands/answers_report.h"
#include "server/commands/embed_options.h"
#include "server/commands/eval_corpus.h"
#include "server/commands/options.h"
#include "server/commands/set_files.h"
#include "server/commands/terminal.h"
#include "server/eval/eval_set.h"
#include "server/eval/gold_answer.h"
#include "server/eval/sample.h"
#include "server/stack.h"

namespace footnote::server {
namespace {

using Json = nlohmann::ordered_json;

struct Options {
  std::vector<std::string> sets;
  std::string out_file;
  int limit = 0;
  std::string modes = "grounded";
  std::string generator;
  std::string chat_template;
  std::string embedder;
  std::string precision = kAutoPrecision;
  std::string risk = "balanced";
  int parallel = 4;
  uint64_t seed = 1;
  bool json = false;
};

StatusOr<std::vector<AnswerMode>> ParseModes(const std::string& names) {
  std::vector<AnswerMode> modes;
  for (size_t start = 0; start <= names.size();) {
    const size_t comma = std::min(names.find(',', start), names.size());
    const std::string name = names.substr(start, comma - start);
    std::optional<AnswerMode> known;
    for (const AnswerMode mode :
         {AnswerMode::kGrounded, AnswerMode::kPlain, AnswerMode::kClosedBook}) {
      if (name == AnswerModeName(mode)) known = mode;
    }
    if (!known) {
      return InvalidArgumentError("the mode \"" + name +
                                  "\" is not known: use grounded, plain or closed-book, or several "
                                  "with commas between them");
    }
    modes.push_back(*known);
    start = comma + 1;
  }
  return modes;
}

// Asks all questions, several at a time, and hands the answers over in order.
Status AskAll(AnswerService& service, const std::vector<AnswerRequest>& requests, int parallel,
              const std::function<Status(size_t, const Answer&)>& take, const CallContext& call) {
  std::mutex mutex;
  std::vector<std::optional<Answer>> waiting(requests.size());
  size_t next_out = 0;
  Status failed;
  std::atomic<size_t> next = 0;
  const auto work = [&] {
    for (size_t i = next++; i < requests.size(); i = next++) {
      {
        const std::lock_guard lock(mutex);
        if (!failed.ok()) return;
      }
      StatusOr<Answer> answer = service.Ask(requests[i], call, nullptr);
      const std::lock_guard lock(mutex);
      if (!answer.ok()) {
        if (failed.ok()) failed = answer.status();
        return;
      }
      waiting[i] = *std::move(answer);
      while (failed.ok() && next_out < waiting.size() && waiting[next_out]) {
        failed = take(next_out, *waiting[next_out]);
        waiting[next_out++].reset();
      }
    }
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < parallel; ++i) threads.emplace_back(work);
  for (std::thread& thread : threads) thread.join();
  return failed;
}

// Quotes that are not the document's bytes: there must be none.
StatusOr<int> InexactQuotes(const Answer& answer, retriever::Corpus& corpus) {
  int wrong = 0;
  for (const Citation& citation : answer.citations) {
    FOOTNOTE_ASSIGN_OR_RETURN(const retriever::Document document,
                              corpus.GetDocumentAsOwner(citation.document_id));
    const ByteSpan& span = citation.span;
    wrong += span.end > document.text.size() ||
                     document.text.compare(span.start, span.size(), citation.quote) != 0
                 ? 1
                 : 0;
  }
  return wrong;
}

Status RunAnswers(const Options& options) {
  const CallContext call = InterruptibleCall();
  FOOTNOTE_ASSIGN_OR_RETURN(const std::vector<AnswerMode> modes, ParseModes(options.modes));
  FOOTNOTE_RETURN_IF_ERROR(
      CheckMark("--out", options.out_file, kSetMark, "sets", options.sets.size()));
  FOOTNOTE_RETURN_IF_ERROR(CheckMark("--out", options.out_file, kModeMark, "modes", modes.size()));
  FOOTNOTE_ASSIGN_OR_RETURN(const RiskSetting risk, ParseRisk(options.risk));
  generator::ModelOptions model;
  model.template_family = options.chat_template;
  FOOTNOTE_ASSIGN_OR_RETURN(const LoadedGenerator generator,
                            LoadGenerator(options.generator, model));
  // The lines go to stdout when they have no file and no summary is asked for there.
  const bool lines_to_stdout = options.out_file.empty() && !options.json;
  std::vector<ModeReport> reports;
  for (const std::string& folder : options.sets) {
    FOOTNOTE_ASSIGN_OR_RETURN(const EvalSet set, LoadEvalSet(folder));
    FOOTNOTE_ASSIGN_OR_RETURN(const OpenCorpus corpus,
                              OpenEvalCorpus(set, options.embedder, options.precision, call));
    AnswerService service(
        corpus.retriever.get(), generator.generator.get(), corpus.embedder.embedder.get(),
        IdentityOf(corpus.corpus->Info().name, generator, *corpus.embedder.embedder, nullptr), {});
    const std::vector<const EvalQuery*> queries = AnswerSample(set, options.limit);
    for (const AnswerMode mode : modes) {
      std::ofstream file;
      if (!options.out_file.empty()) {
        const std::string name =
            FileFor(FileFor(options.out_file, kSetMark, set.name), kModeMark, AnswerModeName(mode));
        file.open(name, std::ios::trunc);
        if (!file) return InvalidArgumentError("cannot write " + name);
      }
      std::ostream& out = options.out_file.empty() ? std::cout : file;
      std::vector<AnswerRequest> requests;
      for (const EvalQuery* query : queries) {
        AnswerRequest& request = requests.emplace_back();
        request.question = query->text;
        request.history = query->history;
        request.scope_document_id = query->scope_document_id;
        request.risk = risk;
        request.mode = mode;
      }
      ModeReport report{.set = set.name, .mode = mode};
      ProgressLine bar;
      const auto take = [&](size_t i, const Answer& answer) -> Status {
        const std::string& id = queries[i]->id;
        FOOTNOTE_ASSIGN_OR_RETURN(const GoldAnswer gold, ReadGoldAnswer(set, id, *corpus.corpus));
        FOOTNOTE_ASSIGN_OR_RETURN(const int inexact, InexactQuotes(answer, *corpus.corpus));
        report.Add(ScoreAnswer(answer, gold), answer, inexact);
        Json line = {{"query_id", id}};
        line.update(ToJson(answer));
        if (!options.out_file.empty() || lines_to_stdout) out << Dump(line) << "\n" << std::flush;
        if (!out)
          return ResourceExhaustedError("the answers could not be written: is the disk full?");
        bar.Show(set.name + ", " + AnswerModeName(mode),
                 static_cast<double>(i + 1) / static_cast<double>(queries.size()),
                 std::to_string(i + 1) + " questions");
        return OkStatus();
      };
      FOOTNOTE_RETURN_IF_ERROR(AskAll(service, requests, options.parallel, take, call));
      bar.Done();
      reports.push_back(std::move(report));
    }
  }
  if (options.json) {
    std::cout << Dump(AnswersJson(reports, options.seed)) << "\n";
  } else {
    (lines_to_stdout ? std::cerr : std::cout) << AnswersTables(reports, options.seed);
  }
  return OkStatus();
}

}  // namespace

void AddAnswersEval(CLI::App& eval, CommandResult& result) {
  auto options = std::make_shared<Options>();
  CLI::App* command = eval.add_subcommand(
      "answers", "Answer every question: one JSON line each; hallucination, coverage, citations");
  command
      ->add_option("set", options->sets, "Folders with corpus.jsonl, queries.jsonl, answers.jsonl")
      ->required();
  command
      ->add_option("--limit", options->limit,
                   "Only the first N questions, in the order of the MD5 of their ids (default: "
                   "all, in the file's order)")
      ->check(CLI::Range(0, 1000000));
  command->add_option("--out", options->out_file,
                      "File for the lines (default: stdout); {set} and {mode} in its name stand "
                      "for those");
  command
      ->add_option("--mode", options->modes,
                   "grounded, plain or closed-book; several with commas between them")
      ->capture_default_str();
  command->add_option("--risk", options->risk, "strict, balanced or open")->capture_default_str();
  command->add_option("--generator", options->generator, "Model file or folder");
  command->add_option("--chat-template", options->chat_template,
                      "Of the generator, a family by name instead of its own chat template");
  command->add_option("--embedder", options->embedder, "Folder of the embedding model");
  command->add_option("--parallel", options->parallel, "Questions asked at a time")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  AddPrecision(*command, options->precision);
  command->add_option("--seed", options->seed, "Of the bootstrap")->capture_default_str();
  command->add_flag("--json", options->json, "Print the figures as one JSON document");
  command->callback([options, &result] { result.status = RunAnswers(*options); });
}

}  // namespace footnote::server
