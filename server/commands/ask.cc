// footnote ask: a question, a grounded answer, footnotes that can be checked.

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

namespace footnote::server {
namespace {

constexpr size_t kColumns = 100;

struct Options {
  std::string corpus;
  std::string question;
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
    for (const AnswerSentence& sentence : answer.sentences) {
      text += sentence.text;
      for (int number : sentence.citations) text += " [" + std::to_string(number) + "]";
      text += ' ';
    }
    std::cout << Wrap(text, kColumns, "") << "\n";
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

Status RunAsk(const Options& options) {
  const std::string question = QuestionOrStdin(options.question);
  const CallContext call = options.remote.WithTimeout(InterruptibleCall());
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
  generator::ModelOptions model;
  model.threads = options.threads;
  options.device.Set(model);
  std::optional<AnswerRecord> record;
  if (!options.replay_file.empty()) {
    FOOTNOTE_ASSIGN_OR_RETURN(const std::string text,
                              ReadFile(options.replay_file, size_t{16} << 20));
    StatusOr<AnswerRecord> read = RecordFromJson(text);
    if (!read.ok()) return read.status().WithContext(options.replay_file);
    record = *std::move(read);
    request.seed = record->seed;
    request.risk = record->risk;
    request.generation = record->generation;
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
  generator::ModelOptions generator_model = model;
  generator_model.template_family = options.chat_template;
  FOOTNOTE_ASSIGN_OR_RETURN(const LoadedGenerator generator,
                            LoadGenerator(options.generator, generator_model));
  FOOTNOTE_ASSIGN_OR_RETURN(const LoadedReranker reranker,
                            options.rerank.Load(&generator, embedder_model));
  FOOTNOTE_ASSIGN_OR_RETURN(const OpenCorpus corpus,
                            OpenCorpusForSearch(options.corpus, options.embedder, CorporaRoot(),
                                                embedder_model, options.rerank.With(reranker)));
  const AnswererIdentity identity =
      IdentityOf(options.corpus, generator, *corpus.embedder.embedder, reranker.reranker.get());
  if (record.has_value()) FOOTNOTE_RETURN_IF_ERROR(CheckReplay(*record, identity));
  AnswerService service(corpus.retriever.get(), generator.generator.get(),
                        corpus.embedder.embedder.get(), identity, {});
  FOOTNOTE_ASSIGN_OR_RETURN(const Answer answer, service.Ask(request, call, nullptr));
  if (record.has_value() && !record->prompt_sha256.empty() &&
      answer.record.prompt_sha256 != record->prompt_sha256) {
    return FailedPreconditionError(
        "the prompt differs from the record's: the question, its conversation, the filter, the "
        "asker or the corpus is not the same");
  }
  Print(answer, options.json);
  return OkStatus();
}

}  // namespace

void AddAskCommand(CLI::App& app, CommandResult& result) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("ask", "Answer a question from a corpus, with footnotes");
  command->add_option("corpus", options->corpus, "Name of the corpus")->required();
  command->add_option("question", options->question, "The question; - reads standard input")
      ->required();
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
  command->callback([options, command, &result] {
    options->remote.RefuseWithServer(
        *command, {"--generator", "--chat-template", "--embedder", "--replay", "--threads",
                   "--device", "--gpu-layers", "--reranker", "--rerank-depth"});
    result.status = RunAsk(*options);
  });
}

}  // namespace footnote::server
