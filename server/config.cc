#include "server/config.h"

#include "common/config.h"
#include "retriever/retriever.h"

namespace footnote::server {

StatusOr<ServeConfig> ReadServeConfig(const std::filesystem::path& file) {
  FOOTNOTE_ASSIGN_OR_RETURN(ConfigFile read, ConfigFile::Read(file, "the configuration"));
  ServeConfig config;
  ConfigTable& root = read.root();
  root.Text("grpc_listen", config.grpc_listen);
  root.Text("http_listen", config.http_listen);
  root.Text("generator", config.generator);
  root.Text("embedder", config.embedder);
  root.Text("reranker", config.reranker);
  root.Number("rerank_depth", config.rerank_depth, 1, retriever::kMaxRerankDepth);
  root.Number("threads", config.threads, 0, 1024);
  root.Text("device", config.device);
  root.Number("gpu_layers", config.gpu_layers, -1, 1000);
  root.Text("chat_template", config.chat_template);
  root.Flag("trust_principals", config.trust_principals);
  root.Number("answers_at_once", config.answers_at_once, 1, 64);
  root.Number("answers_waiting", config.answers_waiting, 0, 10000);
  root.Number("kv_cache_mib", config.kv_cache_mib, 16, 1 << 20);
  root.Number("guess_tokens", config.guess_tokens, 0, 15);
  root.Number("max_answer_tokens", config.max_answer_tokens, 1, 4096);
  root.Number("drain_timeout_ms", config.drain_timeout_ms, 0, 3600000);
  FOOTNOTE_RETURN_IF_ERROR(read.Finish());
  return config;
}

}  // namespace footnote::server
