#include "server/commands/eval_corpus.h"

#include <filesystem>

#include "common/sha256.h"
#include "indexer/indexer.h"
#include "server/commands/embed_options.h"
#include "server/commands/terminal.h"
#include "server/home.h"

namespace footnote::server {
namespace {

namespace fs = std::filesystem;

fs::path EvalCorporaRoot() { return CacheDir() / "eval"; }

// One for each folder, embedder and precision.
std::string CorpusName(const EvalSet& set, const std::string& embedder_sha256,
                       const std::string& precision) {
  std::error_code error;
  const fs::path absolute = fs::weakly_canonical(set.folder, error);
  std::string name = "eval-";
  for (char c : set.name) name += (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ? c : '-';
  return name.substr(0, 40) + "-" +
         Sha256Hex(absolute.string() + embedder_sha256 + precision).substr(0, 10);
}

}  // namespace

StatusOr<OpenCorpus> OpenEvalCorpus(const EvalSet& set, const std::string& embedder_path,
                                    const std::string& precision, const CallContext& call,
                                    const retriever::Reranking& reranking) {
  FOOTNOTE_ASSIGN_OR_RETURN(const LoadedEmbedder embedder,
                            LoadEmbedderForDocuments(embedder_path, precision, /*threads=*/0));
  const std::string name = CorpusName(set, embedder.embedder->model_sha256(), precision);
  {
    retriever::CorpusSettings settings = SettingsFor(embedder);
    settings.is_public = true;
    FOOTNOTE_ASSIGN_OR_RETURN(const std::unique_ptr<retriever::CorpusWriter> writer,
                              retriever::CorpusWriter::Open(EvalCorporaRoot(), name, settings));
    indexer::IndexOptions index;
    index.sources = {set.folder / "corpus.jsonl"};
    index.prune = true;
    ProgressLine bar;
    FOOTNOTE_ASSIGN_OR_RETURN(const indexer::IndexReport report,
                              indexer::BuildIndex(
                                  index, *embedder.embedder, *writer,
                                  [&](const indexer::IndexProgress& progress) {
                                    bar.Show(set.name + ": " + progress.phase, progress.share,
                                             WithThousands(progress.documents_done) +
                                                 " documents, " +
                                                 WithThousands(progress.chunks_done) + " chunks");
                                  },
                                  call));
    bar.Done();
    if (report.failed > 0) {
      return DataLossError(std::to_string(report.failed) + " documents of " + set.folder.string() +
                           " could not be indexed, the first: " + report.failures.front().source +
                           ": " + report.failures.front().error);
    }
  }
  return OpenCorpusForSearch(name, embedder_path, EvalCorporaRoot(), {}, reranking);
}

}  // namespace footnote::server
