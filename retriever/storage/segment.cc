#include "retriever/storage/segment.h"

#include <algorithm>
#include <set>
#include <span>
#include <thread>
#include <utility>

#include "common/file.h"
#include "common/sha256.h"
#include "retriever/storage/codec.h"
#include "retriever/storage/sentence_vectors.h"

namespace footnote::retriever {
namespace {

constexpr size_t kBatchBytes = size_t{4} << 20;

Status Missing(const std::string& what, uint32_t segment) {
  return DataLossError(what + " of segment " + std::to_string(segment) +
                       " is missing or damaged: restore the corpus from a copy, or index it again");
}

// From table vectors, which holds all rows of the segment; by all threads, since nothing else of a
// publication can be done meanwhile.
StatusOr<std::unique_ptr<VectorIndex>> BuildVectorIndex(const ChunkStore& store, uint32_t segment,
                                                        size_t rows, int width,
                                                        VectorIndexKind kind) {
  ChunkStore::Cursor cursor = store.Scan(Table::kVectors);
  std::vector<float> row_numbers;
  const auto read = [&](size_t first, std::span<float> out) -> Status {
    const auto columns = static_cast<size_t>(width);
    if (first == 0) cursor.Seek(SegmentKey(segment));
    for (size_t at = 0; at < out.size(); at += columns, cursor.Next()) {
      const auto row = static_cast<uint32_t>(first + at / columns);
      FOOTNOTE_RETURN_IF_ERROR(cursor.status());
      row_numbers.clear();
      if (!cursor.Valid() || cursor.key() != RowKey(segment, row) ||
          !DecodeHalves(cursor.value(), columns, row_numbers)) {
        return Missing("the vector of row " + std::to_string(row), segment);
      }
      std::copy(row_numbers.begin(), row_numbers.end(), out.begin() + static_cast<ptrdiff_t>(at));
    }
    return OkStatus();
  };
  const int threads = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  return VectorIndex::Build(kind, width, rows, read, threads);
}

StatusOr<std::string> WriteVectorFile(const VectorIndex& index, const std::filesystem::path& path) {
  FOOTNOTE_RETURN_IF_ERROR(CreateFolders(path.parent_path()));
  FOOTNOTE_ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::Create(path));
  Sha256 hash;
  FOOTNOTE_RETURN_IF_ERROR(index.WriteTo([&](std::string_view piece) {
    hash.Update(piece);
    return file.Write(piece);
  }));
  FOOTNOTE_RETURN_IF_ERROR(file.Commit());
  return hash.FinishHex();
}

}  // namespace

StatusOr<std::unique_ptr<Analyzer>> MakeAnalyzer(const records::CorpusRecord& settings,
                                                 const std::string& corpus) {
  const auto version = static_cast<int>(settings.analyzer_version());
  if (version < 1 || version > kAnalyzerVersion) {
    return FailedPreconditionError("the corpus \"" + corpus +
                                   "\" was indexed with rules for words that this release does not "
                                   "know: use a newer release, or index its sources into a new "
                                   "corpus");
  }
  return Analyzer::Make(settings.language(), version);
}

std::string EmbeddedText(const records::ChunkRecord& chunk) {
  return chunk.embedded_text().empty() ? chunk.context() + chunk.text() : chunk.embedded_text();
}

size_t ContextBytes(const records::ChunkRecord& chunk) {
  // Where the embedded text does not end with the chunk's, nothing in it is known to be the
  // chunk's.
  return chunk.embedded_text().empty() ? chunk.context().size() : chunk.embedded_text().size();
}

FieldTerms TermsOf(const Analyzer& analyzer, const std::vector<std::string>& title,
                   const records::ChunkRecord& chunk, uint32_t lexical_format) {
  FieldTerms terms;
  if (lexical_format < 2) {
    terms[kBody] = analyzer.Terms(EmbeddedText(chunk));
    return terms;
  }
  terms[kTitle] = title;
  std::set<std::string_view> known(title.begin(), title.end());
  for (const std::string& heading : chunk.heading_path()) {
    for (std::string& term : analyzer.Terms(heading)) terms[kHeadings].push_back(std::move(term));
  }
  known.insert(terms[kHeadings].begin(), terms[kHeadings].end());
  std::string body = chunk.embedded_text();
  if (body.empty()) {
    for (std::string_view rest = chunk.context(); !rest.empty();) {
      const std::string_view line = rest.substr(0, rest.find('\n'));
      rest.remove_prefix(std::min(rest.size(), line.size() + 1));
      const std::vector<std::string> words = analyzer.Terms(line);
      if (std::all_of(words.begin(), words.end(),
                      [&](const std::string& word) { return known.contains(word); })) {
        continue;
      }
      body.append(line).append("\n");
    }
    body += chunk.text();
  }
  terms[kBody] = analyzer.Terms(body);
  return terms;
}

Status SegmentBuilder::Add(records::StagedDocument document) {
  records::DocumentRecord& record = *document.mutable_document();
  record.set_first_row(rows_);
  record.set_chunks(static_cast<uint32_t>(document.chunks_size()));
  const std::string key = RowKey(id_, documents_);
  batch_.Put(Table::kDocuments, key, record.SerializeAsString());
  batch_.Put(Table::kTexts, key, document.text());
  const size_t vector_bytes = with_vectors_ ? 2 * static_cast<size_t>(width_) : 0;
  if (document.vectors().size() != vector_bytes * static_cast<size_t>(document.chunks_size())) {
    return InternalError("the document \"" + record.id() + "\" has not one vector for each chunk");
  }
  words_.Add(documents_, record.title(), document.text());
  const std::vector<std::string> title = analyzer_.Terms(record.title());
  for (int i = 0; i < document.chunks_size(); ++i) {
    records::ChunkRecord& chunk = *document.mutable_chunks(i);
    chunk.set_document(documents_);
    const std::string row_key = RowKey(id_, rows_);
    batch_.Put(Table::kChunks, row_key, chunk.SerializeAsString());
    if (with_vectors_) {
      const std::string_view vector =
          std::string_view(document.vectors())
              .substr(static_cast<size_t>(i) * vector_bytes, vector_bytes);
      batch_.Put(Table::kVectors, row_key, vector);
      if (i < document.sentences_size() && !document.sentences(i).empty()) {
        batch_.Put(Table::kVectors, SentenceKey(id_, rows_), document.sentences(i));
      }
    }
    FOOTNOTE_RETURN_IF_ERROR(postings_.Add(TermsOf(analyzer_, title, chunk, kLexicalFormat)));
    ++rows_;
  }
  ++documents_;
  if (batch_.bytes() < kBatchBytes) return OkStatus();
  ChunkStore::Batch full = std::exchange(batch_, store_.NewBatch());
  return store_.Write(std::move(full), /*sync=*/false);
}

Status SegmentBuilder::WriteWords() {
  ChunkStore::Batch batch = store_.NewBatch();
  for (const auto& [key, value] : words_.Rows(id_)) {
    batch.Put(Table::kPostings, key, value);
    if (batch.bytes() < kBatchBytes) continue;
    FOOTNOTE_RETURN_IF_ERROR(store_.Write(std::move(batch), /*sync=*/false));
    batch = store_.NewBatch();
  }
  return store_.Write(std::move(batch), /*sync=*/false);
}

StatusOr<records::SegmentRecord> SegmentBuilder::Finish(const std::filesystem::path& corpus,
                                                        VectorIndexKind asked, uint64_t documents) {
  FOOTNOTE_RETURN_IF_ERROR(store_.Write(std::move(batch_), /*sync=*/false));
  FOOTNOTE_RETURN_IF_ERROR(postings_.Finish());
  FOOTNOTE_RETURN_IF_ERROR(WriteWords());
  if (memory_.bound.exists()) ReturnFreedMemory();
  records::SegmentRecord record;
  record.set_id(id_);
  record.set_documents(documents_);
  record.set_rows(rows_);
  record.set_without_vectors(!with_vectors_);
  const bool has_index = rows_ > 0 && with_vectors_;
  VectorIndexChoice choice = ChooseVectorIndex(asked, rows_);
  if (has_index) {
    FOOTNOTE_ASSIGN_OR_RETURN(choice, memory_.Choose(asked, rows_, width_, documents));
  }
  record.set_kind(ToRecord(choice.kind));
  record.set_kind_reason(choice.reason);
  record.set_lexical_format(kLexicalFormat);
  if (!has_index) return record;
  FOOTNOTE_ASSIGN_OR_RETURN(const std::unique_ptr<VectorIndex> index,
                            BuildVectorIndex(store_, id_, rows_, width_, choice.kind));
  FOOTNOTE_ASSIGN_OR_RETURN(std::string sha256, WriteVectorFile(*index, VectorFile(corpus, id_)));
  record.set_faiss_sha256(std::move(sha256));
  return record;
}

StatusOr<std::string> RebuildVectorFile(const ChunkStore& store,
                                        const std::filesystem::path& corpus,
                                        const records::SegmentRecord& segment, int width) {
  FOOTNOTE_ASSIGN_OR_RETURN(
      const std::unique_ptr<VectorIndex> index,
      BuildVectorIndex(store, segment.id(), segment.rows(), width, FromRecord(segment.kind())));
  return WriteVectorFile(*index, VectorFile(corpus, segment.id()));
}

StatusOr<records::StagedDocument> ReadDocument(const ChunkStore& store, uint32_t segment,
                                               uint32_t ordinal, bool with_vectors) {
  const std::string name = "document " + std::to_string(ordinal);
  const std::string key = RowKey(segment, ordinal);
  FOOTNOTE_ASSIGN_OR_RETURN(const auto record, store.Get(Table::kDocuments, key));
  FOOTNOTE_ASSIGN_OR_RETURN(auto text, store.Get(Table::kTexts, key));
  if (!record || !text) return Missing(name, segment);
  records::StagedDocument document;
  FOOTNOTE_ASSIGN_OR_RETURN(*document.mutable_document(),
                            ParseRecord<records::DocumentRecord>(*record, name));
  document.set_text(std::move(*text));
  for (uint32_t i = 0; i < document.document().chunks(); ++i) {
    const std::string row_key = RowKey(segment, document.document().first_row() + i);
    FOOTNOTE_ASSIGN_OR_RETURN(const auto chunk, store.Get(Table::kChunks, row_key));
    if (!chunk) return Missing("a chunk of " + name, segment);
    FOOTNOTE_ASSIGN_OR_RETURN(*document.add_chunks(),
                              ParseRecord<records::ChunkRecord>(*chunk, "chunk of " + name));
    if (!with_vectors) continue;
    FOOTNOTE_ASSIGN_OR_RETURN(const auto vector, store.Get(Table::kVectors, row_key));
    if (!vector) return Missing("a vector of " + name, segment);
    document.mutable_vectors()->append(*vector);
    FOOTNOTE_ASSIGN_OR_RETURN(
        auto sentences,
        store.Get(Table::kVectors, SentenceKey(segment, document.document().first_row() + i)));
    // Corpora of earlier releases have none.
    document.add_sentences(sentences ? *std::move(sentences) : std::string());
  }
  return document;
}

StatusOr<std::vector<records::DocumentRecord>> ReadDocumentRecords(const ChunkStore& store,
                                                                   uint32_t segment) {
  std::vector<records::DocumentRecord> documents;
  FOOTNOTE_RETURN_IF_ERROR(ForEachDocumentRecord(
      store, segment,
      [&](const records::DocumentRecord& document) { documents.push_back(document); }));
  return documents;
}

Status ForEachDocumentRecord(const ChunkStore& store, uint32_t segment,
                             const std::function<void(const records::DocumentRecord&)>& take) {
  ChunkStore::Cursor cursor = store.Scan(Table::kDocuments);
  const std::string prefix = SegmentKey(segment);
  for (cursor.Seek(prefix); cursor.Valid() && cursor.key().starts_with(prefix); cursor.Next()) {
    FOOTNOTE_ASSIGN_OR_RETURN(const records::DocumentRecord record,
                              ParseRecord<records::DocumentRecord>(cursor.value(), "document"));
    take(record);
  }
  return cursor.status();
}

uint32_t LoadedSegment::DocumentOfRow(uint32_t row) const {
  // The last document that begins at or before the row. Documents without chunks begin where the
  // next one does, and come before it.
  const auto after = std::upper_bound(
      documents.begin(), documents.end(), row,
      [](uint32_t wanted, const Document& document) { return wanted < document.first_row; });
  return static_cast<uint32_t>(after - documents.begin()) - 1;
}

namespace {

// FNV-1a over the id, then the row's place in the document mixed in as MurmurHash3 does at its end.
uint32_t HashRow(const std::string& document_id, uint32_t place) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : document_id) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  }
  hash ^= (uint64_t{place} + 1) * 0x9e3779b97f4a7c15;
  hash = (hash ^ (hash >> 33)) * 0xff51afd7ed558ccd;
  hash = (hash ^ (hash >> 33)) * 0xc4ceb9fe1a85ec53;
  return static_cast<uint32_t>(hash >> 32);
}

}  // namespace

StatusOr<std::shared_ptr<const LoadedSegment>> LoadSegment(const ChunkStore& store,
                                                           const std::filesystem::path& corpus,
                                                           const records::SegmentRecord& segment,
                                                           int width) {
  auto loaded = std::make_shared<LoadedSegment>();
  loaded->record = segment;
  FOOTNOTE_ASSIGN_OR_RETURN(const std::vector<records::DocumentRecord> documents,
                            ReadDocumentRecords(store, segment.id()));
  if (documents.size() != segment.documents()) return Missing("a document", segment.id());
  uint32_t rows = 0;
  for (const records::DocumentRecord& record : documents) {
    if (record.first_row() != rows) return Missing("a chunk", segment.id());
    rows += record.chunks();
    for (uint32_t i = 0; i < record.chunks(); ++i) {
      loaded->row_hashes.push_back(HashRow(record.id(), i));
    }
    Metadata metadata = FromRecord(record);
    metadata["document_id"] = {record.id()};
    metadata["title"] = {record.title()};
    metadata["source"] = {record.source()};
    loaded->documents.push_back({record.id(), record.version(), record.title(), std::move(metadata),
                                 record.first_row(), record.chunks()});
  }
  if (rows != segment.rows()) return Missing("a chunk", segment.id());
  FOOTNOTE_ASSIGN_OR_RETURN(loaded->lengths,
                            ReadRowLengths(store, segment.id(), LexicalFormatOf(segment), rows));
  FOOTNOTE_ASSIGN_OR_RETURN(loaded->words,
                            SegmentWords::Read(store, segment.id(), LexicalFormatOf(segment)));
  if (rows == 0 || segment.without_vectors()) {
    return std::shared_ptr<const LoadedSegment>(std::move(loaded));
  }
  StatusOr<std::unique_ptr<VectorIndex>> index =
      VectorIndex::Load(VectorFile(corpus, segment.id()), segment.faiss_sha256(),
                        FromRecord(segment.kind()), width, rows);
  if (index.ok()) {
    loaded->vectors = std::move(*index);
    return std::shared_ptr<const LoadedSegment>(std::move(loaded));
  }
  loaded->note = index.status().message() + ", and was rebuilt from the stored vectors";
  FOOTNOTE_ASSIGN_OR_RETURN(loaded->vectors, BuildVectorIndex(store, segment.id(), rows, width,
                                                              FromRecord(segment.kind())));
  return std::shared_ptr<const LoadedSegment>(std::move(loaded));
}

}  // namespace footnote::retriever
