// footnote serve: gRPC, HTTP and the web page, until SIGTERM.

#include <malloc.h>
#include <sys/resource.h>

#include <cstdio>
#include <iostream>
#include <optional>

#include "retriever/retriever.h"
#include "server/commands/command.h"
#include "server/commands/device_check.h"
#include "server/commands/signals.h"
#include "server/config.h"
#include "server/home.h"
#include "server/service.h"

namespace footnote::server {
namespace {

struct Options {
  std::string config_file;
  std::optional<std::string> grpc_listen;
  std::optional<std::string> http_listen;
  std::optional<std::string> generator;
  std::optional<std::string> embedder;
  std::optional<std::string> reranker;
  std::optional<int> rerank_depth;
  std::optional<int> threads;
  std::optional<std::string> device;
  std::optional<int> gpu_layers;
  std::optional<std::string> chat_template;
  bool trust_principals = false;
};

StatusOr<ServeConfig> ConfigOf(const Options& options) {
  ServeConfig config;
  if (!options.config_file.empty()) {
    FOOTNOTE_ASSIGN_OR_RETURN(config, ReadServeConfig(options.config_file));
  }
  if (options.grpc_listen) config.grpc_listen = *options.grpc_listen;
  if (options.http_listen) config.http_listen = *options.http_listen;
  if (options.generator) config.generator = *options.generator;
  if (options.embedder) config.embedder = *options.embedder;
  if (options.reranker) config.reranker = *options.reranker;
  if (options.rerank_depth) config.rerank_depth = *options.rerank_depth;
  if (options.threads) config.threads = *options.threads;
  if (options.device) config.device = *options.device;
  if (options.gpu_layers) config.gpu_layers = *options.gpu_layers;
  if (options.chat_template) config.chat_template = *options.chat_template;
  if (options.trust_principals) config.trust_principals = true;
  return config;
}

// Many shells allow 1,024 descriptors, fewer than the connections that a server may have.
void RaiseDescriptorLimit() {
  rlimit limit = {};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

// A burst of large replies shall not stay with the process: glibc would keep what it once mapped,
// and a heap for each of many threads. Fixed thresholds give large blocks back when they are freed.
void KeepMemorySmall() {
  constexpr int kLargeBlockBytes = 256 << 10;
  ::mallopt(M_MMAP_THRESHOLD, kLargeBlockBytes);
  ::mallopt(M_TRIM_THRESHOLD, 4 * kLargeBlockBytes);
  ::mallopt(M_ARENA_MAX, 4);
}

Status RunServe(const Options& options) {
  FOOTNOTE_ASSIGN_OR_RETURN(const ServeConfig config, ConfigOf(options));
  const std::stop_token stop = StopOnSignals();
  RaiseDescriptorLimit();
  KeepMemorySmall();
  FOOTNOTE_ASSIGN_OR_RETURN(const std::unique_ptr<Service> service,
                            Service::Start(config, HomeDir()));
  std::cerr << service->Description() << "\n";
  std::cerr << "ready grpc=" << service->grpc_address() << " http=" << service->http_address()
            << std::endl;
  WaitForStop(stop);
  std::cerr << "draining: running calls have " << config.drain_timeout_ms / 1000
            << " s; a second signal ends them\n";
  service->Drain();
  return OkStatus();
}

}  // namespace

void AddServeCommand(CLI::App& app, CommandResult& result) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("serve", "Serve gRPC, HTTP and the web page on loopback");
  command->add_option("--config", options->config_file, "TOML file; flags go before it");
  command->add_option("--listen", options->grpc_listen,
                      "gRPC address (default: 127.0.0.1:50051; port 0 picks one)");
  command->add_option("--http", options->http_listen,
                      "HTTP address (default: 127.0.0.1:8080; port 0 picks one)");
  command->add_option("--generator", options->generator,
                      "Model file or folder (default: SmolLM2-135M-Instruct from the cache)");
  command->add_option("--embedder", options->embedder,
                      "Folder of the embedding model for new corpora (default: "
                      "all-MiniLM-L6-v2 from the cache)");
  command->add_option("--reranker", options->reranker,
                      "Rank the best passages anew: folder of a cross-encoder, or `generator` "
                      "for the generator's query likelihood (default: none)");
  command
      ->add_option("--rerank-depth", options->rerank_depth,
                   "Passages that the reranker may read (default: 32)")
      ->check(CLI::Range(1, retriever::kMaxRerankDepth));
  command->add_option("--threads", options->threads, "Threads of the engine (default: one per CPU)")
      ->check(CLI::Range(0, 1024));
  command
      ->add_option("--device", options->device,
                   "Of the models: cpu, cuda, cuda:N or auto (default: auto, the first GPU "
                   "where there is one that holds them)")
      ->check(CheckDevice);
  command
      ->add_option("--gpu-layers", options->gpu_layers,
                   "Layers of the generator on the GPU, from the first (default: all)")
      ->check(CLI::Range(0, 1000));
  command->add_option("--chat-template", options->chat_template,
                      "Of the generator, a family by name instead of its own chat template");
  command->add_flag("--trust-principals", options->trust_principals,
                    "Believe the principals that requests name: only behind a gateway that checked "
                    "them");
  command->callback([options, &result] { result.status = RunServe(*options); });
}

}  // namespace footnote::server
