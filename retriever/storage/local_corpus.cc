#include "retriever/storage/local_corpus.h"

#include <algorithm>
#include <chrono>
#include <optional>

#include "retriever/storage/codec.h"
#include "retriever/storage/local_writer.h"

namespace footnote::retriever {
namespace {

// A new generation shall be noticed within a second.
constexpr std::chrono::milliseconds kPollInterval(250);
// A writer that died between a change and its announcement is noticed by a look at the log itself,
// which costs 10 ms: seldom, so that an idle server is idle.
constexpr int kPollsPerFullLook = 40;
// How long a request waits for a generation that another thread loads.
// Askers times filters in use at a time; each is a bit a row.
constexpr size_t kMaxRowSets = 64;

int64_t FolderBytes(const std::filesystem::path& folder) {
  int64_t bytes = 0;
  std::error_code error;
  std::filesystem::recursive_directory_iterator files(folder, error);
  while (!error && files != std::filesystem::recursive_directory_iterator()) {
    std::error_code gone;  // the writer may delete it meanwhile
    const auto size = files->is_regular_file(gone) ? files->file_size(gone) : 0;
    if (!gone) bytes += static_cast<int64_t>(size);
    files.increment(error);
  }
  return bytes;
}

}  // namespace

StatusOr<std::vector<std::string>> ListCorpora(const std::filesystem::path& corpora_root) {
  std::vector<std::string> names;
  std::error_code error;
  std::filesystem::directory_iterator folders(corpora_root, error);
  if (error == std::errc::no_such_file_or_directory) return names;
  if (error) {
    return ErrnoError("cannot list the folder \"" + corpora_root.string() + "\"", error.value());
  }
  for (const auto& entry : folders) {
    const std::string name = entry.path().filename().string();
    if (CheckCorpusName(name).ok() && std::filesystem::exists(entry.path() / "db", error)) {
      names.push_back(name);
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

StatusOr<std::shared_ptr<Corpus>> Corpus::Open(const std::filesystem::path& corpora_root,
                                               const std::string& name) {
  FOOTNOTE_ASSIGN_OR_RETURN(const std::filesystem::path folder, FindCorpus(corpora_root, name));
  FOOTNOTE_ASSIGN_OR_RETURN(std::shared_ptr<LocalCorpus> corpus, LocalCorpus::Open(folder));
  return std::shared_ptr<Corpus>(std::move(corpus));
}

StatusOr<std::shared_ptr<LocalCorpus>> LocalCorpus::Open(const std::filesystem::path& corpus,
                                                         std::chrono::milliseconds load_patience) {
  FOOTNOTE_ASSIGN_OR_RETURN(std::unique_ptr<ChunkStore> store, ChunkStore::OpenForReading(corpus));
  std::shared_ptr<LocalCorpus> opened(new LocalCorpus(corpus, std::move(store), load_patience));
  FOOTNOTE_RETURN_IF_ERROR(opened->Start());
  return opened;
}

Status LocalCorpus::Start() {
  StatusOr<records::CorpusRecord> settings = ReadCorpusRecord(*store());
  if (!settings.ok() && ReadRevisionFile(folder_) == 0) return NoGenerationError(name_);
  FOOTNOTE_ASSIGN_OR_RETURN(settings_, std::move(settings));
  FOOTNOTE_ASSIGN_OR_RETURN(analyzer_, MakeAnalyzer(settings_, name_));
  {
    const std::lock_guard tables(tables_mutex_);
    FOOTNOTE_RETURN_IF_ERROR(RefreshAccess());
  }
  {
    const std::lock_guard loading(load_mutex_);
    FOOTNOTE_RETURN_IF_ERROR(LoadCurrent());
  }
  bool damaged = false;
  {
    const std::lock_guard lock(state_mutex_);
    damaged = !notes_.empty();
  }
  if (damaged) {
    // Answers are right already; the file is mended if nobody writes just now and we may write.
    StatusOr<std::unique_ptr<LocalWriter>> writer = LocalWriter::OpenExisting(folder_);
    if (writer.ok()) (*writer)->RepairVectorFiles().IgnoreError();
  }
  poller_ = std::thread([this] { Poll(); });
  return OkStatus();
}

LocalCorpus::~LocalCorpus() {
  {
    const std::lock_guard lock(stop_mutex_);
    stopping_ = true;
  }
  stop_changed_.notify_all();
  if (poller_.joinable()) poller_.join();
}

void LocalCorpus::Poll() {
  int polls = 0;
  std::unique_lock lock(stop_mutex_);
  while (!stop_changed_.wait_for(lock, kPollInterval, [this] { return stopping_; })) {
    lock.unlock();
    // An error here is one that the next request meets and reports.
    NowOr(/*always=*/++polls % kPollsPerFullLook == 0).status().IgnoreError();
    lock.lock();
  }
}

StatusOr<LocalCorpus::Snapshot> LocalCorpus::Now() { return NowOr(/*always=*/false); }

StatusOr<LocalCorpus::Snapshot> LocalCorpus::NowOr(bool always) {
  std::string manifest;
  {
    const std::lock_guard tables(tables_mutex_);
    FOOTNOTE_RETURN_IF_ERROR(CatchUp(always));
    FOOTNOTE_RETURN_IF_ERROR(RefreshAccess());
    FOOTNOTE_ASSIGN_OR_RETURN(manifest, CurrentManifest());
  }
  if (!HasView(manifest)) {
    // Who finds it first loads it. Others wait a moment, so that a deletion that was acknowledged
    // is seen, but no longer: a big generation is swapped in without a pause.
    std::unique_lock loading(load_mutex_, load_patience_);
    if (loading.owns_lock()) {
      FOOTNOTE_RETURN_IF_ERROR(LoadCurrent());
    }
  }
  Snapshot now;
  {
    const std::lock_guard lock(state_mutex_);
    now = {view_, access_, store_, nullptr, postings_};
  }
  if (now.view->manifest != manifest) {
    FOOTNOTE_ASSIGN_OR_RETURN(auto newer,
                              ParseRecord<records::GenerationRecord>(manifest, "generation"));
    // Not when another thread has just loaded one that is newer still.
    if (newer.number() != now.view->generation.number() || !HasView(manifest)) {
      now.newer = std::make_shared<const records::GenerationRecord>(std::move(newer));
    }
  }
  return now;
}

StatusOr<std::optional<LocalCorpus::StoredPlace>> LocalCorpus::Find(const Snapshot& now,
                                                                    const std::string& id) const {
  if (now.newer == nullptr) {
    const auto found = now.view->by_id.find(id);
    if (found == now.view->by_id.end()) return std::optional<StoredPlace>();
    return std::optional(StoredPlace{now.view->parts[found->second.part].segment->record.id(),
                                     found->second.ordinal});
  }
  for (const records::SegmentUse& use : now.newer->segments()) {
    // A segment's documents are in order of their ids.
    uint32_t begin = 0;
    uint32_t end = use.segment().documents();
    while (begin < end) {
      const uint32_t middle = begin + (end - begin) / 2;
      FOOTNOTE_ASSIGN_OR_RETURN(
          const auto value, now.store->Get(Table::kDocuments, RowKey(use.segment().id(), middle)));
      if (!value) return AbortedError("the generation was dropped while it was searched");
      FOOTNOTE_ASSIGN_OR_RETURN(const auto record,
                                ParseRecord<records::DocumentRecord>(*value, "document"));
      if (record.id() == id) {
        const bool dead =
            std::binary_search(use.tombstones().begin(), use.tombstones().end(), middle);
        if (!dead) return std::optional(StoredPlace{use.segment().id(), middle});
        break;
      }
      (record.id() < id ? begin : end) = record.id() < id ? middle + 1 : middle;
    }
  }
  return std::optional<StoredPlace>();
}

StatusOr<bool> LocalCorpus::Holds(const Snapshot& now, const std::string& document_id,
                                  const std::string& version) const {
  FOOTNOTE_ASSIGN_OR_RETURN(const auto place, Find(now, document_id));
  if (!place) return false;
  FOOTNOTE_ASSIGN_OR_RETURN(
      const auto value, now.store->Get(Table::kDocuments, RowKey(place->segment, place->ordinal)));
  if (!value) return AbortedError("the generation was dropped while it was searched");
  FOOTNOTE_ASSIGN_OR_RETURN(const auto record,
                            ParseRecord<records::DocumentRecord>(*value, "document"));
  return record.version() == version;
}

std::shared_ptr<ChunkStore> LocalCorpus::store() const {
  const std::lock_guard lock(state_mutex_);
  return store_;
}

Status LocalCorpus::CatchUp(bool always) {
  const uint64_t announced = ReadRevisionFile(folder_);
  if (!always && announced != 0 && announced == revision_) return OkStatus();
  const std::shared_ptr<ChunkStore> tables = store();
  FOOTNOTE_ASSIGN_OR_RETURN(const bool whole, tables->CatchUp());
  FOOTNOTE_ASSIGN_OR_RETURN(revision_, ReadRevision(*tables));
  if (whole && revision_ >= announced) return OkStatus();
  FOOTNOTE_ASSIGN_OR_RETURN(std::unique_ptr<ChunkStore> fresh, ChunkStore::OpenForReading(folder_));
  FOOTNOTE_ASSIGN_OR_RETURN(revision_, ReadRevision(*fresh));
  const std::lock_guard lock(state_mutex_);
  store_ = std::move(fresh);  // requests that use the old one keep it until they end
  postings_ = std::make_shared<PostingsCache>(store_);
  row_sets_.clear();  // with what was counted while the old one fell behind
  return OkStatus();
}

bool LocalCorpus::HasView(const std::string& manifest) {
  const std::lock_guard lock(state_mutex_);
  return view_ != nullptr && view_->manifest == manifest;
}

StatusOr<std::string> LocalCorpus::CurrentManifest() const {
  const std::shared_ptr<ChunkStore> tables = store();
  FOOTNOTE_ASSIGN_OR_RETURN(const uint64_t current, ReadCurrent(*tables));
  if (current == 0) return NoGenerationError(name_);
  return ReadManifest(*tables, current);
}

Status LocalCorpus::RefreshAccess() {
  const std::shared_ptr<ChunkStore> tables = store();
  FOOTNOTE_ASSIGN_OR_RETURN(const uint64_t epoch, ReadAccessEpoch(*tables));
  std::shared_ptr<const AccessTable> before;
  {
    const std::lock_guard lock(state_mutex_);
    before = access_;
  }
  if (before != nullptr && before->epoch == epoch) return OkStatus();
  auto table = std::make_shared<AccessTable>();
  std::optional<std::vector<std::string>> changed;
  if (before != nullptr) {
    FOOTNOTE_ASSIGN_OR_RETURN(changed, ReadAccessLog(*tables, before->epoch, epoch));
  }
  if (changed) {
    table->lists = before->lists;
    for (const std::string& id : *changed) {
      FOOTNOTE_ASSIGN_OR_RETURN(const auto value, tables->Get(Table::kState, AccessKey(id)));
      table->lists.erase(id);
      if (!value) continue;
      FOOTNOTE_ASSIGN_OR_RETURN(const auto record,
                                ParseRecord<records::AccessRecord>(*value, "access list"));
      table->lists[id] = FromRecord(record);
    }
  } else {
    ChunkStore::Cursor cursor = tables->Scan(Table::kState);
    for (cursor.Seek(kAccessPrefix); cursor.Valid() && cursor.key().starts_with(kAccessPrefix);
         cursor.Next()) {
      FOOTNOTE_ASSIGN_OR_RETURN(const auto record,
                                ParseRecord<records::AccessRecord>(cursor.value(), "access list"));
      table->lists[std::string(cursor.key().substr(kAccessPrefix.size()))] = FromRecord(record);
    }
    FOOTNOTE_RETURN_IF_ERROR(cursor.status());
  }
  FOOTNOTE_ASSIGN_OR_RETURN(const records::CorpusRecord settings, ReadCorpusRecord(*store()));
  table->corpus_is_public = settings.is_public();
  table->epoch = epoch;
  const std::lock_guard lock(state_mutex_);
  access_ = std::move(table);
  return OkStatus();
}

Status LocalCorpus::LoadCurrent() {
  std::string manifest;
  {
    const std::lock_guard tables(tables_mutex_);
    FOOTNOTE_ASSIGN_OR_RETURN(manifest, CurrentManifest());
  }
  if (HasView(manifest)) return OkStatus();
  StatusOr<std::shared_ptr<const GenerationView>> view = LoadView(manifest);
  // While it was read, others caught up, and the writer may have dropped what was being read. Then
  // there is a newer generation; otherwise the fault is real.
  for (int attempt = 0; !view.ok() && attempt < 5; ++attempt) {
    std::string newer;
    {
      const std::lock_guard tables(tables_mutex_);
      FOOTNOTE_RETURN_IF_ERROR(CatchUp(/*always=*/true));
      FOOTNOTE_ASSIGN_OR_RETURN(newer, CurrentManifest());
    }
    if (newer == manifest) break;
    manifest = std::move(newer);
    view = LoadView(manifest);
  }
  if (!view.ok()) return std::move(view).status();
  const std::lock_guard lock(state_mutex_);
  for (const auto& part : (*view)->parts) {
    if (!part.segment->note.empty()) notes_[part.segment->record.id()] = part.segment->note;
  }
  view_ = std::move(*view);
  row_sets_.clear();
  std::set<uint32_t> segments;
  for (const auto& part : view_->parts) segments.insert(part.segment->record.id());
  postings_->KeepSegments(segments);
  return OkStatus();
}

StatusOr<std::shared_ptr<const GenerationView>> LocalCorpus::LoadView(std::string manifest) {
  FOOTNOTE_ASSIGN_OR_RETURN(records::GenerationRecord generation,
                            ParseRecord<records::GenerationRecord>(manifest, "generation"));
  std::shared_ptr<const GenerationView> before;
  {
    const std::lock_guard lock(state_mutex_);
    before = view_;
  }
  const std::shared_ptr<ChunkStore> tables = store();
  auto view = std::make_shared<GenerationView>();
  view->manifest = std::move(manifest);
  view->serial = ++views_loaded_;
  view->fields = {"document_id", "title", "source"};
  view->embedder = generation.embedder();
  if (!generation.has_embedder()) {
    FOOTNOTE_ASSIGN_OR_RETURN(const records::CorpusRecord corpus, ReadCorpusRecord(*tables));
    view->embedder = EmbedderOf(corpus);
  }
  for (const records::SegmentUse& use : generation.segments()) {
    GenerationView::Part part;
    if (before != nullptr) {
      for (const auto& old : before->parts) {
        if (old.segment->record.id() == use.segment().id()) part.segment = old.segment;
      }
    }
    if (part.segment == nullptr) {
      FOOTNOTE_ASSIGN_OR_RETURN(
          part.segment,
          LoadSegment(*tables, folder_, use.segment(), static_cast<int>(view->embedder.width())));
    }
    part.dead.resize(part.segment->documents.size());
    for (uint32_t ordinal : use.tombstones()) {
      if (ordinal < part.dead.size()) part.dead[ordinal] = true;
    }
    part.base_row = view->rows;
    view->rows += part.segment->lengths.size();
    const auto index = static_cast<uint32_t>(view->parts.size());
    for (uint32_t i = 0; i < part.segment->documents.size(); ++i) {
      if (part.dead[i]) continue;
      const LoadedSegment::Document& document = part.segment->documents[i];
      view->by_id[document.id] = {index, i};
      for (const auto& [field, values] : document.metadata) view->fields.insert(field);
    }
    view->parts.push_back(std::move(part));
  }
  view->generation = std::move(generation);
  return std::shared_ptr<const GenerationView>(std::move(view));
}

CorpusInfo LocalCorpus::Info() {
  StatusOr<Snapshot> now = Now();
  std::shared_ptr<const GenerationView> view;
  std::shared_ptr<const AccessTable> access;
  std::map<uint32_t, std::string> notes;
  {
    const std::lock_guard lock(state_mutex_);
    view = view_;
    access = access_;
    notes = notes_;
  }
  CorpusInfo info;
  info.name = name_;
  info.is_public = access->corpus_is_public;
  info.embedder_name = view->embedder.name();
  info.embedder_sha256 = view->embedder.sha256();
  info.embedder_path = view->embedder.path();
  info.width = static_cast<int>(view->embedder.width());
  const GenerationView::Part* largest = nullptr;
  for (const auto& part : view->parts) {
    if (part.segment->record.without_vectors()) continue;
    if (largest == nullptr || part.segment->lengths.size() > largest->segment->lengths.size()) {
      largest = &part;
    }
  }
  const VectorIndexChoice choice = ChooseVectorIndex(FromRecord(settings_.vector_index()), 0);
  info.vector_index = VectorIndexName(choice.kind);
  info.vector_index_reason = choice.reason;
  if (largest != nullptr) {
    info.vector_index = VectorIndexName(FromRecord(largest->segment->record.kind()));
    info.vector_index_reason = largest->segment->record.kind_reason();
  }
  for (const auto& [segment, note] : notes) info.vector_index_reason += "; " + note;
  info.generation = view->generation.number();
  info.documents = static_cast<int64_t>(view->generation.documents());
  info.chunks = static_cast<int64_t>(view->generation.chunks());
  info.tokens = static_cast<int64_t>(view->generation.tokens());
  for (const auto& part : view->parts) {
    if (!part.segment->record.without_vectors()) continue;
    for (size_t i = 0; i < part.dead.size(); ++i) {
      if (!part.dead[i]) info.unembedded_chunks += part.segment->documents[i].chunks;
    }
  }
  info.disk_bytes = FolderBytes(folder_);
  info.metadata_fields.assign(view->fields.begin(), view->fields.end());
  StatusOr<std::vector<records::GenerationRecord>> generations = ReadGenerations(*store());
  if (generations.ok()) {
    for (const auto& generation : *generations) {
      info.generations.push_back(
          {generation.number(), generation.created_unix_s(),
           static_cast<int64_t>(generation.documents()), static_cast<int64_t>(generation.chunks()),
           static_cast<int64_t>(generation.tokens()), generation.number() == info.generation});
    }
  }
  return info;
}

StatusOr<std::string> LocalCorpus::EmbedderSha256() {
  FOOTNOTE_ASSIGN_OR_RETURN(const Snapshot now, Now());
  return now.view->embedder.sha256();
}

StatusOr<bool> LocalCorpus::IsPublic() {
  FOOTNOTE_ASSIGN_OR_RETURN(const Snapshot now, Now());
  return now.access->corpus_is_public;
}

StatusOr<std::vector<DocumentSummary>> LocalCorpus::ListDocuments(const Asker& asker,
                                                                  const std::string& after_id,
                                                                  size_t limit) {
  FOOTNOTE_ASSIGN_OR_RETURN(const Snapshot now, Now());
  std::vector<std::string_view> ids;
  for (const auto& [id, place] : now.view->by_id) {
    if (id > after_id && now.access->Allows(asker, std::string(id))) ids.push_back(id);
  }
  const size_t count = std::min(limit, ids.size());
  std::partial_sort(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(count), ids.end());
  std::vector<DocumentSummary> documents;
  for (size_t i = 0; i < count; ++i) {
    const LoadedSegment::Document& document = now.view->document(now.view->by_id.at(ids[i]));
    documents.push_back({document.id, document.version, document.title, ""});
    const auto source = document.metadata.find("source");
    if (source != document.metadata.end() && !source->second.empty()) {
      if (const auto* text = std::get_if<std::string>(&source->second.front())) {
        documents.back().source = *text;
      }
    }
  }
  return documents;
}

Status LocalCorpus::NotThere(const std::string& document_id) const {
  return NotFoundError("the corpus \"" + name_ + "\" has no document \"" + document_id + "\"");
}

StatusOr<Document> LocalCorpus::DocumentAt(const Snapshot& snapshot, StoredPlace place) const {
  const std::string key = RowKey(place.segment, place.ordinal);
  FOOTNOTE_ASSIGN_OR_RETURN(const auto value, snapshot.store->Get(Table::kDocuments, key));
  FOOTNOTE_ASSIGN_OR_RETURN(auto text, snapshot.store->Get(Table::kTexts, key));
  // The generation was dropped between our looking and our reading; the next look finds a newer.
  if (!value || !text) return AbortedError("the document changed while it was read: try again");
  FOOTNOTE_ASSIGN_OR_RETURN(const auto record,
                            ParseRecord<records::DocumentRecord>(*value, "document"));
  Document document;
  document.id = record.id();
  document.version = record.version();
  document.title = record.title();
  document.source = record.source();
  document.text = std::move(*text);
  document.metadata = FromRecord(record);
  const auto access = snapshot.access->lists.find(record.id());
  if (access != snapshot.access->lists.end()) document.access = access->second;
  return document;
}

StatusOr<Document> LocalCorpus::GetDocument(const std::string& document_id, const Asker& asker) {
  for (int attempt = 0;; ++attempt) {
    FOOTNOTE_ASSIGN_OR_RETURN(const Snapshot now, Now());
    FOOTNOTE_ASSIGN_OR_RETURN(const auto place, Find(now, document_id));
    if (!place || !now.access->Allows(asker, document_id)) return NotThere(document_id);
    StatusOr<Document> document = DocumentAt(now, *place);
    if (document.ok() || document.status().code() != StatusCode::kAborted || attempt == 3) {
      return document;
    }
  }
}

StatusOr<Document> LocalCorpus::GetDocumentAsOwner(const std::string& document_id) {
  for (int attempt = 0;; ++attempt) {
    FOOTNOTE_ASSIGN_OR_RETURN(const Snapshot now, Now());
    FOOTNOTE_ASSIGN_OR_RETURN(const auto place, Find(now, document_id));
    if (!place) return NotThere(document_id);
    StatusOr<Document> document = DocumentAt(now, *place);
    if (document.ok() || document.status().code() != StatusCode::kAborted || attempt == 3) {
      return document;
    }
  }
}

StatusOr<std::vector<std::string>> LocalCorpus::DocumentIds() {
  FOOTNOTE_ASSIGN_OR_RETURN(const Snapshot now, Now());
  std::vector<std::string> ids;
  for (const auto& [id, place] : now.view->by_id) ids.emplace_back(id);
  std::sort(ids.begin(), ids.end());
  return ids;
}

Status LocalCorpus::ForEachChunk(const std::function<Status(const StoredChunk&)>& take) {
  FOOTNOTE_ASSIGN_OR_RETURN(const Snapshot now, Now());
  std::vector<std::string_view> ids;
  for (const auto& [id, place] : now.view->by_id) ids.push_back(id);
  std::sort(ids.begin(), ids.end());
  for (const std::string_view id : ids) {
    const GenerationView::Place place = now.view->by_id.at(id);
    const records::SegmentRecord& segment = now.view->parts[place.part].segment->record;
    FOOTNOTE_ASSIGN_OR_RETURN(
        const records::StagedDocument document,
        ReadDocument(*now.store, segment.id(), place.ordinal, !segment.without_vectors()));
    const size_t vector_bytes = 2 * size_t{now.view->embedder.width()};
    for (int i = 0; i < document.chunks_size(); ++i) {
      const records::ChunkRecord& record = document.chunks(i);
      StoredChunk stored;
      stored.document_id = document.document().id();
      stored.version = document.document().version();
      stored.text = record.text();
      stored.chunk.span = {record.start(), record.end()};
      stored.chunk.heading_path.assign(record.heading_path().begin(), record.heading_path().end());
      stored.chunk.clause = record.clause();
      stored.chunk.page = static_cast<int>(record.page());
      stored.chunk.tokens = static_cast<int>(record.tokens());
      stored.chunk.embedded_text = EmbeddedText(record);
      if (!segment.without_vectors()) {
        const std::string_view vectors = document.vectors();
        const size_t at = std::min(vectors.size(), static_cast<size_t>(i) * vector_bytes);
        if (!DecodeHalves(vectors.substr(at, vector_bytes), now.view->embedder.width(),
                          stored.vector)) {
          return DataLossError("a stored vector of the document \"" + stored.document_id +
                               "\" has another width than the corpus: restore the corpus from a "
                               "copy, or index it again");
        }
      }
      FOOTNOTE_RETURN_IF_ERROR(take(stored));
    }
  }
  return OkStatus();
}

std::shared_ptr<const RowSet> LocalCorpus::Cached(const std::string& key,
                                                  const std::function<RowSet()>& make) {
  {
    const std::lock_guard lock(state_mutex_);
    for (size_t i = row_sets_.size(); i-- > 0;) {
      if (row_sets_[i].first != key) continue;
      std::rotate(row_sets_.begin() + static_cast<std::ptrdiff_t>(i),
                  row_sets_.begin() + static_cast<std::ptrdiff_t>(i) + 1, row_sets_.end());
      return row_sets_.back().second;
    }
  }
  auto made = std::make_shared<const RowSet>(make());
  const std::lock_guard lock(state_mutex_);
  if (row_sets_.size() >= kMaxRowSets) row_sets_.erase(row_sets_.begin());
  row_sets_.emplace_back(key, made);
  return made;
}

namespace {

// View, access epoch and who asks; principals in any order are the same asker.
std::string AskerKey(const LocalCorpus::Snapshot& snapshot, const Asker& asker) {
  std::string key =
      std::to_string(snapshot.view->serial) + "/" + std::to_string(snapshot.access->epoch);
  std::vector<std::string> principals = asker.principals;
  std::sort(principals.begin(), principals.end());
  for (const std::string& principal : principals) {
    key += "/" + std::to_string(principal.size()) + ":" + principal;
  }
  return key;
}

}  // namespace

std::shared_ptr<const RowSet> LocalCorpus::Visible(const Snapshot& snapshot, const Asker& asker) {
  return Cached(AskerKey(snapshot, asker),
                [&] { return VisibleRows(*snapshot.view, *snapshot.access, asker); });
}

std::shared_ptr<const RowSet> LocalCorpus::Allowed(const Snapshot& snapshot, const Asker& asker,
                                                   const Filter* filter) {
  std::shared_ptr<const RowSet> visible = Visible(snapshot, asker);
  if (filter == nullptr) return visible;
  return Cached(AskerKey(snapshot, asker) + "?" + filter->expression(),
                [&] { return FilteredRows(*snapshot.view, *visible, *filter); });
}

}  // namespace footnote::retriever
