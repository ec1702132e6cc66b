// Short ways to write and ask corpora in tests.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/sha256.h"
#include "retriever/corpus.h"
#include "retriever/corpus_writer.h"
#include "retriever/retriever.h"
#include "tests/testing/fake_embedder.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace footnote::retriever::testing {

using footnote::testing::FakeEmbedder;
using footnote::testing::TempDir;

inline CorpusSettings SettingsFor(const Embedder& embedder, bool is_public = true,
                                  VectorIndexKind kind = VectorIndexKind::kAuto) {
  CorpusSettings settings;
  settings.is_public = is_public;
  settings.embedder_name = embedder.name();
  settings.embedder_sha256 = embedder.model_sha256();
  settings.embedder_path = "/models/" + embedder.name();
  settings.width = embedder.width();
  settings.vector_index = kind;
  return settings;
}

// A document whose paragraphs (parted by blank lines) are its chunks.
inline IndexedDocument MakeDocument(const Embedder& embedder, const std::string& id,
                                    const std::string& text, Metadata metadata = {},
                                    AccessList access = {}) {
  IndexedDocument indexed;
  indexed.document.id = id;
  indexed.document.version = Sha256Hex(text);
  indexed.document.title = "Title of " + id;
  indexed.document.source = "/sources/" + id;
  indexed.document.text = text;
  indexed.document.metadata = std::move(metadata);
  indexed.document.access = std::move(access);
  for (size_t start = 0; start < text.size();) {
    size_t end = text.find("\n\n", start);
    if (end == std::string::npos) end = text.size();
    Chunk chunk;
    chunk.span = {start, end};
    chunk.heading_path = {"Part", "Section"};
    chunk.clause = "7.3." + std::to_string(indexed.chunks.size());
    chunk.page = 1 + static_cast<int>(indexed.chunks.size());
    const std::string piece = text.substr(start, end - start);
    chunk.embedded_text = indexed.document.title + "\n" + piece;
    chunk.tokens = embedder.CountTokens(piece);
    const std::string_view embedded = chunk.embedded_text;
    auto vectors = embedder.Embed(std::span(&embedded, 1), TextRole::kPassage, CallContext());
    indexed.vectors.insert(indexed.vectors.end(), vectors->values.begin(), vectors->values.end());
    indexed.chunks.push_back(std::move(chunk));
    start = std::min(text.size(), end + 2);
  }
  return indexed;
}

inline StatusOr<std::vector<Passage>> Ask(RetrievalBackend& backend, const std::string& query,
                                          int top_k = 10, Asker asker = {},
                                          const Filter* filter = nullptr, double diversity = 0) {
  RetrievalRequest request;
  request.query = query;
  request.top_k = top_k;
  request.asker = std::move(asker);
  request.filter = filter;
  request.diversity = diversity;
  FOOTNOTE_ASSIGN_OR_RETURN(RetrievalResult result, backend.Retrieve(request, CallContext()));
  return std::move(result.passages);
}

// Opens a corpus and asks it once.
inline StatusOr<std::vector<Passage>> AskCorpus(const std::filesystem::path& root,
                                                const std::string& name, const Embedder& embedder,
                                                const std::string& query, int top_k = 10,
                                                Asker asker = {}, const Reranking& reranking = {},
                                                double diversity = 0) {
  FOOTNOTE_ASSIGN_OR_RETURN(auto corpus, Corpus::Open(root, name));
  FOOTNOTE_ASSIGN_OR_RETURN(auto backend, MakeLocalRetriever(corpus, &embedder, reranking));
  return Ask(*backend, query, top_k, std::move(asker), nullptr, diversity);
}

inline std::vector<std::string> IdsOf(const std::vector<Passage>& passages) {
  std::vector<std::string> ids;
  for (const Passage& passage : passages) ids.push_back(passage.document_id);
  return ids;
}

}  // namespace footnote::retriever::testing
