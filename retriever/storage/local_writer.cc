#include "retriever/storage/local_writer.h"

#include <algorithm>
#include <cmath>
#include <ctime>
#include <set>
#include <utility>

#include "common/file.h"
#include "common/sha256.h"
#include "common/text/utf8.h"
#include "retriever/storage/codec.h"
#include "retriever/storage/sentence_vectors.h"
#include "retriever/storage/segment.h"

namespace footnote::retriever {
namespace {

constexpr size_t kMaxIdBytes = 4096;
constexpr char kDefaultLanguage[] = "english";

Status CheckPrincipals(const AccessList& access) {
  for (const auto* list : {&access.allow, &access.deny}) {
    for (const std::string& principal : *list) FOOTNOTE_RETURN_IF_ERROR(CheckPrincipal(principal));
  }
  return OkStatus();
}

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

StatusOr<std::optional<records::StagedHeader>> LocalWriter::StagedHeaderOf(const std::string& id) {
  FOOTNOTE_ASSIGN_OR_RETURN(const std::optional<std::string> value,
                            store_->Get(Table::kStaged, HeaderKey(id)));
  if (!value) return std::optional<records::StagedHeader>();
  FOOTNOTE_ASSIGN_OR_RETURN(records::StagedHeader header,
                            ParseRecord<records::StagedHeader>(*value, "staged document"));
  return std::optional(std::move(header));
}

StatusOr<std::optional<DocumentState>> LocalWriter::Lookup(const std::string& document_id) {
  FOOTNOTE_ASSIGN_OR_RETURN(const auto header, StagedHeaderOf(document_id));
  if (header && header->deletion()) return std::optional<DocumentState>();
  if (header) {
    FOOTNOTE_ASSIGN_OR_RETURN(const auto body, store_->Get(Table::kStaged, BodyKey(document_id)));
    if (!body) return DataLossError("the staged document \"" + document_id + "\" is missing");
    FOOTNOTE_ASSIGN_OR_RETURN(const auto staged,
                              ParseRecord<records::StagedDocument>(*body, "staged document"));
    return std::optional(DocumentState{header->version(), header->fingerprint(),
                                       staged.access().given(), /*staged=*/true,
                                       !header->without_vectors(), staged.document().chunks()});
  }
  const auto found = published_.find(document_id);
  if (found == published_.end()) return std::optional<DocumentState>();
  DocumentState state{found->second.version, found->second.fingerprint, "",
                      /*staged=*/false,      found->second.embedded,    found->second.chunks};
  FOOTNOTE_ASSIGN_OR_RETURN(const auto access, AccessOf(document_id));
  if (access) state.given_access = access->given();
  return std::optional(std::move(state));
}

StatusOr<std::vector<std::string>> LocalWriter::DocumentIds() {
  std::set<std::string> ids;
  for (const auto& [id, document] : published_) ids.insert(id);
  ChunkStore::Cursor cursor = store_->Scan(Table::kStaged);
  for (cursor.Seek("h"); cursor.Valid() && cursor.key().starts_with("h"); cursor.Next()) {
    FOOTNOTE_ASSIGN_OR_RETURN(
        const records::StagedHeader header,
        ParseRecord<records::StagedHeader>(cursor.value(), "staged document"));
    const std::string id(cursor.key().substr(1));
    if (header.deletion()) {
      ids.erase(id);
    } else {
      ids.insert(id);
    }
  }
  FOOTNOTE_RETURN_IF_ERROR(cursor.status());
  return std::vector<std::string>(ids.begin(), ids.end());
}

Status LocalWriter::Check(const IndexedDocument& indexed) const {
  const Document& document = indexed.document;
  const auto bad = [&](const std::string& what) {
    return InvalidArgumentError("the document \"" + document.id + "\" " + what);
  };
  if (document.id.empty() || document.id.size() > kMaxIdBytes) {
    return bad("needs an id of 1 to " + std::to_string(kMaxIdBytes) + " bytes");
  }
  if (!IsValidUtf8(document.id) || !IsValidUtf8(document.text)) return bad("is not valid UTF-8");
  if (document.version != Sha256Hex(document.text)) {
    return bad("has a version that is not its text's SHA-256");
  }
  FOOTNOTE_RETURN_IF_ERROR(CheckPrincipals(document.access).WithContext("document " + document.id));
  for (const Chunk& chunk : indexed.chunks) {
    const ByteSpan span = chunk.span;
    if (span.start > span.end || span.end > document.text.size() ||
        Utf8Floor(document.text, span.start) != span.start ||
        Utf8Floor(document.text, span.end) != span.end) {
      return bad("has a chunk outside its text or inside a character");
    }
  }
  if (indexed.vectors.empty()) return OkStatus();
  return CheckVectors(document.id, settings_.width(), indexed.chunks.size(), indexed.vectors);
}

Status CheckVectors(const std::string& document_id, uint32_t width, size_t chunks,
                    std::span<const float> vectors) {
  const std::string document = "the document \"" + document_id + "\" has ";
  if (vectors.size() != chunks * width) {
    return InvalidArgumentError(document + "not one vector of width " + std::to_string(width) +
                                " for each chunk");
  }
  for (size_t i = 0; i < chunks; ++i) {
    double norm = 0;
    for (const float x : vectors.subspan(i * size_t{width}, width)) norm += double{x} * x;
    // Also false for NaN.
    if (!(std::fabs(norm - 1) < 0.02)) {
      return InvalidArgumentError(document + "a vector whose length is not 1");
    }
  }
  return OkStatus();
}

Status SetSentences(std::span<const ChunkSentences> sentences, uint32_t width,
                    records::StagedDocument& document) {
  document.clear_sentences();
  if (sentences.empty()) return OkStatus();
  const auto context = [&] { return "the document \"" + document.document().id() + "\""; };
  if (sentences.size() != static_cast<size_t>(document.chunks_size())) {
    return InvalidArgumentError(context() + " has not one list of sentences for each chunk");
  }
  for (size_t i = 0; i < sentences.size(); ++i) {
    const uint64_t bytes = document.chunks(static_cast<int>(i)).text().size();
    FOOTNOTE_RETURN_IF_ERROR(CheckSentences(sentences[i], bytes, width).WithContext(context()));
    document.add_sentences(EncodeSentences(sentences[i]));
  }
  return OkStatus();
}

Status LocalWriter::Put(const IndexedDocument& indexed, const std::string& fingerprint) {
  FOOTNOTE_RETURN_IF_ERROR(Check(indexed));
  const Document& document = indexed.document;
  records::StagedDocument staged;
  records::DocumentRecord& record = *staged.mutable_document();
  record.set_id(document.id);
  record.set_version(document.version);
  record.set_fingerprint(fingerprint);
  record.set_title(document.title);
  record.set_source(document.source);
  SetMetadata(document.metadata, record);
  staged.set_text(document.text);
  uint64_t tokens = 0;
  for (const Chunk& chunk : indexed.chunks) {
    records::ChunkRecord& stored = *staged.add_chunks();
    const std::string text = document.text.substr(chunk.span.start, chunk.span.size());
    stored.set_start(chunk.span.start);
    stored.set_end(chunk.span.end);
    for (const std::string& heading : chunk.heading_path) stored.add_heading_path(heading);
    stored.set_clause(chunk.clause);
    stored.set_page(static_cast<uint32_t>(std::max(0, chunk.page)));
    stored.set_tokens(static_cast<uint32_t>(std::max(0, chunk.tokens)));
    // What is embedded nearly always ends with the chunk's text, which is not kept twice then.
    if (chunk.embedded_text.ends_with(text)) {
      stored.set_context(chunk.embedded_text.substr(0, chunk.embedded_text.size() - text.size()));
    } else {
      stored.set_embedded_text(chunk.embedded_text);
    }
    stored.set_text(text);
    tokens += stored.tokens();
  }
  record.set_chunks(static_cast<uint32_t>(indexed.chunks.size()));
  record.set_tokens(tokens);
  staged.set_vectors(EncodeHalves(indexed.vectors));
  FOOTNOTE_RETURN_IF_ERROR(SetSentences(indexed.sentences, settings_.width(), staged));
  *staged.mutable_access() = ToRecord(document.access);
  staged.mutable_access()->set_given(DigestOf(document.access));
  return PutStaged(std::move(staged));
}

Status LocalWriter::PutStaged(records::StagedDocument document) {
  records::StagedHeader header;
  header.set_version(document.document().version());
  header.set_fingerprint(document.document().fingerprint());
  header.set_without_vectors(document.vectors().empty() && document.chunks_size() > 0);
  const std::string& id = document.document().id();
  // A list that was set by hand stays as long as the source says what it said before.
  FOOTNOTE_ASSIGN_OR_RETURN(auto access, AccessOf(id));
  if (access && access->given() == document.access().given()) {
    *document.mutable_access() = *std::move(access);
  }
  ChunkStore::Batch batch = store_->NewBatch();
  batch.Put(Table::kStaged, BodyKey(id), document.SerializeAsString());
  batch.Put(Table::kStaged, HeaderKey(id), header.SerializeAsString());
  return store_->Write(std::move(batch), /*sync=*/false);
}

StatusOr<std::vector<std::string>> LocalWriter::Unembedded() {
  std::set<std::string> ids;
  for (const auto& [id, document] : published_) {
    if (!document.embedded) ids.insert(id);
  }
  ChunkStore::Cursor cursor = store_->Scan(Table::kStaged);
  for (cursor.Seek("h"); cursor.Valid() && cursor.key().starts_with("h"); cursor.Next()) {
    FOOTNOTE_ASSIGN_OR_RETURN(
        const records::StagedHeader header,
        ParseRecord<records::StagedHeader>(cursor.value(), "staged document"));
    const std::string id(cursor.key().substr(1));
    if (header.without_vectors()) {
      ids.insert(id);
    } else {
      ids.erase(id);
    }
  }
  FOOTNOTE_RETURN_IF_ERROR(cursor.status());
  return std::vector<std::string>(ids.begin(), ids.end());
}

StatusOr<records::StagedDocument> LocalWriter::ReadWaiting(const std::string& document_id) {
  FOOTNOTE_ASSIGN_OR_RETURN(const auto header, StagedHeaderOf(document_id));
  const auto found = published_.find(document_id);
  const bool waits =
      header ? header->without_vectors() : found != published_.end() && !found->second.embedded;
  if (!waits) {
    return NotFoundError("the document \"" + document_id + "\" does not wait for vectors");
  }
  if (header) {
    FOOTNOTE_ASSIGN_OR_RETURN(const auto body, store_->Get(Table::kStaged, BodyKey(document_id)));
    if (!body) return DataLossError("the staged document \"" + document_id + "\" is missing");
    return ParseRecord<records::StagedDocument>(*body, "staged document");
  }
  FOOTNOTE_ASSIGN_OR_RETURN(records::StagedDocument document,
                            ReadDocument(*store_, found->second.segment, found->second.ordinal,
                                         /*with_vectors=*/false));
  FOOTNOTE_ASSIGN_OR_RETURN(const auto access, AccessOf(document_id));
  if (access) *document.mutable_access() = *access;
  return document;
}

StatusOr<UnembeddedDocument> LocalWriter::ReadUnembedded(const std::string& document_id) {
  FOOTNOTE_ASSIGN_OR_RETURN(const records::StagedDocument document, ReadWaiting(document_id));
  UnembeddedDocument waiting;
  waiting.id = document_id;
  waiting.tokens = static_cast<int64_t>(document.document().tokens());
  for (const records::ChunkRecord& chunk : document.chunks()) {
    waiting.texts.push_back(EmbeddedText(chunk));
    waiting.contexts.push_back(ContextBytes(chunk));
  }
  return waiting;
}

Status LocalWriter::PutVectors(const std::string& document_id, std::span<const float> vectors,
                               std::span<const ChunkSentences> sentences) {
  FOOTNOTE_ASSIGN_OR_RETURN(records::StagedDocument document, ReadWaiting(document_id));
  FOOTNOTE_RETURN_IF_ERROR(CheckVectors(document_id, settings_.width(),
                                        static_cast<size_t>(document.chunks_size()), vectors));
  document.set_vectors(EncodeHalves(vectors));
  FOOTNOTE_RETURN_IF_ERROR(SetSentences(sentences, settings_.width(), document));
  return PutStaged(std::move(document));
}

Status LocalWriter::Delete(const std::string& document_id) {
  FOOTNOTE_ASSIGN_OR_RETURN(const auto header, StagedHeaderOf(document_id));
  const bool published = published_.contains(document_id);
  if (!header && !published) return OkStatus();
  ChunkStore::Batch batch = store_->NewBatch();
  batch.Delete(Table::kStaged, BodyKey(document_id));
  if (published) {
    records::StagedHeader deletion;
    deletion.set_deletion(true);
    batch.Put(Table::kStaged, HeaderKey(document_id), deletion.SerializeAsString());
  } else {
    batch.Delete(Table::kStaged, HeaderKey(document_id));
  }
  return store_->Write(std::move(batch), /*sync=*/false);
}

StatusOr<std::optional<records::AccessRecord>> LocalWriter::AccessOf(const std::string& id) {
  FOOTNOTE_ASSIGN_OR_RETURN(const auto value, store_->Get(Table::kState, AccessKey(id)));
  if (!value) return std::optional<records::AccessRecord>();
  FOOTNOTE_ASSIGN_OR_RETURN(records::AccessRecord record,
                            ParseRecord<records::AccessRecord>(*value, "access list"));
  // Written by a release that did not keep it.
  if (record.given().empty()) record.set_given(DigestOf(FromRecord(record)));
  return std::optional(std::move(record));
}

StatusOr<bool> LocalWriter::StageAccess(const std::string& id, uint64_t epoch,
                                        const std::function<void(records::AccessRecord&)>& change,
                                        ChunkStore::Batch& batch) {
  FOOTNOTE_ASSIGN_OR_RETURN(const auto body, store_->Get(Table::kStaged, BodyKey(id)));
  FOOTNOTE_ASSIGN_OR_RETURN(auto kept, AccessOf(id));
  if (!body && !kept) return false;
  if (body) {
    FOOTNOTE_ASSIGN_OR_RETURN(auto staged,
                              ParseRecord<records::StagedDocument>(*body, "staged document"));
    change(*staged.mutable_access());
    batch.Put(Table::kStaged, BodyKey(id), staged.SerializeAsString());
  }
  if (kept) {
    change(*kept);
    PutAccess(id, *kept, epoch, batch);
  }
  return true;
}

Status LocalWriter::SetAccess(const std::string& document_id, const AccessList& access) {
  FOOTNOTE_ASSIGN_OR_RETURN(const uint64_t epoch, ReadAccessEpoch(*store_));
  FOOTNOTE_RETURN_IF_ERROR(CheckPrincipals(access));
  ChunkStore::Batch batch = store_->NewBatch();
  const auto set = [&](records::AccessRecord& record) {
    records::AccessRecord next = ToRecord(access);
    next.set_given(record.given());
    record = std::move(next);
  };
  FOOTNOTE_ASSIGN_OR_RETURN(const bool known, StageAccess(document_id, epoch + 1, set, batch));
  if (!known) {
    return NotFoundError("the corpus \"" + corpus_.filename().string() + "\" has no document \"" +
                         document_id + "\"");
  }
  PutAccessEpoch(epoch + 1, batch);
  return Commit(std::move(batch));
}

Status LocalWriter::GiveAccess(std::span<const AccessChange> changes) {
  FOOTNOTE_ASSIGN_OR_RETURN(const uint64_t before, ReadAccessEpoch(*store_));
  uint64_t epoch = before;
  ChunkStore::Batch batch = store_->NewBatch();
  for (const AccessChange& change : changes) {
    FOOTNOTE_RETURN_IF_ERROR(
        CheckPrincipals(change.access).WithContext("document " + change.document_id));
    const std::string given = DigestOf(change.access);
    const auto give = [&](records::AccessRecord& record) {
      if (record.given() == given) return;
      record = ToRecord(change.access);
      record.set_given(given);
    };
    // The log of changes has one row for each.
    FOOTNOTE_ASSIGN_OR_RETURN(const bool known,
                              StageAccess(change.document_id, epoch + 1, give, batch));
    if (known) ++epoch;
  }
  if (epoch == before) return OkStatus();
  PutAccessEpoch(epoch, batch);
  return Commit(std::move(batch));
}

StatusOr<std::optional<std::string>> LocalWriter::NoteOf(const std::string& file) {
  return store_->Get(Table::kState, NoteKey(file));
}

Status LocalWriter::PutNotes(std::span<const FileNote> notes) {
  ChunkStore::Batch batch = store_->NewBatch();
  for (const FileNote& note : notes) batch.Put(Table::kState, NoteKey(note.file), note.note);
  return store_->Write(std::move(batch), /*sync=*/false);
}

}  // namespace footnote::retriever
