// LocalWriter: opening, settings, what is published, what a crash left.
#include "retriever/storage/local_writer.h"

#include <algorithm>
#include <ctime>
#include <set>
#include <utility>

#include "common/file.h"
#include "retriever/storage/codec.h"
#include "retriever/storage/segment.h"

namespace footnote::retriever {
namespace {

constexpr char kDefaultLanguage[] = "english";

// Deletes what lies in segments [begin, end), if anything does: a delete of nothing would still be
// written, and replayed by every reader.
Status DeleteIfAny(ChunkStore& store, uint32_t begin, uint64_t end) {
  if (begin >= end) return OkStatus();
  bool any = false;
  for (Table table :
       {Table::kDocuments, Table::kTexts, Table::kChunks, Table::kVectors, Table::kPostings}) {
    ChunkStore::Cursor cursor = store.Scan(table);
    cursor.Seek(SegmentKey(begin));
    FOOTNOTE_RETURN_IF_ERROR(cursor.status());
    any =
        any || (cursor.Valid() && cursor.key().size() >= 4 && ReadBigEndian32(cursor.key()) < end);
  }
  if (!any) return OkStatus();
  ChunkStore::Batch batch = store.NewBatch();
  DeleteSegments(begin, end, batch);
  return store.Write(std::move(batch), /*sync=*/false);
}

}  // namespace

StatusOr<std::unique_ptr<CorpusWriter>> CorpusWriter::Open(
    const std::filesystem::path& corpora_root, const std::string& corpus,
    const CorpusSettings& settings) {
  FOOTNOTE_RETURN_IF_ERROR(CheckCorpusName(corpus));
  FOOTNOTE_ASSIGN_OR_RETURN(std::unique_ptr<LocalWriter> writer,
                            LocalWriter::Open(corpora_root / corpus, settings));
  return std::unique_ptr<CorpusWriter>(std::move(writer));
}

StatusOr<std::unique_ptr<LocalWriter>> LocalWriter::OpenFolder(const std::filesystem::path& corpus,
                                                               const MemoryBound& memory) {
  const WriterMemory shares(memory);
  FOOTNOTE_ASSIGN_OR_RETURN(
      std::unique_ptr<ChunkStore> store,
      ChunkStore::OpenForWriting(corpus, {shares.block_cache_bytes, shares.write_buffer_bytes}));
  return std::unique_ptr<LocalWriter>(new LocalWriter(corpus, std::move(store), shares));
}

StatusOr<std::unique_ptr<LocalWriter>> LocalWriter::OpenExisting(
    const std::filesystem::path& corpus, const MemoryBound& memory) {
  FOOTNOTE_ASSIGN_OR_RETURN(std::unique_ptr<LocalWriter> writer, OpenFolder(corpus, memory));
  FOOTNOTE_ASSIGN_OR_RETURN(writer->settings_, ReadCorpusRecord(*writer->store_));
  writer->settings_.set_format_version(kFormatVersion);  // with the next change that is stored
  FOOTNOTE_RETURN_IF_ERROR(writer->LoadState());
  return writer;
}

StatusOr<std::unique_ptr<LocalWriter>> LocalWriter::Open(const std::filesystem::path& corpus,
                                                         const CorpusSettings& settings) {
  if (settings.width <= 0 || settings.embedder_sha256.empty()) {
    return InvalidArgumentError("a corpus needs its embedder's hash and width");
  }
  FOOTNOTE_ASSIGN_OR_RETURN(std::unique_ptr<LocalWriter> writer,
                            OpenFolder(corpus, settings.memory));
  ChunkStore::Cursor cursor = writer->store_->Scan(Table::kState);
  cursor.Seek("");
  FOOTNOTE_RETURN_IF_ERROR(cursor.status());
  const bool is_new = !cursor.Valid();
  if (!is_new) {
    FOOTNOTE_ASSIGN_OR_RETURN(writer->settings_, ReadCorpusRecord(*writer->store_));
  }
  FOOTNOTE_RETURN_IF_ERROR(writer->ApplySettings(settings, is_new));
  FOOTNOTE_RETURN_IF_ERROR(writer->LoadState());
  return writer;
}

Status LocalWriter::ApplySettings(const CorpusSettings& settings, bool is_new) {
  const std::string name = corpus_.filename().string();
  records::CorpusRecord next = settings_;
  // What is written from here on may be of the newest format.
  next.set_format_version(kFormatVersion);
  if (is_new) {
    next.set_embedder_sha256(settings.embedder_sha256);
    next.set_width(static_cast<uint32_t>(settings.width));
    next.set_language(kDefaultLanguage);
    next.set_analyzer_version(kAnalyzerVersion);
    next.set_created_unix_s(std::time(nullptr));
  } else if (next.embedder_sha256() != settings.embedder_sha256 ||
             next.width() != static_cast<uint32_t>(settings.width)) {
    return FailedPreconditionError(
        "the corpus \"" + name + "\" was made with the embedder " + next.embedder_name() + " (" +
        next.embedder_sha256().substr(0, 12) + "), not with " + settings.embedder_name + " (" +
        settings.embedder_sha256.substr(0, 12) + "): use `--embedder " +
        (next.embedder_path().empty() ? next.embedder_name() : next.embedder_path()) +
        "`, change the corpus with `footnote corpus reembed`, or index into a new corpus");
  }
  next.set_embedder_name(settings.embedder_name);
  if (!settings.embedder_path.empty()) next.set_embedder_path(settings.embedder_path);
  if (settings.is_public) next.set_is_public(true);
  if (is_new || settings.vector_index != VectorIndexKind::kAuto) {
    next.set_vector_index(ToRecord(settings.vector_index));
  }
  const bool opened_up = next.is_public() && !settings_.is_public();
  if (next.SerializeAsString() != settings_.SerializeAsString()) {
    ChunkStore::Batch batch = store_->NewBatch();
    PutCorpusRecord(next, batch);
    if (opened_up && !is_new) {
      FOOTNOTE_ASSIGN_OR_RETURN(const uint64_t epoch, ReadAccessEpoch(*store_));
      PutAccessEpoch(epoch + 1, batch);
      ForgetAccessLog(epoch + 1, batch);
    }
    FOOTNOTE_RETURN_IF_ERROR(Commit(std::move(batch)));
    settings_ = std::move(next);
  }
  return OkStatus();
}

Status LocalWriter::LoadState() {
  FOOTNOTE_ASSIGN_OR_RETURN(analyzer_, MakeAnalyzer(settings_, corpus_.filename().string()));
  // A crash may have come between a commit and its file.
  FOOTNOTE_ASSIGN_OR_RETURN(const uint64_t revision, ReadRevision(*store_));
  if (revision != ReadRevisionFile(corpus_)) {
    FOOTNOTE_RETURN_IF_ERROR(WriteRevisionFile(corpus_, revision));
  }
  FOOTNOTE_ASSIGN_OR_RETURN(const std::vector<records::GenerationRecord> generations,
                            ReadGenerations(*store_));
  FOOTNOTE_ASSIGN_OR_RETURN(const uint64_t current, ReadCurrent(*store_));
  current_.Clear();
  if (current != 0) {
    FOOTNOTE_ASSIGN_OR_RETURN(current_, ReadGeneration(*store_, current));
  }
  FOOTNOTE_RETURN_IF_ERROR(RemoveGarbage(generations));
  FOOTNOTE_ASSIGN_OR_RETURN(const bool purge, ReadPurgePending(*store_));
  if (purge) {
    FOOTNOTE_RETURN_IF_ERROR(Purge());
    finished_erasure_ = true;
  }
  return LoadPublished();
}

Status LocalWriter::Commit(ChunkStore::Batch&& batch) {
  FOOTNOTE_ASSIGN_OR_RETURN(const uint64_t revision, ReadRevision(*store_));
  PutRevision(revision + 1, batch);
  FOOTNOTE_RETURN_IF_ERROR(store_->Write(std::move(batch), /*sync=*/true));
  return WriteRevisionFile(corpus_, revision + 1);
}

Status LocalWriter::LoadPublished() {
  published_.clear();
  for (const records::SegmentUse& use : current_.segments()) {
    const std::set<uint32_t> dead(use.tombstones().begin(), use.tombstones().end());
    FOOTNOTE_RETURN_IF_ERROR(AddPublished(use.segment(), dead, published_));
  }
  return OkStatus();
}

Status LocalWriter::AddPublished(const records::SegmentRecord& segment,
                                 const std::set<uint32_t>& dead, PublishedMap& published) const {
  uint32_t ordinal = 0;
  const auto take = [&](const records::DocumentRecord& document) {
    const uint32_t own = ordinal++;
    if (dead.contains(own)) return;
    published[document.id()] = {segment.id(),
                                own,
                                document.chunks(),
                                document.tokens(),
                                document.version(),
                                document.fingerprint(),
                                !segment.without_vectors()};
  };
  FOOTNOTE_RETURN_IF_ERROR(ForEachDocumentRecord(*store_, segment.id(), take));
  if (ordinal == segment.documents()) return OkStatus();
  return DataLossError("segment " + std::to_string(segment.id()) + " of the corpus \"" +
                       corpus_.filename().string() +
                       "\" has lost documents: restore the corpus from a copy, or delete it and "
                       "index again");
}

Status LocalWriter::RemoveGarbage(const std::vector<records::GenerationRecord>& generations) {
  const std::set<uint32_t> used = SegmentsOf(generations);
  uint32_t begin = 0;
  for (uint32_t id : used) {
    FOOTNOTE_RETURN_IF_ERROR(DeleteIfAny(*store_, begin, id));
    begin = id + 1;
  }
  FOOTNOTE_RETURN_IF_ERROR(DeleteIfAny(*store_, begin, uint64_t{1} << 32));
  std::error_code error;
  std::filesystem::directory_iterator files(corpus_ / "vectors", error);
  if (error) return OkStatus();  // no folder yet
  std::vector<std::filesystem::path> stale;
  for (const auto& entry : files) {
    const bool wanted = std::any_of(used.begin(), used.end(), [&](uint32_t id) {
      return entry.path() == VectorFile(corpus_, id);
    });
    if (!wanted) stale.push_back(entry.path());
  }
  for (const auto& path : stale) FOOTNOTE_RETURN_IF_ERROR(RemoveFile(path));
  return OkStatus();
}

}  // namespace footnote::retriever
