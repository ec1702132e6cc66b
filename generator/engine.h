// Makers of the two things that the service uses models for: a TextGenerator (own scheduler, paged
// KV cache) and an Embedder.
#pragma once

#include <filesystem>
#include <memory>

#include "common/embedder.h"
#include "common/status.h"
#include "generator/model.h"
#include "generator/text_generator.h"

namespace footnote::generator {

struct EngineOptions {
  int64_t kv_cache_bytes =
      int64_t{256} << 20;  // all sequences together; a request that can never fit is refused
  int max_running = 16;    // sequences in a batch
  int max_queued = 64;     // further ones that wait; beyond: RESOURCE_EXHAUSTED
  int batch_budget_tokens =
      512;                 // rows of one forward pass: decode steps first, then pieces of prompts
  int context_tokens = 0;  // 0: the model's own
};

// `model` must be a decoder (else INVALID_ARGUMENT). Its scheduler's thread ends with the object;
// calls in flight end with CANCELLED.
StatusOr<std::unique_ptr<TextGenerator>> MakeTextGenerator(std::shared_ptr<const Model> model,
                                                           const EngineOptions& options);

struct EmbedderOptions {
  // Reads control tokens written in a text ("[SEP]") as such, as sentence-transformers does. A
  // service leaves it off: documents and questions are data.
  bool parse_control_tokens = false;
};

// `model` must be an encoder (else INVALID_ARGUMENT). model_sha256: the identity of its files, see
// Embedder::model_sha256.
StatusOr<std::unique_ptr<Embedder>> MakeEmbedder(std::shared_ptr<const Model> model,
                                                 std::string model_sha256,
                                                 const EmbedderOptions& options = {});

}  // namespace footnote::generator
