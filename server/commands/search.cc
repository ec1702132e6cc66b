// footnote search: the passages that a question would be answered from.

#include <iostream>

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

struct Options {
  std::string corpus;
  std::string query;
  int top_k = 10;
  std::string document;
  std::string embedder;
  std::string fusion = "calibrated";
  bool exact = false;
  double diversity = 0;
  int max_per_document = 0;
  RerankOptions rerank;
  ScopeOptions scope;
  RemoteOptions remote;
  bool json = false;
};

StatusOr<retriever::RetrievalResult> SearchServer(const Options& options,
                                                  const retriever::RetrievalRequest& asked,
                                                  const CallContext& call) {
  v1::SearchRequest request;
  request.set_corpus(options.corpus);
  request.set_query(asked.query);
  request.set_top_k(static_cast<uint32_t>(asked.top_k));
  request.set_filter(options.scope.filter_expression);
  request.set_document_id(asked.scope_document_id);
  request.set_exact(asked.exact);
  request.set_diversity(asked.diversity);
  request.set_max_per_document(static_cast<uint32_t>(asked.max_per_document));
  for (const std::string& principal : asked.asker.principals) request.add_principals(principal);
  FOOTNOTE_ASSIGN_OR_RETURN(const auto client, GrpcClient::Connect(options.remote.server));
  FOOTNOTE_ASSIGN_OR_RETURN(const v1::SearchResponse found, client->Search(request, call));
  return FromProto(found);
}

StatusOr<retriever::RetrievalResult> SearchHere(const Options& options,
                                                const retriever::RetrievalRequest& request,
                                                const CallContext& call) {
  FOOTNOTE_ASSIGN_OR_RETURN(const LoadedReranker reranker, options.rerank.Load(nullptr));
  FOOTNOTE_ASSIGN_OR_RETURN(const OpenCorpus corpus,
                            OpenCorpusForSearch(options.corpus, options.embedder, CorporaRoot(), {},
                                                options.rerank.With(reranker)));
  return corpus.retriever->Retrieve(request, call);
}

Status RunSearch(const Options& options) {
  const std::string query = QuestionOrStdin(options.query);
  const CallContext call = options.remote.WithTimeout(InterruptibleCall());
  FOOTNOTE_RETURN_IF_ERROR(AnswerService::CheckQuestion(query));
  FOOTNOTE_ASSIGN_OR_RETURN(const std::optional<retriever::Filter> filter,
                            options.scope.ParseFilter());
  retriever::RetrievalRequest request;
  request.query = query;
  request.top_k = options.top_k;
  request.filter = filter.has_value() ? &*filter : nullptr;
  FOOTNOTE_ASSIGN_OR_RETURN(request.asker, options.scope.ParseAsker());
  FOOTNOTE_ASSIGN_OR_RETURN(request.fusion, ParseFusion(options.fusion));
  request.scope_document_id = options.document;
  request.exact = options.exact;
  request.diversity = options.diversity;
  request.max_per_document = options.max_per_document;
  FOOTNOTE_ASSIGN_OR_RETURN(const retriever::RetrievalResult found,
                            options.remote.used() ? SearchServer(options, request, call)
                                                  : SearchHere(options, request, call));
  if (options.json) {
    std::cout << Dump(ToJson(found)) << "\n";
    return OkStatus();
  }
  int number = 0;
  for (const Passage& passage : found.passages) {
    std::string where;
    for (const std::string& heading : passage.heading_path) where += " > " + heading;
    char score[32];
    std::snprintf(score, sizeof score, "%.3f", passage.score);
    std::cout << ++number << ". " << passage.title << where << "\n   " << passage.document_id
              << " · bytes " << passage.span.start << "–" << passage.span.end << " · score "
              << score << "\n"
              << Wrap(passage.text, 100, "   ") << "\n";
  }
  if (found.passages.empty()) std::cout << "nothing found\n";
  return OkStatus();
}

}  // namespace

void AddSearchCommand(CLI::App& app, CommandResult& result) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("search", "Find passages");
  command->add_option("corpus", options->corpus, "Name of the corpus")->required();
  command->add_option("query", options->query, "What to look for; - reads standard input")
      ->required();
  command->add_option("--top-k", options->top_k, "Passages")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  command->add_option("--document", options->document, "Only within this document");
  command->add_option("--embedder", options->embedder,
                      "Folder of the embedding model (default: the one the corpus was made with)");
  command->add_option("--fusion", options->fusion, "calibrated, rrf, dense or lexical")
      ->capture_default_str();
  command->add_flag("--exact", options->exact,
                    "Scan all vectors instead of using an approximate index");
  command
      ->add_option("--diversity", options->diversity,
                   "How much being unlike the passages before it counts for a passage: 0 to 1")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  command
      ->add_option("--max-per-document", options->max_per_document,
                   "Passages of one document; 0: no limit")
      ->check(CLI::Range(0, 1000))
      ->capture_default_str();
  options->rerank.AddWithGeneratorTo(*command);
  options->scope.AddTo(*command);
  options->remote.AddTo(*command);
  command->add_flag("--json", options->json, "Print one JSON document");
  command->callback([options, command, &result] {
    options->remote.RefuseWithServer(
        *command, {"--embedder", "--fusion", "--reranker", "--rerank-depth", "--generator"});
    result.status = RunSearch(*options);
  });
}

}  // namespace footnote::server
