// Segments: immutable sets of rows with their postings and FAISS file. Writing one, loading one,
// reading a document back.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/status.h"
#include "retriever/filter.h"
#include "retriever/storage/chunk_store.h"
#include "retriever/storage/lexical_index.h"
#include "retriever/storage/manifest.h"
#include "retriever/storage/segment_words.h"
#include "retriever/storage/vector_index.h"
#include "retriever/storage/writer_memory.h"
#include "retriever/text/analyzer.h"

namespace footnote::retriever {

// By the rules for words that the corpus was made with. FAILED_PRECONDITION: those of a later
// release.
StatusOr<std::unique_ptr<Analyzer>> MakeAnalyzer(const records::CorpusRecord& settings,
                                                 const std::string& corpus);

// What was embedded.
std::string EmbeddedText(const records::ChunkRecord& chunk);
// Bytes at its front that are not the chunk's own text.
size_t ContextBytes(const records::ChunkRecord& chunk);

// The terms of a row as segments of the lexical format hold them. title: the terms of its
// document's. Format 1: those of the embedded text, as body. Format 2: title and heading path are
// fields of their own; a line before the text that says something else, such as a table's header,
// counts as body.
FieldTerms TermsOf(const Analyzer& analyzer, const std::vector<std::string>& title,
                   const records::ChunkRecord& chunk, uint32_t lexical_format);

// Writes one segment, document by document. Nothing refers to it until a manifest does; rows of one
// that was never published are garbage, which the next writer removes.
class SegmentBuilder {
 public:
  // with_vectors: all documents have them; otherwise none has, and there is no FAISS file.
  SegmentBuilder(ChunkStore& store, const Analyzer& analyzer, uint32_t id, int width,
                 bool with_vectors, const WriterMemory& memory)
      : store_(store),
        analyzer_(analyzer),
        id_(id),
        width_(width),
        with_vectors_(with_vectors),
        memory_(memory),
        batch_(store.NewBatch()),
        postings_(id, store, memory.postings_bytes) {}

  // Takes the record apart; its first_row is set here.
  Status Add(records::StagedDocument document);
  // Builds and writes the FAISS file. documents: of the corpus, which the writer knows meanwhile.
  // Errors: those of WriterMemory::Choose.
  StatusOr<records::SegmentRecord> Finish(const std::filesystem::path& corpus,
                                          VectorIndexKind asked, uint64_t documents);

 private:
  Status WriteWords();

  ChunkStore& store_;
  const Analyzer& analyzer_;
  uint32_t id_;
  int width_;
  bool with_vectors_;
  WriterMemory memory_;
  ChunkStore::Batch batch_;
  PostingsWriter postings_;
  SegmentWordsBuilder words_;
  uint32_t documents_ = 0;
  uint32_t rows_ = 0;
};

// Builds the FAISS file of a segment anew from table vectors and puts it in place. Returns its
// checksum.
StatusOr<std::string> RebuildVectorFile(const ChunkStore& store,
                                        const std::filesystem::path& corpus,
                                        const records::SegmentRecord& segment, int width);

// A document of a segment as it was staged: record, text, chunks, vectors if the segment has them.
// `access` is not set.
StatusOr<records::StagedDocument> ReadDocument(const ChunkStore& store, uint32_t segment,
                                               uint32_t ordinal, bool with_vectors);
StatusOr<std::vector<records::DocumentRecord>> ReadDocumentRecords(const ChunkStore& store,
                                                                   uint32_t segment);
// One after the other, in order of their ordinals.
Status ForEachDocumentRecord(const ChunkStore& store, uint32_t segment,
                             const std::function<void(const records::DocumentRecord&)>& take);

// A segment as searches see it.
struct LoadedSegment {
  struct Document {
    std::string id;
    std::string version;
    std::string title;
    Metadata metadata;  // with document_id, title and source, which filters know too
    uint32_t first_row = 0;
    uint32_t chunks = 0;
  };
  records::SegmentRecord record;
  std::vector<Document> documents;
  RowLengths lengths;  // terms of each row
  SegmentWords words;
  // Of each row, from its document's id and its place there: the same however the corpus was cut
  // into segments.
  std::vector<uint32_t> row_hashes;
  std::unique_ptr<VectorIndex> vectors;  // null when there are no rows, or no vectors yet
  std::string note;  // what was wrong with the FAISS file; empty when nothing was

  // Ordinal of the document that a row belongs to.
  uint32_t DocumentOfRow(uint32_t row) const;
};

// Loads a segment; when its FAISS file is missing or damaged, rebuilds the index from the stored
// vectors and says so in `note`.
StatusOr<std::shared_ptr<const LoadedSegment>> LoadSegment(const ChunkStore& store,
                                                           const std::filesystem::path& corpus,
                                                           const records::SegmentRecord& segment,
                                                           int width);

}  // namespace footnote::retriever
