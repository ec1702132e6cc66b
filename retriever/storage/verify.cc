// LocalCorpus::Verify: tables and FAISS files of the current generation against each other.
#include <cmath>
#include <functional>
#include <utility>

#include "common/sha256.h"
#include "retriever/storage/codec.h"
#include "retriever/storage/local_corpus.h"
#include "retriever/storage/sentence_vectors.h"

namespace footnote::retriever {
namespace {

// Findings beyond these say nothing new.
constexpr size_t kMaxFindings = 50;
constexpr int kFileAttempts = 5;
// An index of rounded numbers (SQ8) holds each within 1/255 of its range.
constexpr double kMinCosine = 0.99;

// Order does not matter in a sum of hashes, so a row's terms can be compared without keeping them.
uint64_t HashTerm(std::string_view term, const FieldCounts& frequencies) {
  uint64_t hash = 0xCBF29CE484222325u;
  for (const uint64_t frequency : frequencies) hash = (hash + frequency) * 0x9E3779B97F4A7C15u;
  for (unsigned char c : term) hash = (hash ^ c) * 0x100000001B3u;
  return hash ^ (hash >> 29);
}

class SegmentVerifier {
 public:
  SegmentVerifier(const ChunkStore& store, const Analyzer& analyzer,
                  const std::filesystem::path& corpus, const LoadedSegment& segment, int width,
                  std::vector<std::string>& findings)
      : store_(store),
        analyzer_(analyzer),
        corpus_(corpus),
        segment_(segment),
        width_(static_cast<size_t>(width)),
        findings_(findings),
        from_text_(segment.lengths.size(), 0) {}

  Status Run(const std::function<void()>& document_done) {
    FOOTNOTE_RETURN_IF_ERROR(VerifyVectorFile());
    for (uint32_t i = 0; i < segment_.documents.size(); ++i) {
      VerifyDocument(i);
      document_done();
    }
    FOOTNOTE_RETURN_IF_ERROR(VerifyWords());
    return VerifyPostings();
  }

 private:
  void Add(const std::string& finding) {
    if (findings_.size() < kMaxFindings) {
      findings_.push_back("segment " + std::to_string(segment_.record.id()) + ": " + finding);
    }
  }

  Status VerifyVectorFile() {
    if (segment_.record.rows() == 0 || segment_.record.without_vectors()) return OkStatus();
    const auto path = VectorFile(corpus_, segment_.record.id());
    const StatusOr<std::string> actual = Sha256HexOfFile(path);
    if (!actual.ok()) {
      Add("the FAISS file \"" + path.string() + "\" cannot be read: " + actual.status().message());
    } else if (*actual != segment_.record.faiss_sha256()) {
      Add("the FAISS file \"" + path.string() + "\" does not have its checksum");
    }
    if (segment_.vectors->rows() != segment_.record.rows()) {
      Add("the FAISS file holds " + std::to_string(segment_.vectors->rows()) + " vectors, not " +
          std::to_string(segment_.record.rows()));
    }
    return OkStatus();
  }

  void VerifyDocument(uint32_t ordinal) {
    const std::string& id = segment_.documents[ordinal].id;
    const bool with_vectors = !segment_.record.without_vectors();
    StatusOr<records::StagedDocument> read =
        ReadDocument(store_, segment_.record.id(), ordinal, with_vectors);
    if (!read.ok()) {
      Add("the document \"" + id + "\" cannot be read: " + read.status().message());
      return;
    }
    const records::StagedDocument& document = *read;
    if (Sha256Hex(document.text()) != document.document().version()) {
      Add("the text of the document \"" + id + "\" does not have its hash");
    }
    words_.Add(ordinal, document.document().title(), document.text());
    const std::vector<std::string> title = analyzer_.Terms(document.document().title());
    for (int i = 0; i < document.chunks_size(); ++i) {
      const records::ChunkRecord& chunk = document.chunks(i);
      const std::string name = "chunk " + std::to_string(i) + " of the document \"" + id + "\"";
      if (chunk.document() != ordinal) Add(name + " names another document");
      if (chunk.start() > chunk.end() || chunk.end() > document.text().size() ||
          document.text().compare(chunk.start(), chunk.end() - chunk.start(), chunk.text()) != 0) {
        Add(name + " is not what its span of the document says");
      }
      const uint32_t row = document.document().first_row() + static_cast<uint32_t>(i);
      if (with_vectors) {
        VerifyVector(
            name, row,
            std::string_view(document.vectors())
                .substr(std::min(document.vectors().size(), static_cast<size_t>(i) * 2 * width_),
                        2 * width_));
        const StatusOr<ChunkSentences> sentences = DecodeSentences(document.sentences(i), width_);
        if (!sentences.ok() || !CheckSentences(*sentences, chunk.text().size(), width_).ok()) {
          Add(name + " has sentence vectors that cannot be read");
        }
      }
      const FieldTerms terms = TermsOf(analyzer_, title, chunk, LexicalFormatOf(segment_.record));
      RowLengths lengths;
      std::unordered_map<std::string_view, FieldCounts> frequencies;
      FieldCounts counts = {};
      for (size_t field = 0; field < kFields; ++field) {
        for (const std::string& term : terms[field]) ++frequencies[term][field];
        counts[field] = static_cast<uint32_t>(terms[field].size());
      }
      lengths.Add(counts);
      if (segment_.lengths.Of(row) != lengths.Of(0)) {
        Add(name + " has another number of terms than the postings say");
      }
      for (const auto& [term, frequency] : frequencies) {
        from_text_[row] += HashTerm(term, frequency);
      }
    }
  }

  void VerifyVector(const std::string& name, uint32_t row, std::string_view bytes) {
    std::vector<float> stored;
    if (!DecodeHalves(bytes, width_, stored)) {
      Add(name + " has no stored vector of width " + std::to_string(width_));
      return;
    }
    std::vector<float> indexed;
    if (!segment_.vectors->Reconstruct(row, indexed).ok()) {
      Add(name + " has no vector in the FAISS file");
      return;
    }
    double product = 0;
    double stored_norm = 0;
    double indexed_norm = 0;
    for (size_t i = 0; i < width_; ++i) {
      product += double{stored[i]} * indexed[i];
      stored_norm += double{stored[i]} * stored[i];
      indexed_norm += double{indexed[i]} * indexed[i];
    }
    const bool same = !segment_.vectors->rounds()
                          ? stored == indexed
                          : product >= kMinCosine * std::sqrt(stored_norm * indexed_norm);
    if (!same) Add(name + " has another vector in the FAISS file than in the table");
  }

  Status VerifyWords() {
    if (LexicalFormatOf(segment_.record) < 2) return OkStatus();
    for (const auto& [key, value] : words_.Rows(segment_.record.id())) {
      FOOTNOTE_ASSIGN_OR_RETURN(const auto stored, store_.Get(Table::kPostings, key));
      if (stored && *stored == value) continue;
      Add("the stored words are not those of the texts");
      break;
    }
    return OkStatus();
  }

  Status VerifyPostings() {
    std::vector<uint64_t> from_postings(from_text_.size(), 0);
    ChunkStore::Cursor cursor = store_.Scan(Table::kPostings);
    const std::string prefix = PostingsPrefix(segment_.record.id());
    for (cursor.Seek(prefix); cursor.Valid() && cursor.key().starts_with(prefix); cursor.Next()) {
      std::string_view term;
      uint32_t first_row = 0;
      PostingsList list;
      if (!ParsePostingsKey(cursor.key(), term, first_row) ||
          !list.AddStretch(LexicalFormatOf(segment_.record), cursor.value(), first_row,
                           segment_.lengths)
               .ok()) {
        Add("a stretch of postings cannot be read");
        continue;
      }
      for (size_t b = 0; b < list.blocks().size(); ++b) {
        AddBlock(list, b, term, from_postings);
      }
    }
    FOOTNOTE_RETURN_IF_ERROR(cursor.status());
    for (uint32_t row = 0; row < from_text_.size(); ++row) {
      if (from_text_[row] == from_postings[row]) continue;
      Add("the postings of row " + std::to_string(row) + " (document \"" +
          segment_.documents[segment_.DocumentOfRow(row)].id + "\") are not those of its text");
    }
    return OkStatus();
  }

  void AddBlock(const PostingsList& list, size_t b, std::string_view term,
                std::vector<uint64_t>& from_postings) {
    DecodedBlock block;
    if (!list.Decode(b, block).ok()) {
      Add("a block of postings cannot be read");
      return;
    }
    PostingBounds bounds;
    for (uint32_t i = 0; i < block.count; ++i) {
      from_postings[block.rows[i]] += HashTerm(term, block.FrequenciesAt(i));
      bounds.Add(block.FrequenciesAt(i), segment_.lengths.Of(block.rows[i]));
    }
    if (bounds != list.blocks()[b].bounds) {
      Add("the bounds of a block of postings are not those of its rows");
    }
  }

  const ChunkStore& store_;
  const Analyzer& analyzer_;
  const std::filesystem::path& corpus_;
  const LoadedSegment& segment_;
  size_t width_;
  std::vector<std::string>& findings_;
  SegmentWordsBuilder words_;
  std::vector<uint64_t> from_text_;  // by row: sum of its terms' hashes
};

}  // namespace

StatusOr<std::vector<std::string>> LocalCorpus::Verify(
    const std::function<void(double)>& progress) {
  FOOTNOTE_ASSIGN_OR_RETURN(const Snapshot now, Now());
  std::vector<std::string> findings;
  {
    const std::lock_guard lock(state_mutex_);
    for (const auto& [segment, note] : notes_) findings.push_back(note);
    notes_.clear();  // said once; a fault that stays is found below
  }
  // The writer may compact files away while they are read: then the list of files is read again. A
  // fault that stays is one.
  Status files;
  for (int attempt = 0; attempt < kFileAttempts; ++attempt) {
    {
      const std::lock_guard tables(tables_mutex_);
      FOOTNOTE_RETURN_IF_ERROR(CatchUp(/*always=*/true));
    }
    files = store()->VerifyFiles();
    if (files.ok()) break;
  }
  if (!files.ok()) findings.push_back(files.message());
  uint64_t documents = 0;
  uint64_t chunks = 0;
  size_t total = 0;
  for (const auto& part : now.view->parts) total += part.segment->documents.size();
  size_t done = 0;
  for (const auto& part : now.view->parts) {
    SegmentVerifier verifier(*now.store, *analyzer_, folder_, *part.segment,
                             static_cast<int>(now.view->embedder.width()), findings);
    const Status status = verifier.Run([&] {
      ++done;
      if (progress) progress(static_cast<double>(done) / static_cast<double>(total));
    });
    if (!status.ok()) findings.push_back(status.message());
    for (size_t i = 0; i < part.dead.size(); ++i) {
      if (part.dead[i]) continue;
      ++documents;
      chunks += part.segment->documents[i].chunks;
    }
  }
  if (documents != now.view->generation.documents() || chunks != now.view->generation.chunks()) {
    findings.push_back("generation " + std::to_string(now.view->generation.number()) +
                       " says that it has " + std::to_string(now.view->generation.documents()) +
                       " documents and " + std::to_string(now.view->generation.chunks()) +
                       " chunks; there are " + std::to_string(documents) + " and " +
                       std::to_string(chunks));
  }
  FOOTNOTE_ASSIGN_OR_RETURN(const Snapshot after, Now());
  if (!findings.empty() && after.view->serial != now.view->serial) {
    return AbortedError("the corpus \"" + name_ +
                        "\" got a new generation while it was verified: verify it again");
  }
  return findings;
}

}  // namespace footnote::retriever
