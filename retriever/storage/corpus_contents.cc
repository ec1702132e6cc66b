// LocalCorpus: what it tells of itself and of its documents. And which corpora there are.
#include <algorithm>
#include <map>
#include <utility>

#include "retriever/storage/codec.h"
#include "retriever/storage/local_corpus.h"

namespace footnote::retriever {
namespace {

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
  return List(asker, after_id, nullptr, limit);
}

StatusOr<std::vector<DocumentSummary>> LocalCorpus::MatchingDocuments(const Asker& asker,
                                                                      const Filter& filter,
                                                                      size_t limit) {
  return List(asker, "", &filter, limit);
}

StatusOr<std::vector<DocumentSummary>> LocalCorpus::List(const Asker& asker,
                                                         const std::string& after_id,
                                                         const Filter* filter, size_t limit) {
  FOOTNOTE_ASSIGN_OR_RETURN(const Snapshot now, Now());
  if (filter != nullptr) FOOTNOTE_RETURN_IF_ERROR(CheckFields(*now.view, name_, *filter));
  std::vector<std::string_view> ids;
  for (const auto& [id, place] : now.view->by_id) {
    if (id > after_id && now.access->Allows(asker, std::string(id)) &&
        (filter == nullptr || filter->Matches(now.view->document(place).metadata))) {
      ids.push_back(id);
    }
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

StatusOr<Document> LocalCorpus::FindDocument(const std::string& document_id, const Asker* asker) {
  for (int attempt = 0;; ++attempt) {
    FOOTNOTE_ASSIGN_OR_RETURN(
        const Snapshot now,
        attempt == 0 ? Now() : NowLoaded(std::chrono::steady_clock::time_point::max()));
    const auto look = [&]() -> StatusOr<Document> {
      FOOTNOTE_ASSIGN_OR_RETURN(const auto place, Find(now, document_id));
      const bool allowed = asker == nullptr || now.access->Allows(*asker, document_id);
      if (!place || !allowed) return NotThere(document_id);
      return DocumentAt(now, *place);
    };
    StatusOr<Document> document = look();
    if (document.ok() || document.status().code() != StatusCode::kAborted ||
        attempt + 1 == kAttempts) {
      return document;
    }
  }
}

StatusOr<Document> LocalCorpus::GetDocument(const std::string& document_id, const Asker& asker) {
  return FindDocument(document_id, &asker);
}

StatusOr<Document> LocalCorpus::GetDocumentAsOwner(const std::string& document_id) {
  return FindDocument(document_id, nullptr);
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

}  // namespace footnote::retriever
