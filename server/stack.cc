#include "server/stack.h"

#include <iostream>
#include <utility>

#include "server/home.h"
#include "server/model_notes.h"

namespace footnote::server {
namespace fs = std::filesystem;

StatusOr<LoadedEmbedder> LoadEmbedder(const fs::path& path,
                                      const generator::ModelOptions& options) {
  LoadedEmbedder loaded;
  loaded.path = path;
  if (path.empty()) {
    FOOTNOTE_ASSIGN_OR_RETURN(loaded.path, DefaultEmbedderPath());
  }
  generator::ModelOptions on_device = options;
  on_device.device = generator::DevicesNamed(options.device).front();  // an embedder has no replica
  FOOTNOTE_ASSIGN_OR_RETURN(std::shared_ptr<const generator::Model> model,
                            generator::Model::Load(loaded.path, on_device));
  PrintModelNotes(model->info());
  FOOTNOTE_ASSIGN_OR_RETURN(std::string sha256, ModelSha256(loaded.path));
  loaded.info = model->info();
  StatusOr<std::unique_ptr<Embedder>> embedder =
      generator::MakeEmbedder(std::move(model), std::move(sha256));
  if (!embedder.ok()) return embedder.status().WithContext(loaded.path.string());
  loaded.embedder = *std::move(embedder);
  return loaded;
}

StatusOr<LoadedEmbedder> LoadFastestEmbedder(const fs::path& path,
                                             generator::ModelOptions options) {
  const kernels::Precision otherwise = options.precision;
  options.precision = kernels::Precision::kInt8;
  StatusOr<LoadedEmbedder> loaded = LoadEmbedder(path, options);
  if (loaded.ok()) return loaded;
  options.precision = otherwise;
  StatusOr<LoadedEmbedder> unrounded = LoadEmbedder(path, options);
  if (unrounded.ok()) {
    std::cerr << "footnote: " << unrounded->info.name << " embeds in float32, which is slower, "
              << "since in 8 bits " << loaded.status().message() << "\n";
  }
  return unrounded;
}

StatusOr<LoadedGenerator> LoadGenerator(const fs::path& path,
                                        const generator::ModelOptions& options,
                                        const generator::EngineOptions& engine) {
  LoadedGenerator loaded;
  loaded.path = path;
  if (path.empty()) {
    FOOTNOTE_ASSIGN_OR_RETURN(loaded.path, DefaultGeneratorPath());
  }
  FOOTNOTE_ASSIGN_OR_RETURN(loaded.sha256, ModelSha256(loaded.path));
  std::vector<std::unique_ptr<generator::TextGenerator>> replicas;
  for (const std::string& device : generator::DevicesNamed(options.device)) {
    generator::ModelOptions on_device = options;
    on_device.device = device;
    FOOTNOTE_ASSIGN_OR_RETURN(std::shared_ptr<const generator::Model> model,
                              generator::Model::Load(loaded.path, on_device));
    PrintModelNotes(model->info());
    if (replicas.empty()) {
      loaded.info = model->info();
      loaded.isa = model->info().isa;
      loaded.precision = std::string(kernels::PrecisionName(model->options().precision));
    } else {
      loaded.info.device += ", " + model->info().device;
    }
    StatusOr<std::unique_ptr<generator::TextGenerator>> text_generator =
        generator::MakeTextGenerator(std::move(model), engine);
    if (!text_generator.ok()) return text_generator.status().WithContext(loaded.path.string());
    replicas.push_back(*std::move(text_generator));
  }
  loaded.generator = replicas.size() == 1 ? std::move(replicas.front())
                                          : generator::MakeReplicatedGenerator(std::move(replicas));
  return loaded;
}

StatusOr<LoadedReranker> LoadReranker(const fs::path& path, const LoadedGenerator* generator,
                                      const fs::path& generator_path,
                                      const generator::ModelOptions& options) {
  LoadedReranker loaded;
  if (path.empty()) return loaded;
  if (path == kGeneratorAsReranker) {
    if (generator == nullptr) {
      FOOTNOTE_ASSIGN_OR_RETURN(loaded.generator, LoadGenerator(generator_path, options));
      generator = &*loaded.generator;
    }
    loaded.reranker = generator::MakeQueryLikelihood(generator->generator.get(), generator->sha256);
    return loaded;
  }
  generator::ModelOptions on_device = options;
  on_device.device = generator::DevicesNamed(options.device).front();
  StatusOr<std::shared_ptr<const generator::Model>> model = generator::Model::Load(path, on_device);
  if (!model.ok()) return model.status().WithContext("the reranker");
  PrintModelNotes((*model)->info());
  FOOTNOTE_ASSIGN_OR_RETURN(std::string sha256, ModelSha256(path));
  StatusOr<std::unique_ptr<Reranker>> reranker =
      generator::MakeCrossEncoder(*std::move(model), std::move(sha256));
  if (!reranker.ok()) return reranker.status().WithContext("the reranker " + path.string());
  loaded.reranker = *std::move(reranker);
  return loaded;
}

StatusOr<OpenCorpus> OpenCorpusForSearch(const std::string& name, const fs::path& embedder_path,
                                         const fs::path& corpora_root,
                                         const generator::ModelOptions& options,
                                         const retriever::Reranking& reranking) {
  OpenCorpus open;
  FOOTNOTE_ASSIGN_OR_RETURN(open.corpus, retriever::Corpus::Open(corpora_root, name));
  fs::path path = embedder_path;
  std::error_code error;
  if (path.empty()) {
    const std::string recorded = open.corpus->Info().embedder_path;
    if (!recorded.empty() && fs::exists(recorded, error)) path = recorded;
  }
  FOOTNOTE_ASSIGN_OR_RETURN(open.embedder, LoadFastestEmbedder(path, options));
  FOOTNOTE_ASSIGN_OR_RETURN(
      open.retriever,
      retriever::MakeLocalRetriever(open.corpus, open.embedder.embedder.get(), reranking));
  return open;
}

retriever::CorpusSettings SettingsFor(const LoadedEmbedder& embedder) {
  retriever::CorpusSettings settings;
  settings.embedder_name = embedder.embedder->name();
  settings.embedder_sha256 = embedder.embedder->model_sha256();
  std::error_code error;
  settings.embedder_path = std::filesystem::absolute(embedder.path, error).string();
  settings.width = embedder.embedder->width();
  return settings;
}

AnswererIdentity IdentityOf(const std::string& corpus, const LoadedGenerator& generator,
                            const Embedder& embedder, const Reranker* reranker) {
  AnswererIdentity identity;
  identity.corpus = corpus;
  identity.model_sha256 = generator.sha256;
  identity.embedder_sha256 = embedder.model_sha256();
  if (reranker != nullptr) identity.reranker_sha256 = reranker->model_sha256();
  identity.isa = generator.isa;
  identity.precision = generator.precision;
  identity.engine_version = FOOTNOTE_VERSION;
  return identity;
}

}  // namespace footnote::server
