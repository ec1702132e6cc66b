// LocalWriter: documents that are put, deleted, or wait for their vectors, until they are
// published.
#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "common/sha256.h"
#include "common/text/utf8.h"
#include "retriever/storage/codec.h"
#include "retriever/storage/local_writer.h"
#include "retriever/storage/segment.h"
#include "retriever/storage/sentence_vectors.h"

namespace footnote::retriever {
namespace {

constexpr size_t kMaxIdBytes = 4096;

}  // namespace

StatusOr<std::optional<records::StagedHeader>> LocalWriter::StagedHeaderOf(const std::string& id) {
  FOOTNOTE_ASSIGN_OR_RETURN(const std::optional<std::string> value,
                            store_->Get(Table::kStaged, HeaderKey(id)));
  if (!value) return std::optional<records::StagedHeader>();
  FOOTNOTE_ASSIGN_OR_RETURN(records::StagedHeader header,
                            ParseRecord<records::StagedHeader>(*value, "staged document"));
  return std::optional(std::move(header));
}

Status LocalWriter::ForEachStaged(
    const std::function<void(const std::string&, const records::StagedHeader&)>& take) {
  ChunkStore::Cursor cursor = store_->Scan(Table::kStaged);
  for (cursor.Seek("h"); cursor.Valid() && cursor.key().starts_with("h"); cursor.Next()) {
    FOOTNOTE_ASSIGN_OR_RETURN(
        const records::StagedHeader header,
        ParseRecord<records::StagedHeader>(cursor.value(), "staged document"));
    take(std::string(cursor.key().substr(1)), header);
  }
  return cursor.status();
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
  FOOTNOTE_RETURN_IF_ERROR(
      ForEachStaged([&](const std::string& id, const records::StagedHeader& header) {
        if (header.deletion()) {
          ids.erase(id);
        } else {
          ids.insert(id);
        }
      }));
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
  const std::string id = document.document().id();
  // A list that was set by hand stays as long as the source says what it said before.
  FOOTNOTE_ASSIGN_OR_RETURN(auto access, AccessOf(id));
  if (access && access->given() == document.access().given()) {
    *document.mutable_access() = *std::move(access);
  }
  ChunkStore::Batch batch = store_->NewBatch();
  batch.Put(Table::kStaged, BodyKey(id), document.SerializeAsString());
  batch.Put(Table::kStaged, HeaderKey(id), header.SerializeAsString());
  document = {};  // the tables copy the batch once more: a long text need not be there a third time
  return store_->Write(std::move(batch), /*sync=*/false);
}

StatusOr<std::vector<std::string>> LocalWriter::Unembedded() {
  std::set<std::string> ids;
  for (const auto& [id, document] : published_) {
    if (!document.embedded) ids.insert(id);
  }
  FOOTNOTE_RETURN_IF_ERROR(
      ForEachStaged([&](const std::string& id, const records::StagedHeader& header) {
        if (header.without_vectors()) {
          ids.insert(id);
        } else {
          ids.erase(id);
        }
      }));
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

}  // namespace footnote::retriever
