#include "server/corpus_editor.h"

#include <utility>
#include <vector>

namespace footnote::server {
namespace fs = std::filesystem;

// One writer, used by several callers operation by operation. What one has staged another may
// publish: documents are whole all the same.
class CorpusEditor::SharedWriter final : public retriever::CorpusWriter {
 public:
  explicit SharedWriter(std::unique_ptr<retriever::CorpusWriter> writer)
      : writer_(std::move(writer)) {}

  StatusOr<std::optional<retriever::DocumentState>> Lookup(
      const std::string& document_id) override {
    const std::lock_guard lock(mutex_);
    return writer_->Lookup(document_id);
  }
  StatusOr<std::vector<std::string>> DocumentIds() override {
    const std::lock_guard lock(mutex_);
    return writer_->DocumentIds();
  }
  Status Put(const retriever::IndexedDocument& document, const std::string& fingerprint) override {
    const std::lock_guard lock(mutex_);
    return writer_->Put(document, fingerprint);
  }
  StatusOr<std::vector<std::string>> Unembedded() override {
    const std::lock_guard lock(mutex_);
    return writer_->Unembedded();
  }
  StatusOr<retriever::UnembeddedDocument> ReadUnembedded(const std::string& document_id) override {
    const std::lock_guard lock(mutex_);
    return writer_->ReadUnembedded(document_id);
  }
  using CorpusWriter::PutVectors;
  Status PutVectors(const std::string& document_id, std::span<const float> vectors,
                    std::span<const retriever::ChunkSentences> sentences) override {
    const std::lock_guard lock(mutex_);
    return writer_->PutVectors(document_id, vectors, sentences);
  }
  Status Delete(const std::string& document_id) override {
    const std::lock_guard lock(mutex_);
    return writer_->Delete(document_id);
  }
  Status SetAccess(const std::string& document_id, const retriever::AccessList& access) override {
    const std::lock_guard lock(mutex_);
    return writer_->SetAccess(document_id, access);
  }
  Status GiveAccess(std::span<const retriever::AccessChange> changes) override {
    const std::lock_guard lock(mutex_);
    return writer_->GiveAccess(changes);
  }
  StatusOr<std::optional<std::string>> NoteOf(const std::string& file) override {
    const std::lock_guard lock(mutex_);
    return writer_->NoteOf(file);
  }
  Status PutNotes(std::span<const retriever::FileNote> notes) override {
    const std::lock_guard lock(mutex_);
    return writer_->PutNotes(notes);
  }
  StatusOr<uint64_t> Publish() override {
    const std::lock_guard lock(mutex_);
    return writer_->Publish();
  }
  StatusOr<uint64_t> CurrentGeneration() override {
    const std::lock_guard lock(mutex_);
    return writer_->CurrentGeneration();
  }
  std::string StemmerLanguage() const override { return writer_->StemmerLanguage(); }

 private:
  std::mutex mutex_;
  std::unique_ptr<retriever::CorpusWriter> writer_;
};

CorpusEditor::CorpusEditor(fs::path corpora_root, std::chrono::milliseconds patience)
    : corpora_root_(std::move(corpora_root)),
      patience_(patience),
      closer_([this] { CloseUnused(); }) {}

CorpusEditor::~CorpusEditor() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stop_.notify_all();
  closer_.join();
}

void CorpusEditor::CloseUnused() {
  std::unique_lock lock(mutex_);
  while (!stop_.wait_for(lock, kLinger / 2, [this] { return stopping_; })) {
    std::vector<std::shared_ptr<Slot>> slots;
    for (const auto& [name, slot] : slots_) slots.push_back(slot);
    lock.unlock();
    for (const std::shared_ptr<Slot>& slot : slots) {
      // Held until the writer is closed: the next can be opened only then. Somebody who opens one
      // holds it for longer than this thread shall wait.
      const std::unique_lock slot_lock(slot->mutex, std::try_to_lock);
      if (slot_lock.owns_lock() && slot->writer.use_count() == 1 &&
          Clock::now() - slot->last_used >= kLinger) {
        slot->writer = nullptr;
      }
    }
    lock.lock();
  }
}

StatusOr<std::shared_ptr<CorpusEditor::SharedWriter>> CorpusEditor::Writer(
    const std::string& corpus, const EmbedderEntry& embedder, bool is_public,
    const CallContext& call) {
  std::shared_ptr<Slot> slot;
  {
    const std::lock_guard lock(mutex_);
    std::shared_ptr<Slot>& known = slots_[corpus];
    if (known == nullptr) known = std::make_shared<Slot>();
    slot = known;
  }
  const std::lock_guard lock(slot->mutex);
  slot->last_used = Clock::now();
  if (slot->writer != nullptr) return slot->writer;
  retriever::CorpusSettings settings;
  settings.is_public = is_public;
  settings.embedder_name = embedder.embedder->name();
  settings.embedder_sha256 = embedder.embedder->model_sha256();
  settings.embedder_path = embedder.path.string();
  settings.width = embedder.embedder->width();
  constexpr std::chrono::milliseconds kPause(100);
  const Clock::time_point give_up = Clock::now() + patience_;
  for (;;) {
    StatusOr<std::unique_ptr<retriever::CorpusWriter>> writer =
        retriever::CorpusWriter::Open(corpora_root_, corpus, settings);
    if (writer.ok()) {
      slot->writer = std::make_shared<SharedWriter>(*std::move(writer));
      return slot->writer;
    }
    // Another process writes: it may be done in a moment.
    if (writer.status().code() != StatusCode::kAborted || Clock::now() >= give_up) {
      return std::move(writer).status();
    }
    FOOTNOTE_RETURN_IF_ERROR(call.Check());
    std::this_thread::sleep_for(kPause);
  }
}

Status CorpusEditor::Create(const std::string& corpus, const EmbedderEntry& embedder) {
  std::error_code error;
  if (corpus.find('/') == std::string::npos && fs::exists(corpora_root_ / corpus / "db", error)) {
    return AlreadyExistsError("there is a corpus \"" + corpus +
                              "\" already: import into it, or choose another name");
  }
  FOOTNOTE_ASSIGN_OR_RETURN(const std::shared_ptr<SharedWriter> writer,
                            Writer(corpus, embedder, /*is_public=*/true, CallContext()));
  return writer->Publish().status();
}

StatusOr<indexer::IndexReport> CorpusEditor::Import(
    const std::string& corpus, const EmbedderEntry& embedder, const fs::path& folder,
    const std::function<void(const indexer::IndexProgress&)>& progress, const CallContext& call) {
  FOOTNOTE_ASSIGN_OR_RETURN(const std::shared_ptr<SharedWriter> writer,
                            Writer(corpus, embedder, /*is_public=*/false, call));
  indexer::IndexOptions options;
  options.sources = {folder};
  options.source_folder = folder;
  options.shown_source = "upload:";
  return indexer::BuildIndex(options, *embedder.embedder, *writer, progress, call);
}

StatusOr<uint64_t> CorpusEditor::Delete(const std::string& corpus, const EmbedderEntry& embedder,
                                        const std::string& document_id, const CallContext& call) {
  FOOTNOTE_ASSIGN_OR_RETURN(const std::shared_ptr<SharedWriter> writer,
                            Writer(corpus, embedder, /*is_public=*/false, call));
  FOOTNOTE_ASSIGN_OR_RETURN(const auto state, writer->Lookup(document_id));
  if (!state.has_value()) {
    return NotFoundError("the corpus \"" + corpus + "\" has no document \"" + document_id + "\"");
  }
  FOOTNOTE_RETURN_IF_ERROR(writer->Delete(document_id));
  return writer->Publish();
}

}  // namespace footnote::server
