// The small records that say what a corpus is now: settings, generations, access lists.
// docs/index_format.md tells the keys.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/status.h"
#include "retriever/access.h"
#include "retriever/corpus_writer.h"
#include "retriever/filter.h"
#include "retriever/storage/chunk_store.h"
#include "storage/v1/record.pb.h"

namespace footnote::retriever {

namespace records = ::footnote::storage::v1;

// 2: segments may have postings of lexical format 2.
inline constexpr uint32_t kFormatVersion = 2;

// [a-z0-9][a-z0-9_-]{0,62}, or INVALID_ARGUMENT.
Status CheckCorpusName(const std::string& name);
// The folder of a corpus that is there; NOT_FOUND names those that are. FAILED_PRECONDITION: making
// it was cut short.
StatusOr<std::filesystem::path> FindCorpus(const std::filesystem::path& corpora_root,
                                           const std::string& name);
std::filesystem::path VectorFile(const std::filesystem::path& corpus, uint32_t segment);

// Errors: DATA_LOSS when it is absent or does not parse; FAILED_PRECONDITION for a format of a
// later release.
StatusOr<records::CorpusRecord> ReadCorpusRecord(const ChunkStore& store);
void PutCorpusRecord(const records::CorpusRecord& record, ChunkStore::Batch& batch);

// Number of the current generation; 0 when none was published.
StatusOr<uint64_t> ReadCurrent(const ChunkStore& store);
void PutCurrent(uint64_t generation, ChunkStore::Batch& batch);

// The embedder of a generation: its own, or the corpus's where it does not say.
records::EmbedderRecord EmbedderOf(const records::GenerationRecord& generation,
                                   const records::CorpusRecord& corpus);
records::EmbedderRecord EmbedderOf(const records::CorpusRecord& corpus);
void SetEmbedder(const records::EmbedderRecord& embedder, records::CorpusRecord& corpus);

// The bytes of a generation's record; NOT_FOUND.
StatusOr<std::string> ReadManifest(const ChunkStore& store, uint64_t number);
StatusOr<records::GenerationRecord> ReadGeneration(const ChunkStore& store, uint64_t number);
void PutGeneration(const records::GenerationRecord& record, ChunkStore::Batch& batch);
void DeleteGeneration(uint64_t number, ChunkStore::Batch& batch);
// All that are kept, oldest first.
StatusOr<std::vector<records::GenerationRecord>> ReadGenerations(const ChunkStore& store);
std::set<uint32_t> SegmentsOf(const std::vector<records::GenerationRecord>& generations);

// Id for the next segment; ids are never used twice.
StatusOr<uint32_t> ReadNextSegment(const ChunkStore& store);
void PutNextSegment(uint32_t id, ChunkStore::Batch& batch);

// Keys of table kStaged.
std::string HeaderKey(const std::string& document_id);
std::string BodyKey(const std::string& document_id);

// Access lists are in table kState, like all that changes: see chunk_store.h.
inline constexpr std::string_view kAccessPrefix = "access/";
std::string AccessKey(const std::string& document_id);

// Counts all changes that readers must see. The file REVISION beside the tables tells it to them
// too, so that a reader that fell behind notices.
StatusOr<uint64_t> ReadRevision(const ChunkStore& store);
void PutRevision(uint64_t revision, ChunkStore::Batch& batch);
// 0 when there is no such file.
uint64_t ReadRevisionFile(const std::filesystem::path& corpus);
Status WriteRevisionFile(const std::filesystem::path& corpus, uint64_t revision);

// Counts changes of access lists, so that readers know whether theirs are current.
StatusOr<uint64_t> ReadAccessEpoch(const ChunkStore& store);
// Sets the access list of a document as the change `epoch`; readers find it in the change log.
void PutAccess(const std::string& document_id, const records::AccessRecord& access, uint64_t epoch,
               ChunkStore::Batch& batch);
void PutAccessEpoch(uint64_t epoch, ChunkStore::Batch& batch);
// Forgets changes up to `epoch`: readers that did not see them read all lists again.
void ForgetAccessLog(uint64_t epoch, ChunkStore::Batch& batch);
// Ids whose lists changed after `since`, up to `until`; nothing when the log does not reach so far.
StatusOr<std::optional<std::vector<std::string>>> ReadAccessLog(const ChunkStore& store,
                                                                uint64_t since, uint64_t until);

// Notes about files: CorpusWriter::PutNotes.
std::string NoteKey(const std::string& file);
void DeleteNotes(ChunkStore::Batch& batch);

// Set while erased bytes may still lie in files: the next writer rewrites them.
StatusOr<bool> ReadPurgePending(const ChunkStore& store);
void PutPurgePending(bool pending, ChunkStore::Batch& batch);

// Rows of all tables that belong to segments [begin, end).
void DeleteSegments(uint32_t begin, uint64_t end, ChunkStore::Batch& batch);

// Format of a segment's postings: see lexical_index.h.
uint32_t LexicalFormatOf(const records::SegmentRecord& segment);

AccessList FromRecord(const records::AccessRecord& record);
records::AccessRecord ToRecord(const AccessList& access);
Metadata FromRecord(const records::DocumentRecord& record);
void SetMetadata(const Metadata& metadata, records::DocumentRecord& record);
VectorIndexKind FromRecord(records::VectorIndexKind kind);
records::VectorIndexKind ToRecord(VectorIndexKind kind);

// Parses a value, or DATA_LOSS naming `what`.
template <typename Record>
StatusOr<Record> ParseRecord(std::string_view bytes, std::string_view what) {
  Record record;
  if (!record.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return DataLossError("the stored " + std::string(what) +
                         " cannot be read: restore the corpus from a copy, or index it again");
  }
  return record;
}

}  // namespace footnote::retriever
