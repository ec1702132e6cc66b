// footnote eval retrieval.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "server/commands/command.h"
#include "server/commands/embed_options.h"
#include "server/commands/options.h"

namespace footnote::server {

struct RetrievalEvalOptions {
  std::vector<std::string> sets;
  std::string run_file;  // {set} stands for the set's name
  std::string against;   // a run file; likewise
  int depth = 100;
  int limit = 0;
  bool scoped = false;
  bool ablate = false;
  bool last_turn_only = false;
  std::string fusion = "calibrated";
  std::string off;  // parts of retrieval to leave out: retriever::ParseAblations
  std::string embedder;
  double diversity = 0;
  RerankOptions rerank;
  std::string precision = kAutoPrecision;  // of the documents' vectors
  uint64_t seed = 1;                       // of the bootstrap
  bool json = false;
};

void AddRetrievalEval(CLI::App& eval, CommandResult& result);

// With --scoped.
Status RunScopedEval(const RetrievalEvalOptions& options, const retriever::Reranking& reranking);

}  // namespace footnote::server
