// LocalWriter's repairs: roll back, erase, rebuild FAISS files.
#include <map>
#include <set>
#include <utility>

#include "common/file.h"
#include "common/sha256.h"
#include "retriever/corpus.h"
#include "retriever/storage/local_writer.h"
#include "retriever/storage/segment.h"

namespace footnote::retriever {

StatusOr<uint64_t> LocalWriter::Rollback(uint64_t to_generation) {
  FOOTNOTE_ASSIGN_OR_RETURN(const std::vector<records::GenerationRecord> generations,
                            ReadGenerations(*store_));
  const records::GenerationRecord* target = nullptr;
  std::string kept;
  for (const auto& generation : generations) {
    kept += (kept.empty() ? "" : ", ") + std::to_string(generation.number());
    const bool wanted = to_generation == 0 ? generation.number() < current_.number()
                                           : generation.number() == to_generation;
    if (wanted) target = &generation;  // the list ascends: the newest one before the current
  }
  if (target == nullptr) {
    return NotFoundError("the corpus \"" + corpus_.filename().string() + "\" keeps no generation " +
                         (to_generation == 0 ? "before " + std::to_string(current_.number())
                                             : std::to_string(to_generation)) +
                         " to roll back to; it keeps " + kept);
  }
  ChunkStore::Batch batch = store_->NewBatch();
  PutCurrent(target->number(), batch);
  // With the embedder that its vectors are of.
  records::CorpusRecord settings = settings_;
  SetEmbedder(EmbedderOf(*target, settings_), settings);
  PutCorpusRecord(settings, batch);
  if (settings.embedder_sha256() != settings_.embedder_sha256()) {
    // What waits for publication has vectors of the embedder that is left.
    batch.DeleteRange(Table::kStaged, "b", "i");
  }
  FOOTNOTE_RETURN_IF_ERROR(Commit(std::move(batch)));
  settings_ = std::move(settings);
  FOOTNOTE_RETURN_IF_ERROR(LoadState());
  return current_.number();
}

StatusOr<records::SegmentRecord> LocalWriter::CopyWithout(const records::SegmentRecord& segment,
                                                          int width, uint32_t ordinal,
                                                          uint32_t id) {
  const bool with_vectors = !segment.without_vectors();
  SegmentBuilder builder(*store_, *analyzer_, id, width, with_vectors, memory_);
  for (uint32_t i = 0; i < segment.documents(); ++i) {
    if (i == ordinal) continue;
    FOOTNOTE_ASSIGN_OR_RETURN(records::StagedDocument document,
                              ReadDocument(*store_, segment.id(), i, with_vectors));
    FOOTNOTE_RETURN_IF_ERROR(builder.Add(std::move(document)));
  }
  return builder.Finish(corpus_, FromRecord(segment.kind()), published_.size());
}

StatusOr<int> LocalWriter::EraseFromGenerations(const std::string& document_id,
                                                ChunkStore::Batch& batch) {
  struct Replacement {
    records::SegmentRecord segment;
    uint32_t ordinal = 0;
    uint32_t chunks = 0;
    uint64_t tokens = 0;
  };
  FOOTNOTE_ASSIGN_OR_RETURN(std::vector<records::GenerationRecord> generations,
                            ReadGenerations(*store_));
  FOOTNOTE_ASSIGN_OR_RETURN(uint32_t next_id, ReadNextSegment(*store_));
  std::map<uint32_t, Replacement> replacements;
  for (const auto& generation : generations) {
    const int width = static_cast<int>(EmbedderOf(generation, settings_).width());
    for (const auto& use : generation.segments()) {
      const uint32_t id = use.segment().id();
      if (replacements.contains(id)) continue;
      FOOTNOTE_ASSIGN_OR_RETURN(const auto documents, ReadDocumentRecords(*store_, id));
      for (uint32_t i = 0; i < documents.size(); ++i) {
        if (documents[i].id() != document_id) continue;
        Replacement& replacement = replacements[id];
        replacement = {{}, i, documents[i].chunks(), documents[i].tokens()};
        FOOTNOTE_ASSIGN_OR_RETURN(replacement.segment,
                                  CopyWithout(use.segment(), width, i, next_id++));
      }
    }
  }
  if (replacements.empty()) return 0;
  for (records::GenerationRecord& generation : generations) {
    records::GenerationRecord changed = generation;
    changed.clear_segments();
    for (const auto& use : generation.segments()) {
      const auto found = replacements.find(use.segment().id());
      if (found == replacements.end()) {
        *changed.add_segments() = use;
        continue;
      }
      const Replacement& replacement = found->second;
      records::SegmentUse copy;
      *copy.mutable_segment() = replacement.segment;
      bool live = true;
      for (uint32_t ordinal : use.tombstones()) {
        if (ordinal == replacement.ordinal) {
          live = false;
        } else {
          copy.add_tombstones(ordinal - (ordinal > replacement.ordinal ? 1 : 0));
        }
      }
      if (live) {
        changed.set_documents(changed.documents() - 1);
        changed.set_chunks(changed.chunks() - replacement.chunks);
        changed.set_tokens(changed.tokens() - replacement.tokens);
      }
      if (replacement.segment.documents() > 0) *changed.add_segments() = std::move(copy);
    }
    PutGeneration(changed, batch);
  }
  PutNextSegment(next_id, batch);
  PutCorpusRecord(settings_, batch);  // its format may be newer now
  return static_cast<int>(replacements.size());
}

Status LocalWriter::Erase(const std::string& document_id) {
  FOOTNOTE_ASSIGN_OR_RETURN(const auto header, StagedHeaderOf(document_id));
  FOOTNOTE_ASSIGN_OR_RETURN(const auto access, store_->Get(Table::kState, AccessKey(document_id)));
  ChunkStore::Batch batch = store_->NewBatch();
  FOOTNOTE_ASSIGN_OR_RETURN(const int segments, EraseFromGenerations(document_id, batch));
  if (segments == 0 && !header && !access) {
    // Run again after an error or a crash had cut it short.
    FOOTNOTE_ASSIGN_OR_RETURN(const bool pending, ReadPurgePending(*store_));
    if (pending) return LoadState();
    if (finished_erasure_) return OkStatus();
    return NotFoundError("the corpus \"" + corpus_.filename().string() +
                         "\" never held a document \"" + document_id + "\"");
  }
  FOOTNOTE_ASSIGN_OR_RETURN(const uint64_t epoch, ReadAccessEpoch(*store_));
  batch.Delete(Table::kState, AccessKey(document_id));
  PutAccessEpoch(epoch + 1, batch);
  ForgetAccessLog(epoch + 1, batch);
  batch.Delete(Table::kStaged, BodyKey(document_id));
  batch.Delete(Table::kStaged, HeaderKey(document_id));
  batch.Delete(Table::kStaged, "m" + document_id);
  batch.Delete(Table::kStaged, "n" + document_id);
  DeleteNotes(batch);
  PutPurgePending(true, batch);
  FOOTNOTE_RETURN_IF_ERROR(Commit(std::move(batch)));
  // Nobody finds it from here on; now its bytes go.
  return LoadState();
}

Status LocalWriter::Purge() {
  // FAISS files of the segments that were dropped are removed; now they stay so.
  std::error_code error;
  const std::filesystem::path vectors = VectorFile(corpus_, 0).parent_path();
  if (std::filesystem::exists(vectors, error)) {
    FOOTNOTE_RETURN_IF_ERROR(SyncFolder(vectors));
  }
  FOOTNOTE_RETURN_IF_ERROR(store_->Purge());
  ChunkStore::Batch batch = store_->NewBatch();
  PutPurgePending(false, batch);
  return store_->Write(std::move(batch), /*sync=*/true);
}

Status LocalWriter::RepairVectorFiles() {
  FOOTNOTE_ASSIGN_OR_RETURN(std::vector<records::GenerationRecord> generations,
                            ReadGenerations(*store_));
  std::map<uint32_t, std::string> checksums;  // of the segments seen
  ChunkStore::Batch batch = store_->NewBatch();
  bool changed = false;
  for (records::GenerationRecord& generation : generations) {
    bool generation_changed = false;
    const int width = static_cast<int>(EmbedderOf(generation, settings_).width());
    for (records::SegmentUse& use : *generation.mutable_segments()) {
      records::SegmentRecord& segment = *use.mutable_segment();
      if (segment.rows() == 0 || segment.without_vectors()) continue;
      if (!checksums.contains(segment.id())) {
        const StatusOr<std::string> actual = Sha256HexOfFile(VectorFile(corpus_, segment.id()));
        std::string& checksum = checksums[segment.id()];
        checksum = segment.faiss_sha256();
        if (!actual.ok() || *actual != checksum) {
          FOOTNOTE_ASSIGN_OR_RETURN(checksum, RebuildVectorFile(*store_, corpus_, segment, width));
        }
      }
      // Another release of FAISS may write other bytes for the same vectors.
      if (segment.faiss_sha256() != checksums[segment.id()]) {
        segment.set_faiss_sha256(checksums[segment.id()]);
        generation_changed = true;
      }
    }
    if (generation_changed) PutGeneration(generation, batch);
    changed = changed || generation_changed;
  }
  return changed ? Commit(std::move(batch)) : OkStatus();
}

StatusOr<uint64_t> RollbackCorpus(const std::filesystem::path& corpora_root,
                                  const std::string& name, uint64_t to_generation) {
  FOOTNOTE_ASSIGN_OR_RETURN(const std::filesystem::path corpus, FindCorpus(corpora_root, name));
  FOOTNOTE_ASSIGN_OR_RETURN(const auto writer, LocalWriter::OpenExisting(corpus));
  return writer->Rollback(to_generation);
}

Status EraseDocument(const std::filesystem::path& corpora_root, const std::string& name,
                     const std::string& document_id) {
  FOOTNOTE_ASSIGN_OR_RETURN(const std::filesystem::path corpus, FindCorpus(corpora_root, name));
  FOOTNOTE_ASSIGN_OR_RETURN(const auto writer, LocalWriter::OpenExisting(corpus));
  return writer->Erase(document_id);
}

}  // namespace footnote::retriever
