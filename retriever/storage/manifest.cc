#include "retriever/storage/manifest.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "common/file.h"
#include "retriever/corpus.h"
#include "retriever/storage/codec.h"

namespace footnote::retriever {
namespace {

constexpr std::string_view kCorpusKey = "corpus";
constexpr std::string_view kCurrentKey = "current";
constexpr std::string_view kNextSegmentKey = "next_segment";
constexpr std::string_view kAccessEpochKey = "access_epoch";
constexpr std::string_view kRevisionKey = "revision";
constexpr std::string_view kPurgePendingKey = "purge_pending";
constexpr std::string_view kGenerationPrefix = "generation/";
constexpr std::string_view kNotePrefix = "note/";
constexpr std::string_view kAccessLogPrefix = "access_log/";

std::string NumberedKey(std::string_view prefix, uint64_t number) {
  std::string key(prefix);
  AppendBigEndian64(number, key);
  return key;
}

StatusOr<uint64_t> ReadNumber(const ChunkStore& store, std::string_view key) {
  FOOTNOTE_ASSIGN_OR_RETURN(const std::optional<std::string> value, store.Get(Table::kState, key));
  if (!value) return uint64_t{0};
  if (value->size() != 8) {
    return DataLossError("the stored number \"" + std::string(key) +
                         "\" is damaged: restore the corpus from a copy, or index it again");
  }
  return ReadBigEndian64(*value);
}

void PutNumber(std::string_view key, uint64_t number, ChunkStore::Batch& batch) {
  std::string value;
  AppendBigEndian64(number, value);
  batch.Put(Table::kState, key, value);
}

}  // namespace

Status CheckCorpusName(const std::string& name) {
  const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  const bool fine = !name.empty() && name.size() <= 63 && plain(name.front()) &&
                    std::all_of(name.begin(), name.end(),
                                [&](char c) { return plain(c) || c == '_' || c == '-'; });
  if (fine) return OkStatus();
  return InvalidArgumentError("\"" + name +
                              "\" cannot name a corpus: use 1 to 63 of a-z, 0-9, _ and -, "
                              "beginning with a letter or digit");
}

StatusOr<std::filesystem::path> FindCorpus(const std::filesystem::path& corpora_root,
                                           const std::string& name) {
  FOOTNOTE_RETURN_IF_ERROR(CheckCorpusName(name));
  const std::filesystem::path folder = corpora_root / name;
  std::error_code error;
  if (std::filesystem::exists(folder / "db" / "CURRENT", error)) return folder;
  // A folder of tables without their list: it was one.
  if (std::filesystem::exists(folder / "db", error) &&
      !std::filesystem::is_empty(folder / "db", error) &&
      std::filesystem::exists(folder / "vectors", error)) {
    return DataLossError("the corpus \"" + name +
                         "\" has lost the file db/CURRENT: restore the folder from a copy, or "
                         "delete it and index again");
  }
  if (std::filesystem::exists(folder / "db", error)) return NoGenerationError(name);
  FOOTNOTE_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListCorpora(corpora_root));
  std::string known;
  for (const std::string& one : names) known += (known.empty() ? "" : ", ") + one;
  return NotFoundError(
      "there is no corpus \"" + name + "\" in \"" + corpora_root.string() + "\"; " +
      (known.empty() ? "there are none: make one with `footnote index`" : "there are: " + known));
}

std::filesystem::path VectorFile(const std::filesystem::path& corpus, uint32_t segment) {
  return corpus / "vectors" / (std::to_string(segment) + ".faiss");
}

StatusOr<records::CorpusRecord> ReadCorpusRecord(const ChunkStore& store) {
  FOOTNOTE_ASSIGN_OR_RETURN(const std::optional<std::string> value,
                            store.Get(Table::kState, kCorpusKey));
  if (!value) {
    return DataLossError(
        "the tables hold no settings: restore the corpus from a copy, or index it again");
  }
  FOOTNOTE_ASSIGN_OR_RETURN(records::CorpusRecord record,
                            ParseRecord<records::CorpusRecord>(*value, "settings"));
  if (record.format_version() == 0 || record.format_version() > kFormatVersion) {
    return FailedPreconditionError("the corpus has format " +
                                   std::to_string(record.format_version()) +
                                   ", this release reads format " + std::to_string(kFormatVersion) +
                                   ": use a release that knows it");
  }
  return record;
}

void PutCorpusRecord(const records::CorpusRecord& record, ChunkStore::Batch& batch) {
  batch.Put(Table::kState, kCorpusKey, record.SerializeAsString());
}

records::EmbedderRecord EmbedderOf(const records::CorpusRecord& corpus) {
  records::EmbedderRecord embedder;
  embedder.set_name(corpus.embedder_name());
  embedder.set_sha256(corpus.embedder_sha256());
  embedder.set_path(corpus.embedder_path());
  embedder.set_width(corpus.width());
  return embedder;
}

records::EmbedderRecord EmbedderOf(const records::GenerationRecord& generation,
                                   const records::CorpusRecord& corpus) {
  return generation.has_embedder() ? generation.embedder() : EmbedderOf(corpus);
}

void SetEmbedder(const records::EmbedderRecord& embedder, records::CorpusRecord& corpus) {
  corpus.set_embedder_name(embedder.name());
  corpus.set_embedder_sha256(embedder.sha256());
  corpus.set_embedder_path(embedder.path());
  corpus.set_width(embedder.width());
}

StatusOr<uint64_t> ReadCurrent(const ChunkStore& store) { return ReadNumber(store, kCurrentKey); }
void PutCurrent(uint64_t generation, ChunkStore::Batch& batch) {
  PutNumber(kCurrentKey, generation, batch);
}

StatusOr<std::string> ReadManifest(const ChunkStore& store, uint64_t number) {
  FOOTNOTE_ASSIGN_OR_RETURN(std::optional<std::string> value,
                            store.Get(Table::kState, NumberedKey(kGenerationPrefix, number)));
  if (!value) return NotFoundError("there is no generation " + std::to_string(number));
  return std::move(*value);
}

StatusOr<records::GenerationRecord> ReadGeneration(const ChunkStore& store, uint64_t number) {
  FOOTNOTE_ASSIGN_OR_RETURN(const std::string value, ReadManifest(store, number));
  return ParseRecord<records::GenerationRecord>(value, "generation " + std::to_string(number));
}

void PutGeneration(const records::GenerationRecord& record, ChunkStore::Batch& batch) {
  batch.Put(Table::kState, NumberedKey(kGenerationPrefix, record.number()),
            record.SerializeAsString());
}

void DeleteGeneration(uint64_t number, ChunkStore::Batch& batch) {
  batch.Delete(Table::kState, NumberedKey(kGenerationPrefix, number));
}

StatusOr<std::vector<records::GenerationRecord>> ReadGenerations(const ChunkStore& store) {
  std::vector<records::GenerationRecord> generations;
  ChunkStore::Cursor cursor = store.Scan(Table::kState);
  for (cursor.Seek(kGenerationPrefix);
       cursor.Valid() && cursor.key().starts_with(kGenerationPrefix); cursor.Next()) {
    FOOTNOTE_ASSIGN_OR_RETURN(records::GenerationRecord record,
                              ParseRecord<records::GenerationRecord>(cursor.value(), "generation"));
    generations.push_back(std::move(record));
  }
  FOOTNOTE_RETURN_IF_ERROR(cursor.status());
  return generations;
}

std::set<uint32_t> SegmentsOf(const std::vector<records::GenerationRecord>& generations) {
  std::set<uint32_t> ids;
  for (const auto& generation : generations) {
    for (const auto& use : generation.segments()) ids.insert(use.segment().id());
  }
  return ids;
}

StatusOr<uint32_t> ReadNextSegment(const ChunkStore& store) {
  FOOTNOTE_ASSIGN_OR_RETURN(const uint64_t id, ReadNumber(store, kNextSegmentKey));
  return static_cast<uint32_t>(std::max<uint64_t>(id, 1));
}

void PutNextSegment(uint32_t id, ChunkStore::Batch& batch) {
  PutNumber(kNextSegmentKey, id, batch);
}

std::string HeaderKey(const std::string& document_id) { return "h" + document_id; }
std::string BodyKey(const std::string& document_id) { return "b" + document_id; }

std::string AccessKey(const std::string& document_id) {
  return std::string(kAccessPrefix) + document_id;
}

std::string NoteKey(const std::string& file) { return std::string(kNotePrefix) + file; }

void DeleteNotes(ChunkStore::Batch& batch) {
  batch.DeleteRange(Table::kState, kNotePrefix, "note0");  // the character after '/'
}

StatusOr<uint64_t> ReadRevision(const ChunkStore& store) { return ReadNumber(store, kRevisionKey); }
void PutRevision(uint64_t revision, ChunkStore::Batch& batch) {
  PutNumber(kRevisionKey, revision, batch);
}

uint64_t ReadRevisionFile(const std::filesystem::path& corpus) {
  const StatusOr<std::string> text = ReadFile(corpus / "REVISION", 64);
  if (!text.ok()) return 0;
  uint64_t revision = 0;
  std::from_chars(text->data(), text->data() + text->size(), revision);
  return revision;
}

Status WriteRevisionFile(const std::filesystem::path& corpus, uint64_t revision) {
  return WriteFileAtomically(corpus / "REVISION", std::to_string(revision) + "\n");
}

StatusOr<uint64_t> ReadAccessEpoch(const ChunkStore& store) {
  return ReadNumber(store, kAccessEpochKey);
}

void PutAccess(const std::string& document_id, const records::AccessRecord& access, uint64_t epoch,
               ChunkStore::Batch& batch) {
  batch.Put(Table::kState, AccessKey(document_id), access.SerializeAsString());
  batch.Put(Table::kState, NumberedKey(kAccessLogPrefix, epoch), document_id);
}

void PutAccessEpoch(uint64_t epoch, ChunkStore::Batch& batch) {
  PutNumber(kAccessEpochKey, epoch, batch);
}

void ForgetAccessLog(uint64_t epoch, ChunkStore::Batch& batch) {
  batch.DeleteRange(Table::kState, NumberedKey(kAccessLogPrefix, 0),
                    NumberedKey(kAccessLogPrefix, epoch + 1));
}

StatusOr<std::optional<std::vector<std::string>>> ReadAccessLog(const ChunkStore& store,
                                                                uint64_t since, uint64_t until) {
  std::vector<std::string> ids;
  ChunkStore::Cursor cursor = store.Scan(Table::kState);
  uint64_t next = since + 1;
  for (cursor.Seek(NumberedKey(kAccessLogPrefix, next));
       cursor.Valid() && cursor.key() == NumberedKey(kAccessLogPrefix, next) && next <= until;
       cursor.Next(), ++next) {
    ids.emplace_back(cursor.value());
  }
  FOOTNOTE_RETURN_IF_ERROR(cursor.status());
  if (next != until + 1) return std::optional<std::vector<std::string>>();
  return std::optional(std::move(ids));
}

StatusOr<bool> ReadPurgePending(const ChunkStore& store) {
  FOOTNOTE_ASSIGN_OR_RETURN(const uint64_t pending, ReadNumber(store, kPurgePendingKey));
  return pending != 0;
}

void PutPurgePending(bool pending, ChunkStore::Batch& batch) {
  PutNumber(kPurgePendingKey, pending ? 1 : 0, batch);
}

void DeleteSegments(uint32_t begin, uint64_t end, ChunkStore::Batch& batch) {
  // Past the last id: all keys are 32-bit numbers, so "\xFF" × 5 is behind each of them.
  const std::string last =
      end > UINT32_MAX ? std::string(5, '\xFF') : SegmentKey(static_cast<uint32_t>(end));
  for (Table table :
       {Table::kDocuments, Table::kTexts, Table::kChunks, Table::kVectors, Table::kPostings}) {
    batch.DeleteRange(table, SegmentKey(begin), last);
  }
}

uint32_t LexicalFormatOf(const records::SegmentRecord& segment) {
  return std::max(1u, segment.lexical_format());
}

AccessList FromRecord(const records::AccessRecord& record) {
  return {{record.allow().begin(), record.allow().end()},
          {record.deny().begin(), record.deny().end()}};
}

records::AccessRecord ToRecord(const AccessList& access) {
  records::AccessRecord record;
  for (const std::string& principal : access.allow) record.add_allow(principal);
  for (const std::string& principal : access.deny) record.add_deny(principal);
  return record;
}

Metadata FromRecord(const records::DocumentRecord& record) {
  Metadata metadata;
  for (const auto& field : record.metadata()) {
    std::vector<MetadataValue>& values = metadata[field.name()];
    for (const auto& value : field.values()) {
      switch (value.value_case()) {
        case records::MetadataValue::kText:
          values.emplace_back(value.text());
          break;
        case records::MetadataValue::kNumber:
          values.emplace_back(value.number());
          break;
        case records::MetadataValue::kFlag:
          values.emplace_back(value.flag());
          break;
        case records::MetadataValue::VALUE_NOT_SET:
          break;
      }
    }
  }
  return metadata;
}

void SetMetadata(const Metadata& metadata, records::DocumentRecord& record) {
  record.clear_metadata();
  for (const auto& [name, values] : metadata) {
    records::MetadataField& field = *record.add_metadata();
    field.set_name(name);
    for (const MetadataValue& value : values) {
      records::MetadataValue& stored = *field.add_values();
      if (const auto* text = std::get_if<std::string>(&value)) stored.set_text(*text);
      if (const auto* number = std::get_if<double>(&value)) stored.set_number(*number);
      if (const auto* flag = std::get_if<bool>(&value)) stored.set_flag(*flag);
    }
  }
}

VectorIndexKind FromRecord(records::VectorIndexKind kind) {
  switch (kind) {
    case records::VECTOR_INDEX_KIND_FLAT:
      return VectorIndexKind::kFlat;
    case records::VECTOR_INDEX_KIND_SQ8:
      return VectorIndexKind::kSq8;
    case records::VECTOR_INDEX_KIND_HNSW:
      return VectorIndexKind::kHnsw;
    case records::VECTOR_INDEX_KIND_IVF:
      return VectorIndexKind::kIvf;
    default:
      return VectorIndexKind::kAuto;
  }
}

records::VectorIndexKind ToRecord(VectorIndexKind kind) {
  switch (kind) {
    case VectorIndexKind::kFlat:
      return records::VECTOR_INDEX_KIND_FLAT;
    case VectorIndexKind::kSq8:
      return records::VECTOR_INDEX_KIND_SQ8;
    case VectorIndexKind::kHnsw:
      return records::VECTOR_INDEX_KIND_HNSW;
    case VectorIndexKind::kIvf:
      return records::VECTOR_INDEX_KIND_IVF;
    case VectorIndexKind::kAuto:
      break;
  }
  return records::VECTOR_INDEX_KIND_UNSPECIFIED;
}

}  // namespace footnote::retriever
