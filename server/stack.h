// The parts of a running service, built from paths: embedder, corpus, retriever, generator.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "common/embedder.h"
#include "common/reranker.h"
#include "common/status.h"
#include "generator/engine.h"
#include "generator/model.h"
#include "retriever/corpus.h"
#include "retriever/retriever.h"
#include "server/answer_service.h"

namespace footnote::server {

struct LoadedEmbedder {
  std::filesystem::path path;
  generator::ModelInfo info;
  std::unique_ptr<Embedder> embedder;
};

struct LoadedGenerator {
  std::filesystem::path path;
  std::string sha256;
  generator::ModelInfo info;
  std::string isa;        // of the kernels: "avx512vnni", "cuda 9.0"
  std::string precision;  // "fast", "exact", "int8" or "bf16"
  std::unique_ptr<generator::TextGenerator> generator;
};

struct LoadedReranker {
  std::optional<LoadedGenerator> generator;  // loaded for it alone
  std::unique_ptr<Reranker> reranker;        // null: none
};

// An empty path means the default model.
StatusOr<LoadedEmbedder> LoadEmbedder(const std::filesystem::path& path,
                                      const generator::ModelOptions& options = {});
// In 8 bits where the model allows it, which is two to three times as fast; else as `options` say,
// with a line on stderr that tells why. The vectors lie within a cosine of 0.999 of float32's, so
// that the two may mix.
StatusOr<LoadedEmbedder> LoadFastestEmbedder(const std::filesystem::path& path,
                                             generator::ModelOptions options);
StatusOr<LoadedGenerator> LoadGenerator(const std::filesystem::path& path,
                                        const generator::ModelOptions& options,
                                        const generator::EngineOptions& engine = {});

// What stands for the generator's query likelihood where a reranker's path is asked for.
inline constexpr char kGeneratorAsReranker[] = "generator";

// `path` is the folder of a cross-encoder, kGeneratorAsReranker, or empty: none. `generator`
// outlives a reranker by it; where it is null, the model at `generator_path` (empty: the default)
// is loaded for the reranker alone. Errors: those of Model::Load, INVALID_ARGUMENT when the model
// does not score pairs.
StatusOr<LoadedReranker> LoadReranker(const std::filesystem::path& path,
                                      const LoadedGenerator* generator,
                                      const std::filesystem::path& generator_path,
                                      const generator::ModelOptions& options = {});

// A corpus open for questions. The embedder is the one that the corpus was made with, found by the
// path it was made with, else the default; FAILED_PRECONDITION when neither has the corpus's hash.
// A reranker outlives it.
struct OpenCorpus {
  std::shared_ptr<retriever::Corpus> corpus;
  LoadedEmbedder embedder;
  std::unique_ptr<retriever::RetrievalBackend> retriever;
};
StatusOr<OpenCorpus> OpenCorpusForSearch(const std::string& name,
                                         const std::filesystem::path& embedder_path,
                                         const std::filesystem::path& corpora_root,
                                         const generator::ModelOptions& options = {},
                                         const retriever::Reranking& reranking = {});

// What a corpus keeps of the embedder that makes it.
retriever::CorpusSettings SettingsFor(const LoadedEmbedder& embedder);

// `reranker` may be null.
AnswererIdentity IdentityOf(const std::string& corpus, const LoadedGenerator& generator,
                            const Embedder& embedder, const Reranker* reranker);

}  // namespace footnote::server
