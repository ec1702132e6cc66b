#include "server/commands/options.h"

#include <iostream>

#include "server/answer_service.h"
#include "server/commands/device_check.h"
#include "server/commands/signals.h"

namespace footnote::server {

void ScopeOptions::AddTo(CLI::App& command) {
  command.add_option("--filter", filter_expression,
                     "Metadata filter, e.g. 'category = \"Permissive\" and not exists(withdrawn)'");
  command.add_option("--as", principals,
                     "Ask as these principals: user:NAME, group:NAME (default: anonymous)");
}

StatusOr<std::optional<retriever::Filter>> ScopeOptions::ParseFilter() const {
  if (filter_expression.empty()) return std::optional<retriever::Filter>();
  FOOTNOTE_ASSIGN_OR_RETURN(retriever::Filter filter, retriever::Filter::Parse(filter_expression));
  return std::optional<retriever::Filter>(std::move(filter));
}

StatusOr<retriever::Asker> ScopeOptions::ParseAsker() const {
  retriever::Asker asker;
  for (const std::string& principal : principals) {
    FOOTNOTE_RETURN_IF_ERROR(retriever::CheckPrincipal(principal));
    asker.principals.push_back(principal);
  }
  return asker;
}

void DeviceOptions::AddTo(CLI::App& command, const std::string& fallback) {
  device = fallback;
  command.add_option("--device", device, "Of the models: cpu, cuda, cuda:N or auto")
      ->check(CheckDevice)
      ->capture_default_str();
  command
      .add_option("--gpu-layers", gpu_layers,
                  "Layers of the generator on the GPU, from the first (default: all)")
      ->check(CLI::Range(0, 1000));
}

void RerankOptions::AddTo(CLI::App& command) {
  command.add_option("--reranker", reranker,
                     "Rank the best passages anew: folder of a cross-encoder, or `generator` "
                     "for the generator's query likelihood (default: none)");
  command.add_option("--rerank-depth", depth, "Passages that the reranker may read")
      ->check(CLI::Range(1, retriever::kMaxRerankDepth))
      ->capture_default_str();
}

void RerankOptions::AddWithGeneratorTo(CLI::App& command) {
  AddTo(command);
  command.add_option("--generator", generator_path,
                     "Model of `--reranker generator` (default: SmolLM2-135M-Instruct from the "
                     "cache)");
}

StatusOr<LoadedReranker> RerankOptions::Load(const LoadedGenerator* generator,
                                             const generator::ModelOptions& options) const {
  if (!generator_path.empty() && reranker != kGeneratorAsReranker) {
    return InvalidArgumentError(
        "--generator is used by `--reranker generator` only here: give both or none");
  }
  return LoadReranker(reranker, generator, generator_path, options);
}

retriever::Reranking RerankOptions::With(const LoadedReranker& loaded) const {
  return {loaded.reranker.get(), depth};
}

StatusOr<retriever::FusionKind> ParseFusion(const std::string& name) {
  if (name == "calibrated") return retriever::FusionKind::kCalibratedSum;
  if (name == "rrf") return retriever::FusionKind::kReciprocalRank;
  if (name == "dense") return retriever::FusionKind::kDenseOnly;
  if (name == "lexical") return retriever::FusionKind::kLexicalOnly;
  return InvalidArgumentError("the fusion \"" + name +
                              "\" is not known: use calibrated, rrf, dense or lexical");
}

std::string QuestionOrStdin(const std::string& argument) {
  if (argument != "-") return argument;
  std::string text(kMaxQuestionBytes + (size_t{1} << 20), '\0');
  std::cin.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(std::cin.gcount()));
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  return text;
}

CallContext InterruptibleCall() { return CallContext(StopOnSignals()); }

}  // namespace footnote::server
