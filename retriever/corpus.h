// The read side of a corpus: generations, documents, checks and repairs. Works beside a writer in
// another process.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/status.h"
#include "retriever/corpus_writer.h"
#include "retriever/document.h"

namespace footnote::retriever {

struct GenerationInfo {
  uint64_t number = 0;
  int64_t created_unix_s = 0;
  int64_t documents = 0;
  int64_t chunks = 0;
  int64_t tokens = 0;
  bool current = false;
};

struct CorpusInfo {
  std::string name;
  bool is_public = false;
  std::string embedder_name;
  std::string embedder_sha256;
  std::string embedder_path;
  int width = 0;
  std::string vector_index;  // "flat", "hnsw": what was chosen, and why
  std::string vector_index_reason;
  uint64_t generation = 0;
  int64_t documents = 0;
  int64_t chunks = 0;
  int64_t tokens = 0;
  int64_t unembedded_chunks = 0;  // of `chunks`: found by their words alone as yet
  int64_t disk_bytes = 0;
  std::vector<std::string> metadata_fields;
  std::vector<GenerationInfo> generations;
};

// A document without its text.
struct DocumentSummary {
  std::string id;
  std::string version;
  std::string title;
  std::string source;
};

// A chunk as it is stored.
struct StoredChunk {
  std::string document_id;
  std::string version;  // of the document
  Chunk chunk;
  std::string text;
  std::vector<float> vector;  // as stored, rounded to halves; empty when it has none yet
};

// Names of the corpora below corpora_root, sorted.
StatusOr<std::vector<std::string>> ListCorpora(const std::filesystem::path& corpora_root);

// One open corpus. Threads: all methods may be called concurrently.
class Corpus {
 public:
  // Errors: NOT_FOUND (names the corpora there are), DATA_LOSS, FAILED_PRECONDITION (no generation
  // published yet).
  static StatusOr<std::shared_ptr<Corpus>> Open(const std::filesystem::path& corpora_root,
                                                const std::string& name);
  virtual ~Corpus() = default;

  virtual CorpusInfo Info() = 0;

  // Of the embedder whose vectors the current generation has.
  virtual StatusOr<std::string> EmbedderSha256() = 0;

  // As it is now; costs microseconds, where Info() looks at the disk.
  virtual StatusOr<bool> IsPublic() = 0;

  // The document in the current generation. NOT_FOUND also when the asker may not see it.
  virtual StatusOr<Document> GetDocument(const std::string& document_id, const Asker& asker) = 0;

  // Documents that the asker may see, sorted by id, from the first id after `after_id` on; at most
  // `limit` of them.
  virtual StatusOr<std::vector<DocumentSummary>> ListDocuments(const Asker& asker,
                                                               const std::string& after_id,
                                                               size_t limit) = 0;

  // The same of those that the filter leaves. Errors: INVALID_ARGUMENT for a field that no document
  // has.
  virtual StatusOr<std::vector<DocumentSummary>> MatchingDocuments(const Asker& asker,
                                                                   const Filter& filter,
                                                                   size_t limit) = 0;

  // As GetDocument, for whoever owns the machine: `footnote corpus document`.
  virtual StatusOr<Document> GetDocumentAsOwner(const std::string& document_id) = 0;

  // Ids of the current generation's documents, sorted, for whoever owns the machine.
  virtual StatusOr<std::vector<std::string>> DocumentIds() = 0;

  // Calls `take` for each chunk of the current generation, documents in order of their ids, for
  // whoever owns the machine. Ends with the first error of `take`.
  virtual Status ForEachChunk(const std::function<Status(const StoredChunk&)>& take) = 0;

  // Proves that documents, chunks, vectors, postings and FAISS files of the current generation
  // agree; each finding is one sentence. Empty: all is well. Progress: called with a share 0…1.
  virtual StatusOr<std::vector<std::string>> Verify(
      const std::function<void(double)>& progress) = 0;
};

// Makes an older generation current again (0: the one before the current). Access lists and
// withdrawals are not rolled back. Takes the writer's lock.
StatusOr<uint64_t> RollbackCorpus(const std::filesystem::path& corpora_root,
                                  const std::string& name, uint64_t to_generation);

// Removes a document physically: all generations, tables, logs, FAISS files. Takes the writer's
// lock. NOT_FOUND when it never was there.
Status EraseDocument(const std::filesystem::path& corpora_root, const std::string& name,
                     const std::string& document_id);

struct MergeReport {
  uint64_t generation = 0;
  int64_t added = 0;
  int64_t updated = 0;
  int64_t unchanged = 0;
  int64_t deleted = 0;
  int64_t chunks = 0;  // of documents that were added or updated
};

// Copies the documents of `parts` (folders of corpora, made on other machines or here) with their
// vectors and access lists into the corpus `name`, which is made when it is new, and publishes
// once. What it has already in that version stays; prune deletes what no part holds. Takes the
// writer's lock of `name` alone; a call that was cut short is simply repeated. Errors:
// FAILED_PRECONDITION (another embedder, another language, documents without vectors),
// ALREADY_EXISTS (two parts hold one id in different versions), those of opening and writing.
// progress: called when a document was looked at and, if need be, copied; publishing comes after
// the last. The parts' vector indexes are not read.
StatusOr<MergeReport> MergeCorpora(const std::filesystem::path& corpora_root,
                                   const std::string& name,
                                   const std::vector<std::filesystem::path>& parts, bool prune,
                                   const std::function<void(double share)>& progress,
                                   const MemoryBound& memory = {});

}  // namespace footnote::retriever
