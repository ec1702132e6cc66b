// Options that several sub-commands share, and reading their values.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

#include "common/call_context.h"
#include "common/status.h"
#include "retriever/access.h"
#include "retriever/filter.h"
#include "retriever/retriever.h"
#include "server/stack.h"

namespace footnote::server {

// --filter and --as.
struct ScopeOptions {
  std::string filter_expression;
  std::vector<std::string> principals;

  void AddTo(CLI::App& command);
  // Nothing when no filter was given.
  StatusOr<std::optional<retriever::Filter>> ParseFilter() const;
  StatusOr<retriever::Asker> ParseAsker() const;
};

// --device and --gpu-layers: where models run.
struct DeviceOptions {
  std::string device = "auto";
  int gpu_layers = -1;

  // `fallback`: what holds when the option is not given.
  void AddTo(CLI::App& command, const std::string& fallback = "auto");
  void Set(generator::ModelOptions& options) const {
    options.device = device;
    options.gpu_layers = gpu_layers;
  }
};

// --reranker and --rerank-depth.
struct RerankOptions {
  std::string reranker;        // empty: none
  std::string generator_path;  // empty: the default
  int depth = 32;

  void AddTo(CLI::App& command);
  // Adds --generator too, for commands that have no other use of one.
  void AddWithGeneratorTo(CLI::App& command);
  // `generator`: the one that the command has loaded, or null. INVALID_ARGUMENT when a generator
  // was named that nobody would use.
  StatusOr<LoadedReranker> Load(const LoadedGenerator* generator,
                                const generator::ModelOptions& options = {}) const;
  // `loaded` outlives it.
  retriever::Reranking With(const LoadedReranker& loaded) const;
};

// "calibrated", "rrf", "dense", "lexical": the values of --fusion.
StatusOr<retriever::FusionKind> ParseFusion(const std::string& name);

// The question itself, or for "-" what standard input holds (an argument can have 128 KiB at most
// on Linux). Reads at most one MiB more than a question may have, so that
// AnswerService::CheckQuestion can say how long it is.
std::string QuestionOrStdin(const std::string& argument);

// Ends with the process's SIGINT or SIGTERM: long commands stop between units of work and keep what
// is done. Call once, from a command that checks it.
CallContext InterruptibleCall();

}  // namespace footnote::server
