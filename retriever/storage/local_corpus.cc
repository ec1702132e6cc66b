#include "retriever/storage/local_corpus.h"

#include <algorithm>
#include <chrono>
#include <optional>

#include "retriever/storage/codec.h"
#include "retriever/storage/local_writer.h"

namespace footnote::retriever {
namespace {

using Clock = std::chrono::steady_clock;

// A new generation shall be noticed within a second.
constexpr std::chrono::milliseconds kPollInterval(250);
// A writer that died between a change and its announcement is noticed by a look at the log itself,
// which costs 10 ms: seldom, so that an idle server is idle.
constexpr int kPollsPerFullLook = 40;
// Of a generation with millions of chunks, from a slow disk.
constexpr std::chrono::minutes kLongestLoad(5);
// Askers times filters in use at a time; each is a bit a row.
constexpr size_t kMaxRowSets = 64;

}  // namespace

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
    NowOr(/*always=*/++polls % kPollsPerFullLook == 0, Clock::now() + load_patience_)
        .status()
        .IgnoreError();
    lock.lock();
  }
}

StatusOr<LocalCorpus::Snapshot> LocalCorpus::Now() {
  return NowOr(/*always=*/false, Clock::now() + load_patience_);
}

StatusOr<LocalCorpus::Snapshot> LocalCorpus::NowLoaded(Clock::time_point give_up) {
  return NowOr(/*always=*/true, std::min(give_up, Clock::now() + kLongestLoad));
}

StatusOr<LocalCorpus::Snapshot> LocalCorpus::NowOr(bool always, Clock::time_point load_until) {
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
    std::unique_lock loading(load_mutex_, load_until);
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
