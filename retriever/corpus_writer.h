// The write side of a corpus: one process at a time, published generation by generation.
//
// Put and Delete stage changes; nothing of them is visible until Publish, which is one atomic
// RocksDB write. A crash at any instruction leaves the last published generation readable, and what
// was staged is found again by the next writer (Staged), so that finished work is not done twice.
// Threads: one caller at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/memory.h"
#include "common/status.h"
#include "retriever/document.h"

namespace footnote::retriever {

enum class VectorIndexKind { kAuto, kFlat, kSq8, kHnsw, kIvf };

struct CorpusSettings {
  // true makes the corpus public, also one that exists; false leaves an existing one as it is.
  bool is_public = false;
  std::string embedder_name;
  std::string embedder_sha256;
  std::string embedder_path;  // as given at index time, so that search finds it again; may be empty
  int width = 0;              // of a vector
  VectorIndexKind vector_index = VectorIndexKind::kAuto;
  // Of the process while it writes, as far as the writer decides it. Not kept with the corpus.
  MemoryBound memory{};
};

// What the writer knows about a document, to decide whether work is needed.
struct DocumentState {
  std::string version;
  std::string fingerprint;   // caller's: hash of everything else that matters (metadata, chunker
                             // settings)
  std::string given_access;  // digest of the list that its source gave: see GiveAccess
  bool staged = false;       // by this or an earlier, unpublished run
  bool embedded = true;      // has its vectors
  int64_t chunks = 0;
};

struct AccessChange {
  std::string document_id;
  AccessList access;
};

// A document that waits for its vectors.
struct UnembeddedDocument {
  std::string id;
  std::vector<std::string> texts;  // to be embedded, one for each chunk
  std::vector<size_t> contexts;    // bytes at the front of each that are not the chunk's own text
  int64_t tokens = 0;
};

// What a caller wants to find again in its next run about a file that it read. Not part of any
// generation.
struct FileNote {
  std::string file;
  std::string note;
};

class CorpusWriter {
 public:
  // Creates the corpus when it is new. Errors: ABORTED when another process writes it (names
  // its pid and start); FAILED_PRECONDITION when it was made with another embedder (says what to
  // run);
  // INVALID_ARGUMENT for a name that is not [a-z0-9][a-z0-9_-]{0,62}; RESOURCE_EXHAUSTED,
  // DATA_LOSS.
  static StatusOr<std::unique_ptr<CorpusWriter>> Open(const std::filesystem::path& corpora_root,
                                                      const std::string& corpus,
                                                      const CorpusSettings& settings);
  // To give all documents of an existing corpus vectors of another embedder, beside the generation
  // that is served: they all are Unembedded() until PutVectors, also over several runs, and Publish
  // swaps. Put, Delete and the like are FAILED_PRECONDITION meanwhile, and Publish is, as long as
  // vectors are missing. What was staged before is published first. Errors: as Open; NOT_FOUND;
  // FAILED_PRECONDITION when it is the corpus's embedder already.
  static StatusOr<std::unique_ptr<CorpusWriter>> OpenToReembed(
      const std::filesystem::path& corpora_root, const std::string& corpus,
      const CorpusSettings& settings);
  virtual ~CorpusWriter() = default;

  // The document as it will be after Publish: staged if it is, else published; nothing when absent
  // or staged for deletion.
  virtual StatusOr<std::optional<DocumentState>> Lookup(const std::string& document_id) = 0;

  // Ids of all documents as they will be after Publish.
  virtual StatusOr<std::vector<std::string>> DocumentIds() = 0;

  // Adds or replaces. When it returns, the process may die and nothing is lost (the machine may die
  // after Publish), but nothing is visible yet. Without
  // vectors, the document is found by its words once it is published, and by its meaning when
  // PutVectors was followed by another Publish. Errors: RESOURCE_EXHAUSTED (disk full),
  // INVALID_ARGUMENT.
  virtual Status Put(const IndexedDocument& document, const std::string& fingerprint) = 0;

  // Ids of the documents that wait for vectors, as they will be after Publish, sorted.
  virtual StatusOr<std::vector<std::string>> Unembedded() = 0;
  // NOT_FOUND when it does not wait, or not any more.
  virtual StatusOr<UnembeddedDocument> ReadUnembedded(const std::string& document_id) = 0;
  // vectors: [chunks, width], in the order of `texts`; sentences: one for each, or none at all. As
  // safe as after Put. Errors: those of ReadUnembedded and Put.
  virtual Status PutVectors(const std::string& document_id, std::span<const float> vectors,
                            std::span<const ChunkSentences> sentences) = 0;
  Status PutVectors(const std::string& document_id, std::span<const float> vectors) {
    return PutVectors(document_id, vectors, {});
  }

  // Stages a deletion. OK when it is not there.
  virtual Status Delete(const std::string& document_id) = 0;

  // Changes who may see a document, at once and in every generation; denying "everyone" withdraws
  // it. Not undone by a rollback. NOT_FOUND when it is unknown.
  virtual Status SetAccess(const std::string& document_id, const AccessList& access) = 0;

  // What the sources say of documents that are there, in one durable write that holds at once, as
  // SetAccess does. Put says it of its own document. A list that SetAccess gave stays until the
  // sources say something else than they did before: indexing again must not bring back what was
  // withdrawn. Documents that are unknown are left out.
  virtual Status GiveAccess(std::span<const AccessChange> changes) = 0;

  // Notes may be lost in a crash, and all are with an erasure, since they may name what is erased:
  // they only save work.
  virtual StatusOr<std::optional<std::string>> NoteOf(const std::string& file) = 0;
  virtual Status PutNotes(std::span<const FileNote> notes) = 0;

  // Makes all that is staged visible as a new generation, and returns its number; the current one
  // when nothing is staged. RESOURCE_EXHAUSTED also when the vectors' index does not fit into the
  // memory that the settings allow (says how much would do; what is staged stays).
  virtual StatusOr<uint64_t> Publish() = 0;

  virtual StatusOr<uint64_t> CurrentGeneration() = 0;

  // Whose rules the corpus's words are stemmed by: a Snowball name ("english"), "" for none.
  virtual std::string StemmerLanguage() const = 0;
};

}  // namespace footnote::retriever
