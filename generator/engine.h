// Makers of the three things that the service uses models for: a TextGenerator (own scheduler,
// paged KV cache), an Embedder and a Reranker.
#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "common/embedder.h"
#include "common/reranker.h"
#include "common/status.h"
#include "generator/model.h"
#include "generator/text_generator.h"

namespace footnote::generator {

struct EngineOptions {
  int64_t kv_cache_bytes =
      int64_t{256} << 20;  // all sequences together; a request that can never fit is refused
  int max_running = 16;    // sequences in a batch
  int max_queued = 64;     // further ones that wait; beyond: RESOURCE_EXHAUSTED
  // Rows of one forward pass, decode steps first, then pieces of prompts; also how much is read of
  // prompts before cancels and deadlines are looked at again.
  // 0: 256, and 2048 on a GPU.
  int batch_budget_tokens = 0;
  int context_tokens = 0;  // 0: the model's own
  // Tokens guessed ahead of a sequence at most (prompt lookup), 0 to 15; 0 turns it off. Answers
  // are the same, bit for bit; they come sooner where they repeat their prompt.
  int guess_tokens = 8;
  // Keeps what was read of prompts, for requests of the same tenant that begin alike.
  bool reuse_prefixes = true;
};

// `model` must be a decoder (else INVALID_ARGUMENT). Its scheduler's thread ends with the object;
// calls in flight end with CANCELLED.
StatusOr<std::unique_ptr<TextGenerator>> MakeTextGenerator(std::shared_ptr<const Model> model,
                                                           const EngineOptions& options);

// Several generators of one model, on a GPU each, as one: calls go where the fewest are. At least
// one.
std::unique_ptr<TextGenerator> MakeReplicatedGenerator(
    std::vector<std::unique_ptr<TextGenerator>> replicas);

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

// `model` must be an encoder with a classifying head: a BertForSequenceClassification folder (else
// INVALID_ARGUMENT, as when its labels do not tell which means relevant). model_sha256: the
// identity of its files.
StatusOr<std::unique_ptr<Reranker>> MakeCrossEncoder(std::shared_ptr<const Model> model,
                                                     std::string model_sha256);

// Ranks by how much likelier a passage makes the question. `generator`, which outlives it, reads
// every passage for it. model_sha256: the identity of the generator's files.
std::unique_ptr<Reranker> MakeQueryLikelihood(TextGenerator* generator, std::string model_sha256);

}  // namespace footnote::generator
