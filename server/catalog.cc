#include "server/catalog.h"

#include <sys/stat.h>

#include <utility>

#include "server/stack.h"

namespace footnote::server {
namespace fs = std::filesystem;

StatusOr<std::shared_ptr<const EmbedderEntry>> LoadEmbedderEntry(
    const fs::path& path, const generator::ModelOptions& options) {
  FOOTNOTE_ASSIGN_OR_RETURN(LoadedEmbedder loaded, LoadFastestEmbedder(path, options));
  auto entry = std::make_shared<EmbedderEntry>();
  entry->path = std::move(loaded.path);
  entry->embedder = std::move(loaded.embedder);
  entry->info = std::move(loaded.info);
  return std::shared_ptr<const EmbedderEntry>(std::move(entry));
}

Catalog::Catalog(fs::path corpora_root, std::shared_ptr<const EmbedderEntry> default_embedder,
                 generator::ModelOptions embedder_options, const retriever::Reranking& reranking)
    : corpora_root_(std::move(corpora_root)),
      default_embedder_(std::move(default_embedder)),
      embedder_options_(std::move(embedder_options)),
      reranking_(reranking) {
  embedders_[default_embedder_->embedder->model_sha256()] = default_embedder_;
}

StatusOr<std::vector<std::string>> Catalog::Names() const {
  return retriever::ListCorpora(corpora_root_);
}

StatusOr<Catalog::FolderId> Catalog::Identify(const std::string& name) const {
  // A name with a slash would leave the folder of corpora; no corpus has one.
  struct stat found = {};
  if (name.empty() || name.find('/') != std::string::npos || name.front() == '.' ||
      ::stat((corpora_root_ / name / "db").c_str(), &found) != 0) {
    return NotFoundError("there is no corpus \"" + name + "\": list the corpora that there are");
  }
  return FolderId{found.st_dev, found.st_ino};
}

StatusOr<std::shared_ptr<const EmbedderEntry>> Catalog::EmbedderFor(
    const retriever::CorpusInfo& info) {
  {
    const std::lock_guard lock(mutex_);
    const auto known = embedders_.find(info.embedder_sha256);
    if (known != embedders_.end()) return known->second;
  }
  if (info.embedder_path.empty()) {
    return FailedPreconditionError("the corpus \"" + info.name + "\" was made with the embedder " +
                                   info.embedder_name +
                                   ", whose place is not recorded: start the server with "
                                   "--embedder PATH of that model");
  }
  StatusOr<std::shared_ptr<const EmbedderEntry>> entry =
      LoadEmbedderEntry(info.embedder_path, embedder_options_);
  if (!entry.ok()) {
    return entry.status().WithContext("the embedder of the corpus \"" + info.name + "\"");
  }
  // Whether it is the right one, MakeLocalRetriever judges.
  const std::lock_guard lock(mutex_);
  return embedders_.emplace((*entry)->embedder->model_sha256(), *entry).first->second;
}

StatusOr<std::shared_ptr<const Catalog::OpenCorpus>> Catalog::Open(const std::string& name) {
  FOOTNOTE_ASSIGN_OR_RETURN(const FolderId folder, Identify(name));
  std::shared_ptr<Slot> slot;
  {
    const std::lock_guard lock(mutex_);
    std::shared_ptr<Slot>& known = slots_[name];
    if (known == nullptr) known = std::make_shared<Slot>();
    slot = known;
  }
  const std::lock_guard lock(slot->mutex);
  if (slot->open != nullptr && slot->folder == folder) {
    // The corpus may have gone over to another embedder.
    FOOTNOTE_ASSIGN_OR_RETURN(const std::string embedder, slot->open->corpus->EmbedderSha256());
    if (embedder == slot->open->embedder->embedder->model_sha256()) return slot->open;
  }
  slot->open = nullptr;
  auto open = std::make_shared<OpenCorpus>();
  FOOTNOTE_ASSIGN_OR_RETURN(open->corpus, retriever::Corpus::Open(corpora_root_, name));
  FOOTNOTE_ASSIGN_OR_RETURN(open->embedder, EmbedderFor(open->corpus->Info()));
  FOOTNOTE_ASSIGN_OR_RETURN(
      open->retriever,
      retriever::MakeLocalRetriever(open->corpus, open->embedder->embedder.get(), reranking_));
  slot->folder = folder;
  slot->open = std::move(open);
  return slot->open;
}

}  // namespace footnote::server
