// Corpora and embedders that are open, shared by all requests.
//
// A corpus is opened when somebody first asks for it, stays open, and follows its writer by itself.
// One embedder serves every corpus that was made with it. Threads: all methods may be called
// concurrently.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "common/embedder.h"
#include "common/status.h"
#include "generator/model.h"
#include "retriever/corpus.h"
#include "retriever/retriever.h"

namespace footnote::server {

// An embedder and what people want to know of it.
struct EmbedderEntry {
  std::filesystem::path path;
  std::unique_ptr<Embedder> embedder;
  generator::ModelInfo info;
};

class Catalog {
 public:
  struct OpenCorpus {
    std::shared_ptr<retriever::Corpus> corpus;
    std::shared_ptr<const EmbedderEntry> embedder;
    std::unique_ptr<retriever::RetrievalBackend> retriever;
  };

  // `default_embedder` serves corpora that were made with it, and new ones. A reranker serves all
  // of them, and outlives the catalog.
  Catalog(std::filesystem::path corpora_root, std::shared_ptr<const EmbedderEntry> default_embedder,
          generator::ModelOptions embedder_options, const retriever::Reranking& reranking = {});

  const std::filesystem::path& corpora_root() const { return corpora_root_; }
  const std::shared_ptr<const EmbedderEntry>& default_embedder() const { return default_embedder_; }
  const Reranker* reranker() const { return reranking_.reranker; }  // may be null

  // Names of all corpora in the folder, open or not.
  StatusOr<std::vector<std::string>> Names() const;

  // Errors: NOT_FOUND, and those of opening; what failed is tried again at the next call. A corpus
  // whose folder was replaced is opened anew.
  StatusOr<std::shared_ptr<const OpenCorpus>> Open(const std::string& name);

 private:
  // Which folder it is: a corpus that was deleted and made again has another.
  struct FolderId {
    uint64_t device = 0;
    uint64_t inode = 0;
    bool operator==(const FolderId&) const = default;
  };
  struct Slot {
    std::mutex mutex;  // one opens, others wait for it
    FolderId folder;
    std::shared_ptr<const OpenCorpus> open;
  };

  StatusOr<FolderId> Identify(const std::string& name) const;
  StatusOr<std::shared_ptr<const EmbedderEntry>> EmbedderFor(const retriever::CorpusInfo& info);

  const std::filesystem::path corpora_root_;
  const std::shared_ptr<const EmbedderEntry> default_embedder_;
  const generator::ModelOptions embedder_options_;
  const retriever::Reranking reranking_;
  std::mutex mutex_;  // guards slots_ and embedders_, not what is in a slot
  std::map<std::string, std::shared_ptr<Slot>> slots_;
  std::map<std::string, std::shared_ptr<const EmbedderEntry>> embedders_;  // by hash
};

// Loads an embedder; an empty path means the default model.
StatusOr<std::shared_ptr<const EmbedderEntry>> LoadEmbedderEntry(
    const std::filesystem::path& path, const generator::ModelOptions& options);

}  // namespace footnote::server
