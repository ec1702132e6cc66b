// The writer of a corpus in a local folder; what corpus_writer.h promises.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "retriever/corpus_writer.h"
#include "retriever/storage/chunk_store.h"
#include "retriever/storage/manifest.h"
#include "retriever/storage/writer_memory.h"
#include "retriever/text/analyzer.h"

namespace footnote::retriever {

// Generations that stay readable, the current one included.
inline constexpr size_t kKeptGenerations = 3;
// A search asks every segment, so they are merged when there are more.
inline constexpr size_t kMaxSegments = 8;
// A segment with more dead rows than this is written anew without them.
inline constexpr double kMaxDeadShare = 0.2;

// One vector of length 1 for each chunk, or INVALID_ARGUMENT.
Status CheckVectors(const std::string& document_id, uint32_t width, size_t chunks,
                    std::span<const float> vectors);

// Puts the sentences of each chunk into the document: one list for each chunk, or none at all.
// INVALID_ARGUMENT otherwise.
Status SetSentences(std::span<const ChunkSentences> sentences, uint32_t width,
                    records::StagedDocument& document);

// Each is one; see retriever/access.h.
Status CheckPrincipals(const AccessList& access);

class LocalWriter : public CorpusWriter {
 public:
  // Opens without checking or changing settings; what rollback, erase and repair need. Removes what
  // a crashed writer left.
  static StatusOr<std::unique_ptr<LocalWriter>> OpenExisting(const std::filesystem::path& corpus,
                                                             const MemoryBound& memory = {});
  static StatusOr<std::unique_ptr<LocalWriter>> Open(const std::filesystem::path& corpus,
                                                     const CorpusSettings& settings);

  StatusOr<std::optional<DocumentState>> Lookup(const std::string& document_id) override;
  StatusOr<std::vector<std::string>> DocumentIds() override;
  Status Put(const IndexedDocument& document, const std::string& fingerprint) override;
  StatusOr<std::vector<std::string>> Unembedded() override;
  StatusOr<UnembeddedDocument> ReadUnembedded(const std::string& document_id) override;
  using CorpusWriter::PutVectors;
  Status PutVectors(const std::string& document_id, std::span<const float> vectors,
                    std::span<const ChunkSentences> sentences) override;
  Status Delete(const std::string& document_id) override;
  Status SetAccess(const std::string& document_id, const AccessList& access) override;
  Status GiveAccess(std::span<const AccessChange> changes) override;
  StatusOr<std::optional<std::string>> NoteOf(const std::string& file) override;
  Status PutNotes(std::span<const FileNote> notes) override;
  StatusOr<uint64_t> Publish() override;
  StatusOr<uint64_t> CurrentGeneration() override { return current_.number(); }
  std::string StemmerLanguage() const override { return settings_.language(); }

  // Stages a document of another corpus as it is. Its record, text, chunks, vectors and access are
  // taken for true.
  Status PutStaged(records::StagedDocument document);
  const records::CorpusRecord& settings() const { return settings_; }

  StatusOr<uint64_t> Rollback(uint64_t to_generation);
  Status Erase(const std::string& document_id);
  // Rebuilds FAISS files that do not have their checksum.
  Status RepairVectorFiles();

 private:
  friend class Reembedder;
  struct Published {
    uint32_t segment = 0;
    uint32_t ordinal = 0;
    uint32_t chunks = 0;
    uint64_t tokens = 0;
    std::string version;
    std::string fingerprint;
    bool embedded = true;
  };
  using PublishedMap = std::unordered_map<std::string, Published>;
  struct Plan;

  LocalWriter(std::filesystem::path corpus, std::unique_ptr<ChunkStore> store,
              const WriterMemory& memory)
      : corpus_(std::move(corpus)), memory_(memory), store_(std::move(store)) {}

  static StatusOr<std::unique_ptr<LocalWriter>> OpenFolder(const std::filesystem::path& corpus,
                                                           const MemoryBound& memory);
  Status LoadState();
  // Writes `batch`, synced, as the next revision: what readers must notice goes this way.
  Status Commit(ChunkStore::Batch&& batch);
  Status LoadPublished();
  Status ApplySettings(const CorpusSettings& settings, bool is_new);
  Status RemoveGarbage(const std::vector<records::GenerationRecord>& generations);
  // Adds the segment's documents that are not dead. DATA_LOSS when some are missing.
  Status AddPublished(const records::SegmentRecord& segment, const std::set<uint32_t>& dead,
                      PublishedMap& published) const;
  // Deletes in `batch` the access lists of documents of dropped segments that neither a kept one
  // nor the next generation holds. With the batch that drops them, or nobody would find them again.
  Status ForgetAccessOf(const std::vector<uint32_t>& dropped, const std::set<uint32_t>& kept,
                        const std::function<bool(const std::string&)>& is_published,
                        ChunkStore::Batch& batch) const;
  Status Check(const IndexedDocument& document) const;
  // All of a document that waits for vectors, as it was staged.
  StatusOr<records::StagedDocument> ReadWaiting(const std::string& document_id);
  StatusOr<std::optional<records::StagedHeader>> StagedHeaderOf(const std::string& id);
  // Deletions too, in order of their ids.
  Status ForEachStaged(
      const std::function<void(const std::string& id, const records::StagedHeader&)>& take);
  StatusOr<std::optional<records::AccessRecord>> AccessOf(const std::string& id);
  // Stages what `change` makes of a document's list as change `epoch`; false when it is unknown.
  StatusOr<bool> StageAccess(const std::string& id, uint64_t epoch,
                             const std::function<void(records::AccessRecord&)>& change,
                             ChunkStore::Batch& batch);
  StatusOr<Plan> MakePlan();
  void ChooseMerges(Plan& plan) const;
  // Of the plan's sources that have vectors, or of those that have none; nothing when there are
  // none of the kind.
  StatusOr<std::optional<records::SegmentRecord>> WriteSegment(Plan& plan, bool with_vectors,
                                                               uint32_t id);
  // Makes the plan and what was written for it the current generation. `stage` adds to the batch.
  StatusOr<uint64_t> PublishPlan(const Plan& plan,
                                 const std::vector<records::SegmentRecord>& written,
                                 uint32_t next_segment, const records::CorpusRecord& settings,
                                 const std::function<void(ChunkStore::Batch&)>& stage);
  // A copy of a segment that lacks one document.
  StatusOr<records::SegmentRecord> CopyWithout(const records::SegmentRecord& segment, int width,
                                               uint32_t ordinal, uint32_t id);
  // Stages in `batch` all generations without the document; returns how many segments held it.
  StatusOr<int> EraseFromGenerations(const std::string& document_id, ChunkStore::Batch& batch);
  // Leaves no deleted byte in any file.
  Status Purge();

  std::filesystem::path corpus_;
  const WriterMemory memory_;
  std::unique_ptr<ChunkStore> store_;
  records::CorpusRecord settings_;
  std::unique_ptr<Analyzer> analyzer_;
  records::GenerationRecord current_;  // number 0: none yet
  PublishedMap published_;
  bool finished_erasure_ = false;  // opening found an erasure that a crash had cut short
};

}  // namespace footnote::retriever
