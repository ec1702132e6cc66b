// LocalWriter: access lists, which change at once and in all generations, and notes about files.
#include <utility>

#include "retriever/storage/local_writer.h"

namespace footnote::retriever {

Status CheckPrincipals(const AccessList& access) {
  for (const auto* list : {&access.allow, &access.deny}) {
    for (const std::string& principal : *list) FOOTNOTE_RETURN_IF_ERROR(CheckPrincipal(principal));
  }
  return OkStatus();
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
