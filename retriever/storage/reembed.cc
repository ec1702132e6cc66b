// CorpusWriter::OpenToReembed: vectors of another embedder, collected in table staged beside the
// generation that is served, then one new segment and a swap.
#include <algorithm>
#include <utility>

#include "retriever/storage/codec.h"
#include "retriever/storage/local_writer.h"
#include "retriever/storage/publish_plan.h"
#include "retriever/storage/segment.h"

namespace footnote::retriever {
namespace {

std::string VectorsHeaderKey(const std::string& id) { return "m" + id; }
std::string VectorsKey(const std::string& id) { return "n" + id; }
void DropVectors(ChunkStore::Batch& batch) { batch.DeleteRange(Table::kStaged, "m", "o"); }

}  // namespace

class Reembedder : public CorpusWriter {
 public:
  static StatusOr<std::unique_ptr<CorpusWriter>> Open(const std::filesystem::path& corpus,
                                                      const CorpusSettings& settings) {
    FOOTNOTE_ASSIGN_OR_RETURN(std::unique_ptr<LocalWriter> writer,
                              LocalWriter::OpenExisting(corpus, settings.memory));
    if (writer->settings_.embedder_sha256() == settings.embedder_sha256) {
      return FailedPreconditionError("the corpus \"" + corpus.filename().string() +
                                     "\" has vectors of the embedder " + settings.embedder_name +
                                     " already");
    }
    FOOTNOTE_RETURN_IF_ERROR(writer->Publish().status());
    std::unique_ptr<Reembedder> opened(new Reembedder(std::move(writer)));
    FOOTNOTE_RETURN_IF_ERROR(opened->Begin(settings));
    return std::unique_ptr<CorpusWriter>(std::move(opened));
  }

  StatusOr<std::optional<DocumentState>> Lookup(const std::string& document_id) override {
    FOOTNOTE_ASSIGN_OR_RETURN(auto state, writer_->Lookup(document_id));
    if (state) {
      FOOTNOTE_ASSIGN_OR_RETURN(const bool has_vectors, HasVectors(document_id));
      state->embedded = has_vectors;
    }
    return state;
  }
  StatusOr<std::vector<std::string>> DocumentIds() override { return writer_->DocumentIds(); }

  StatusOr<std::vector<std::string>> Unembedded() override {
    std::vector<std::string> ids;
    for (const auto& [id, document] : writer_->published_) {
      FOOTNOTE_ASSIGN_OR_RETURN(const bool has_vectors, HasVectors(id));
      if (!has_vectors) ids.push_back(id);
    }
    std::sort(ids.begin(), ids.end());
    return ids;
  }

  StatusOr<UnembeddedDocument> ReadUnembedded(const std::string& document_id) override {
    FOOTNOTE_ASSIGN_OR_RETURN(const records::StagedDocument document, Read(document_id));
    UnembeddedDocument waiting;
    waiting.id = document_id;
    waiting.tokens = static_cast<int64_t>(document.document().tokens());
    for (const records::ChunkRecord& chunk : document.chunks()) {
      waiting.texts.push_back(EmbeddedText(chunk));
      waiting.contexts.push_back(ContextBytes(chunk));
    }
    return waiting;
  }

  using CorpusWriter::PutVectors;
  Status PutVectors(const std::string& document_id, std::span<const float> vectors,
                    std::span<const ChunkSentences> sentences) override {
    FOOTNOTE_ASSIGN_OR_RETURN(records::StagedDocument document, Read(document_id));
    FOOTNOTE_RETURN_IF_ERROR(CheckVectors(document_id, next_.width(),
                                          static_cast<size_t>(document.chunks_size()), vectors));
    records::StagedVectorsHeader header;
    header.set_version(document.document().version());
    header.set_fingerprint(document.document().fingerprint());
    records::StagedVectors staged;
    staged.set_vectors(EncodeHalves(vectors));
    FOOTNOTE_RETURN_IF_ERROR(SetSentences(sentences, next_.width(), document));
    *staged.mutable_sentences() = document.sentences();
    ChunkStore::Batch batch = store().NewBatch();
    batch.Put(Table::kStaged, VectorsHeaderKey(document_id), header.SerializeAsString());
    batch.Put(Table::kStaged, VectorsKey(document_id), staged.SerializeAsString());
    return store().Write(std::move(batch), /*sync=*/false);
  }

  StatusOr<uint64_t> Publish() override {
    FOOTNOTE_ASSIGN_OR_RETURN(const std::vector<std::string> missing, Unembedded());
    if (!missing.empty()) {
      return FailedPreconditionError(std::to_string(missing.size()) +
                                     " documents have no vectors of the embedder " + next_.name() +
                                     " yet: run `footnote corpus reembed` again");
    }
    records::CorpusRecord settings = writer_->settings_;
    SetEmbedder(next_, settings);
    settings.clear_next_embedder();
    FOOTNOTE_ASSIGN_OR_RETURN(uint32_t next_segment, ReadNextSegment(store()));
    std::vector<records::SegmentRecord> written;
    if (!writer_->published_.empty()) {
      FOOTNOTE_ASSIGN_OR_RETURN(records::SegmentRecord segment, WriteSegment(next_segment));
      written.push_back(std::move(segment));
      ++next_segment;
    }
    // Generations of before say from now on which embedder theirs is.
    FOOTNOTE_ASSIGN_OR_RETURN(const std::vector<records::GenerationRecord> generations,
                              ReadGenerations(store()));
    const auto stage = [&](ChunkStore::Batch& batch) {
      for (records::GenerationRecord generation : generations) {
        if (generation.has_embedder()) continue;
        *generation.mutable_embedder() = EmbedderOf(writer_->settings_);
        PutGeneration(generation, batch);
      }
      PutCorpusRecord(settings, batch);
      DropVectors(batch);
    };
    FOOTNOTE_ASSIGN_OR_RETURN(
        const uint64_t number,
        writer_->PublishPlan(LocalWriter::Plan(), written, next_segment, settings, stage));
    writer_->settings_ = std::move(settings);
    return number;
  }

  StatusOr<uint64_t> CurrentGeneration() override { return writer_->CurrentGeneration(); }
  std::string StemmerLanguage() const override { return writer_->StemmerLanguage(); }

  Status SetAccess(const std::string& document_id, const AccessList& access) override {
    return writer_->SetAccess(document_id, access);
  }
  Status GiveAccess(std::span<const AccessChange> changes) override {
    return writer_->GiveAccess(changes);
  }
  Status Put(const IndexedDocument&, const std::string&) override { return Busy(); }
  Status Delete(const std::string&) override { return Busy(); }
  StatusOr<std::optional<std::string>> NoteOf(const std::string& file) override {
    return writer_->NoteOf(file);
  }
  Status PutNotes(std::span<const FileNote> notes) override { return writer_->PutNotes(notes); }

 private:
  explicit Reembedder(std::unique_ptr<LocalWriter> writer) : writer_(std::move(writer)) {}

  ChunkStore& store() { return *writer_->store_; }

  Status Busy() const {
    return FailedPreconditionError("the corpus is going over to the embedder " + next_.name() +
                                   ": index again when that is done");
  }

  // Goes on with a change that was begun, or begins one.
  Status Begin(const CorpusSettings& settings) {
    next_.set_name(settings.embedder_name);
    next_.set_sha256(settings.embedder_sha256);
    next_.set_path(settings.embedder_path);
    next_.set_width(static_cast<uint32_t>(settings.width));
    records::CorpusRecord& record = writer_->settings_;
    if (record.next_embedder().SerializeAsString() == next_.SerializeAsString()) {
      return OkStatus();
    }
    ChunkStore::Batch batch = store().NewBatch();
    if (record.next_embedder().sha256() != next_.sha256()) DropVectors(batch);
    *record.mutable_next_embedder() = next_;
    PutCorpusRecord(record, batch);
    return store().Write(std::move(batch), /*sync=*/true);
  }

  StatusOr<bool> HasVectors(const std::string& id) {
    FOOTNOTE_ASSIGN_OR_RETURN(const auto value, store().Get(Table::kStaged, VectorsHeaderKey(id)));
    const auto found = writer_->published_.find(id);
    if (!value || found == writer_->published_.end()) return false;
    FOOTNOTE_ASSIGN_OR_RETURN(const auto header, ParseRecord<records::StagedVectorsHeader>(
                                                     *value, "staged vectors' header"));
    return header.version() == found->second.version &&
           header.fingerprint() == found->second.fingerprint;
  }

  // Text and chunks of a document that is there.
  StatusOr<records::StagedDocument> Read(const std::string& id) {
    const auto found = writer_->published_.find(id);
    if (found == writer_->published_.end()) {
      return NotFoundError("the corpus has no document \"" + id + "\"");
    }
    return ReadDocument(store(), found->second.segment, found->second.ordinal,
                        /*with_vectors=*/false);
  }

  StatusOr<records::SegmentRecord> WriteSegment(uint32_t segment) {
    SegmentBuilder builder(store(), *writer_->analyzer_, segment, static_cast<int>(next_.width()),
                           /*with_vectors=*/true, writer_->memory_);
    FOOTNOTE_ASSIGN_OR_RETURN(const std::vector<std::string> ids, writer_->DocumentIds());
    for (const std::string& id : ids) {
      FOOTNOTE_ASSIGN_OR_RETURN(records::StagedDocument document, Read(id));
      FOOTNOTE_ASSIGN_OR_RETURN(const auto value, store().Get(Table::kStaged, VectorsKey(id)));
      if (!value) return DataLossError("the staged vectors of \"" + id + "\" are missing");
      FOOTNOTE_ASSIGN_OR_RETURN(const auto staged,
                                ParseRecord<records::StagedVectors>(*value, "staged vectors"));
      document.set_vectors(staged.vectors());
      *document.mutable_sentences() = staged.sentences();
      FOOTNOTE_RETURN_IF_ERROR(builder.Add(std::move(document)));
    }
    return builder.Finish(writer_->corpus_, FromRecord(writer_->settings_.vector_index()),
                          ids.size());
  }

  std::unique_ptr<LocalWriter> writer_;
  records::EmbedderRecord next_;
};

StatusOr<std::unique_ptr<CorpusWriter>> CorpusWriter::OpenToReembed(
    const std::filesystem::path& corpora_root, const std::string& corpus,
    const CorpusSettings& settings) {
  if (settings.width <= 0 || settings.embedder_sha256.empty()) {
    return InvalidArgumentError("a corpus needs its embedder's hash and width");
  }
  FOOTNOTE_ASSIGN_OR_RETURN(const std::filesystem::path folder, FindCorpus(corpora_root, corpus));
  return Reembedder::Open(folder, settings);
}

}  // namespace footnote::retriever
