// footnote ask: a question, a grounded answer, footnotes that can be checked; or a summary.

#include <iostream>

#include "common/file.h"
#include "server/answer_json.h"
#include "server/api_convert.h"
#include "server/commands/command.h"
#include "server/commands/options.h"
#include "server/commands/remote.h"
#include "server/commands/terminal.h"
#include "server/grpc_client.h"
#include "server/home.h"
#include "server/stack.h"
#include "server/summary_sources.h"

namespace footnote::server {
namespace {

constexpr size_t kColumns = 100;

struct Options {
  std::string corpus;
  std::string question;
  std::vector<std::string> summarize;  // ids of documents
  bool is_summary = false;
  std::string generator;
  std::string chat_template;
  std::string embedder;
  std::string document;
  std::string history_file;
  std::string replay_file;
  std::string risk = "balanced";
  uint64_t seed = 0;
  int threads = 0;
  DeviceOptions device;
  RerankOptions rerank;
  ScopeOptions scope;
  RemoteOptions remote;
  bool json = false;
};

// The instruction set that a record was made with.
StatusOr<kernels::Isa> ParseIsa(const std::string& name) {
  for (kernels::Isa isa : kernels::SupportedIsas()) {
    if (name == kernels::IsaName(isa)) return isa;
  }
  return FailedPreconditionError("the record was made with the instruction set " + name +
                                 ", which this CPU lacks: the same answer cannot be promised here");
}

Status CheckReplay(const AnswerRecord& record, const AnswererIdentity& identity) {
  auto differs = [](const char* what, const std::string& then, const std::string& now) {
    return FailedPreconditionError(std::string("the record's ") + what + " is " + then +
                                   ", here it is " + now +
                                   ": the same answer cannot be given with another");
  };
  if (record.model_sha256 != identity.model_sha256) {
    return differs("generator (SHA-256)", record.model_sha256, identity.model_sha256);
  }
  if (record.embedder_sha256 != identity.embedder_sha256) {
    return differs("embedder (SHA-256)", record.embedder_sha256, identity.embedder_sha256);
  }
  if (record.reranker_sha256 != identity.reranker_sha256) {
    return record.reranker_sha256.empty()
               ? FailedPreconditionError(
                     "the record was made without a reranker: leave --reranker out")
               : differs("reranker (SHA-256)", record.reranker_sha256,
                         identity.reranker_sha256.empty() ? "none" : identity.reranker_sha256);
  }
  if (record.engine_version != identity.engine_version) {
    return differs("engine version", record.engine_version, identity.engine_version);
  }
  return OkStatus();
}

void PrintAnswer(const Answer& answer) {
  if (answer.abstained) {
    std::cout << "No answer: "
              << (answer.reason == AbstainReason::kNoRelevantContent
                      ? "the documents say nothing relevant"
                      : "what could be written is not supported by the documents")
              << " (" << AbstainReasonName(answer.reason) << ").\n";
    if (!answer.passages.empty()) std::cout << "\nNearest passages:\n";
    for (const Passage& passage : answer.passages) {
      std::cout << "  · " << passage.title << " (" << passage.document_id << ", bytes "
                << passage.span.start << "–" << passage.span.end << ")\n";
    }
  } else {
    std::string text;
    if (answer.verdict != Verdict::kNone) {
      text = answer.verdict == Verdict::kYes ? "Yes. " : "No. ";
    }
    for (const AnswerSentence& sentence : answer.sentences) {
      // An item of a list has a line of its own.
      if (sentence.span.start > 0 && answer.text[sentence.span.start - 1] == '\n') {
        std::cout << Wrap(text, kColumns, "");
        text.clear();
      }
      text += sentence.text;
      for (int number : sentence.citations) text += " [" + std::to_string(number) + "]";
      text += ' ';
    }
    std::cout << Wrap(text, kColumns, "") << "\n";
    for (const std::string& note : answer.notes) {
      std::cout << Wrap("Note: " + note, kColumns, "") << "\n";
    }
    for (const Citation& citation : answer.citations) {
      char score[32];
      std::snprintf(score, sizeof score, "%.2f", citation.score);
      std::cout << "  [" << citation.number << "] " << citation.title << " ("
                << citation.document_id << ", bytes " << citation.span.start << "–"
                << citation.span.end << "), support " << score << "\n"
                << Wrap("“" + citation.quote + "”", kColumns, "      ");
    }
  }
  char line[256];
  std::snprintf(line, sizeof line,
                "\n  answerability %.2f · grounding %.2f · retrieve %.0f ms, prefill %.0f, decode "
                "%.0f, verify %.0f · first sentence %.0f ms, total %.0f ms\n",
                answer.answerability, answer.grounding_score, answer.timings.retrieve_ms,
                answer.timings.prefill_ms, answer.timings.decode_ms, answer.timings.verify_ms,
                answer.timings.first_sentence_ms, answer.timings.total_ms);
  std::cout << line;
}

void Print(const Answer& answer, bool json) {
  if (json) {
    std::cout << Dump(ToJson(answer)) << "\n";
  } else {
    PrintAnswer(answer);
  }
}

// The conversation before the question; empty without --history.
StatusOr<std::vector<ConversationTurn>> ReadHistory(const std::string& file) {
  if (file.empty()) return std::vector<ConversationTurn>();
  FOOTNOTE_ASSIGN_OR_RETURN(const std::string text, ReadFile(file, size_t{1} << 20));
  StatusOr<std::vector<ConversationTurn>> history =
      HistoryFromJson(nlohmann::json::parse(text, nullptr, false));
  if (!history.ok()) return history.status().WithContext(file);
  return history;
}

// The models are the server's; this process loads none.
Status AskServer(const Options& options, const AnswerRequest& asked, const CallContext& call) {
  v1::AskRequest request;
  request.set_corpus(options.corpus);
  request.set_question(asked.question);
  for (const ConversationTurn& turn : asked.history) *request.add_history() = ToProto(turn);
  request.set_filter(options.scope.filter_expression);
  request.set_document_id(asked.scope_document_id);
  request.set_risk(ToProto(asked.risk));
  request.set_seed(asked.seed);
  for (const std::string& principal : asked.asker.principals) request.add_principals(principal);
  FOOTNOTE_ASSIGN_OR_RETURN(const auto client, GrpcClient::Connect(options.remote.server));
  FOOTNOTE_ASSIGN_OR_RETURN(const v1::Answer answer, client->Ask(request, call));
  Print(FromProto(answer), options.json);
  return OkStatus();
}

// Models of a run in this process; those of a record where one is replayed.
struct Models {
  LoadedGenerator generator;
  LoadedReranker reranker;
  OpenCorpus corpus;
  AnswererIdentity identity;
};

StatusOr<std::optional<AnswerRecord>> ReadRecord(const std::string& file) {
  if (file.empty()) return std::optional<AnswerRecord>();
  FOOTNOTE_ASSIGN_OR_RETURN(const std::string text, ReadFile(file, size_t{16} << 20));
  StatusOr<AnswerRecord> read = RecordFromJson(text);
  if (!read.ok()) return read.status().WithContext(file);
  return std::optional<AnswerRecord>(*std::move(read));
}

StatusOr<std::unique_ptr<Models>> Load(const Options& options,
                                       const std::optional<AnswerRecord>& record) {
  generator::ModelOptions model;
  model.threads = options.threads;
  options.device.Set(model);
  if (record.has_value()) {
    if (record->isa.starts_with("cuda ")) {
      model.device = "cuda";
    } else {
      model.device = "cpu";
      FOOTNOTE_ASSIGN_OR_RETURN(model.isa, ParseIsa(record->isa));
    }
    FOOTNOTE_ASSIGN_OR_RETURN(model.precision, kernels::PrecisionFromName(record->precision));
  }
  // The embedder has a precision of its own, whatever the generator's; its instruction set must be
  // the record's too.
  generator::ModelOptions embedder_model;
  embedder_model.threads = options.threads;
  embedder_model.device = model.device;
  embedder_model.isa = model.isa;
  model.template_family = options.chat_template;
  auto models = std::make_unique<Models>();
  FOOTNOTE_ASSIGN_OR_RETURN(models->generator, LoadGenerator(options.generator, model));
  FOOTNOTE_ASSIGN_OR_RETURN(models->reranker,
                            options.rerank.Load(&models->generator, embedder_model));
  FOOTNOTE_ASSIGN_OR_RETURN(
      models->corpus, OpenCorpusForSearch(options.corpus, options.embedder, CorporaRoot(),
                                          embedder_model, options.rerank.With(models->reranker)));
  models->identity = IdentityOf(options.corpus, models->generator,
                                *models->corpus.embedder.embedder, models->reranker.reranker.get());
  if (record.has_value()) FOOTNOTE_RETURN_IF_ERROR(CheckReplay(*record, models->identity));
  return models;
}

AnswerService ServiceOf(const Models& models, const std::optional<AnswerRecord>& record) {
  AnswerServiceOptions options;
  if (record.has_value() && record->max_answer_tokens > 0) {
    options.max_answer_tokens = record->max_answer_tokens;
  }
  return {models.corpus.retriever.get(), models.generator.generator.get(),
          models.corpus.embedder.embedder.get(), models.identity, options};
}

Status CheckPrompt(const std::optional<AnswerRecord>& record, const Answer& answer) {
  if (!record.has_value() || record->prompt_sha256.empty() ||
      answer.record.prompt_sha256 == record->prompt_sha256) {
    return OkStatus();
  }
  return FailedPreconditionError(
      "the prompt differs from the record's: the question, its conversation, the filter, the "
      "asker, the documents or the corpus is not the same");
}

Status RunAsk(const Options& options, const CallContext& call) {
  const std::string question = QuestionOrStdin(options.question);
  FOOTNOTE_RETURN_IF_ERROR(AnswerService::CheckQuestion(question));
  AnswerRequest request;
  request.question = question;
  request.seed = options.seed;
  request.scope_document_id = options.document;
  FOOTNOTE_ASSIGN_OR_RETURN(request.risk, ParseRisk(options.risk));
  FOOTNOTE_ASSIGN_OR_RETURN(request.asker, options.scope.ParseAsker());
  FOOTNOTE_ASSIGN_OR_RETURN(const std::optional<retriever::Filter> filter,
                            options.scope.ParseFilter());
  request.filter = filter.has_value() ? &*filter : nullptr;
  FOOTNOTE_ASSIGN_OR_RETURN(request.history, ReadHistory(options.history_file));
  if (options.remote.used()) return AskServer(options, request, call);
  FOOTNOTE_ASSIGN_OR_RETURN(const std::optional<AnswerRecord> record,
                            ReadRecord(options.replay_file));
  if (record.has_value()) {
    request.seed = record->seed;
    request.risk = record->risk;
    request.generation = record->generation;
    request.prompt_time = record->prompt_time;
  }
  FOOTNOTE_ASSIGN_OR_RETURN(const std::unique_ptr<Models> models, Load(options, record));
  FOOTNOTE_ASSIGN_OR_RETURN(const Answer answer,
                            ServiceOf(*models, record).Ask(request, call, nullptr));
  FOOTNOTE_RETURN_IF_ERROR(CheckPrompt(record, answer));
  Print(answer, options.json);
  return OkStatus();
}

Status SummarizeOnServer(const Options& options, RiskSetting risk, const CallContext& call) {
  v1::SummarizeRequest request;
  request.set_corpus(options.corpus);
  for (const std::string& id : options.summarize) request.add_document_ids(id);
  request.set_filter(options.scope.filter_expression);
  request.set_risk(ToProto(risk));
  request.set_seed(options.seed);
  for (const std::string& principal : options.scope.principals) request.add_principals(principal);
  FOOTNOTE_ASSIGN_OR_RETURN(const auto client, GrpcClient::Connect(options.remote.server));
  FOOTNOTE_ASSIGN_OR_RETURN(const v1::Answer answer, client->Summarize(request, call));
  Print(FromProto(answer), options.json);
  return OkStatus();
}

Status RunSummarize(const Options& options, const CallContext& call) {
  if (!options.question.empty() || !options.document.empty() || !options.history_file.empty()) {
    return InvalidArgumentError(
        "--summarize takes no question, --document or --history: give the documents' ids behind "
        "it, or a --filter");
  }
  SummaryRequest request;
  request.seed = options.seed;
  FOOTNOTE_ASSIGN_OR_RETURN(request.risk, ParseRisk(options.risk));
  FOOTNOTE_ASSIGN_OR_RETURN(const retriever::Asker asker, options.scope.ParseAsker());
  FOOTNOTE_ASSIGN_OR_RETURN(const std::optional<retriever::Filter> filter,
                            options.scope.ParseFilter());
  if (options.remote.used()) return SummarizeOnServer(options, request.risk, call);
  FOOTNOTE_ASSIGN_OR_RETURN(const std::optional<AnswerRecord> record,
                            ReadRecord(options.replay_file));
  if (record.has_value()) {
    request.seed = record->seed;
    request.risk = record->risk;
    request.prompt_time = record->prompt_time;
  }
  FOOTNOTE_ASSIGN_OR_RETURN(const std::unique_ptr<Models> models, Load(options, record));
  retriever::Corpus& corpus = *models->corpus.corpus;
  request.generation = corpus.Info().generation;
  FOOTNOTE_ASSIGN_OR_RETURN(
      request.documents,
      SummarySources(corpus, options.summarize, filter.has_value() ? &*filter : nullptr, asker));
  FOOTNOTE_ASSIGN_OR_RETURN(const Answer answer,
                            ServiceOf(*models, record).Summarize(request, call, nullptr));
  FOOTNOTE_RETURN_IF_ERROR(CheckPrompt(record, answer));
  Print(answer, options.json);
  return OkStatus();
}

}  // namespace

void AddAskCommand(CLI::App& app, CommandResult& result) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("ask", "Answer a question from a corpus, with footnotes");
  command->add_option("corpus", options->corpus, "Name of the corpus")->required();
  const CLI::Option* question =
      command->add_option("question", options->question, "The question; - reads standard input");
  const CLI::Option* summarize =
      command
          ->add_option("--summarize", options->summarize,
                       "Sum up these documents, by their ids, instead of answering a question; "
                       "without ids those that --filter leaves")
          ->expected(0, -1);
  command->add_option("--generator", options->generator,
                      "Model file or folder (default: SmolLM2-135M-Instruct from the cache)");
  command->add_option("--chat-template", options->chat_template,
                      "Of the generator, a family by name instead of its own chat template");
  command->add_option("--embedder", options->embedder,
                      "Folder of the embedding model (default: the one the corpus was made with)");
  command->add_option("--document", options->document, "Answer from this document only");
  command->add_option("--seed", options->seed, "Seed of the sampler")->capture_default_str();
  command
      ->add_option("--risk", options->risk,
                   "strict, balanced or open: how much support a sentence needs")
      ->capture_default_str();
  command->add_option("--history", options->history_file,
                      "Conversation so far: a JSON array of {\"role\", \"content\"}");
  command->add_option("--replay", options->replay_file,
                      "Give the same answer again: what --json printed, or its record");
  command->add_option("--threads", options->threads, "Threads (default: one per CPU)")
      ->check(CLI::Range(0, 1024));
  options->device.AddTo(*command);
  options->rerank.AddTo(*command);
  options->scope.AddTo(*command);
  options->remote.AddTo(*command);
  command->add_flag("--json", options->json, "Print one JSON document");
  command->callback([options, command, question, summarize, &result] {
    options->is_summary = summarize->count() > 0;
    std::erase(options->summarize, "");
    if (!options->is_summary && question->count() == 0) {
      throw CLI::RequiredError("question (or --summarize)");
    }
    options->remote.RefuseWithServer(
        *command, {"--generator", "--chat-template", "--embedder", "--replay", "--threads",
                   "--device", "--gpu-layers", "--reranker", "--rerank-depth"});
    const CallContext call = options->remote.WithTimeout(InterruptibleCall());
    result.status = options->is_summary ? RunSummarize(*options, call) : RunAsk(*options, call);
  });
}

}  // namespace footnote::server
