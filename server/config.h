// Settings of `footnote serve`: a TOML file, and flags that go before it.
#pragma once

#include <filesystem>
#include <string>

#include "common/status.h"

namespace footnote::server {

struct ServeConfig {
  std::string grpc_listen = "127.0.0.1:50051";
  std::string http_listen = "127.0.0.1:8080";
  std::filesystem::path generator;  // empty: the default model
  std::filesystem::path embedder;   // empty: the default model
  std::filesystem::path reranker;   // empty: none; "generator": its query likelihood
  int rerank_depth = 32;            // 1 to 1000: candidates that the reranker may read
  int threads = 0;                  // of the engine; 0: one per CPU
  std::string device = "auto";      // of the models: cpu, cuda, cuda:N, auto
  int gpu_layers = -1;              // of the generator, the first so many on the GPU; -1: all
  std::string chat_template;        // of the generator, a family by name; empty: its own
  bool trust_principals = false;
  int answers_at_once = 4;   // 1 to 64; more wait
  int answers_waiting = 32;  // 0 to 10000; more are refused
  int kv_cache_mib = 256;    // 16 to 1048576: keys and values of all answers together
  int guess_tokens = 8;      // 0 to 15: looked up in the passages and tried ahead; 0: none
  int max_answer_tokens = 128;
  int drain_timeout_ms = 30000;  // how long SIGTERM waits for running calls
};

// Errors: NOT_FOUND; INVALID_ARGUMENT names file, line or key, and what is expected; an unknown key
// is an error.
StatusOr<ServeConfig> ReadServeConfig(const std::filesystem::path& file);

}  // namespace footnote::server
