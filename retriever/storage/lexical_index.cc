#include "retriever/storage/lexical_index.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include "retriever/storage/codec.h"

namespace footnote::retriever {
namespace {

// Big enough that a common term is a few reads, small enough that a block is one page or two.
constexpr uint32_t kBlockPostings = 2048;
constexpr size_t kBatchBytes = size_t{4} << 20;
// Of memory for a term in the table of lists, its letters and postings aside.
constexpr uint64_t kBytesATerm = 160;

// After the segment's number: lengths sort before postings.
constexpr char kLengths = 'l';
constexpr char kPostings = 'p';

std::string LengthsKey(uint32_t segment) { return SegmentKey(segment) + kLengths; }

std::string TermPrefix(uint32_t segment, std::string_view term) {
  std::string key = PostingsPrefix(segment);
  key += term;
  key.push_back('\0');
  return key;
}

Status Damaged() {
  return DataLossError(
      "stored postings cannot be read: restore the corpus from a copy, or index it again");
}

bool Has(std::span<const uint8_t> bits, uint32_t row) {
  return (bits[row >> 3] >> (row & 7) & 1) != 0;
}

}  // namespace

std::string PostingsPrefix(uint32_t segment) { return SegmentKey(segment) + kPostings; }

bool ParsePostingsKey(std::string_view key, std::string_view& term, uint32_t& first_row) {
  // 4 bytes segment, 'p', term, NUL, 4 bytes first row.
  if (key.size() < 10 || key[4] != kPostings || key[key.size() - 5] != '\0') return false;
  term = key.substr(5, key.size() - 10);
  first_row = ReadBigEndian32(key.substr(key.size() - 4));
  return true;
}

Status PostingsWriter::Add(uint32_t row, std::span<const std::string> terms) {
  std::unordered_map<std::string_view, uint32_t> frequencies;
  for (const std::string& term : terms) ++frequencies[term];
  ChunkStore::Batch batch = store_.NewBatch();
  for (const auto& [term, frequency] : frequencies) {
    const auto [found, is_new] = lists_.try_emplace(std::string(term));
    List& list = found->second;
    if (is_new) bytes_ += kBytesATerm + term.size();
    const size_t bytes_before = list.bytes.capacity();
    if (list.count == 0) list.first_row = list.last_row = row;
    AppendVarint(row - list.last_row, list.bytes);
    AppendVarint(frequency, list.bytes);
    list.last_row = row;
    bytes_ += list.bytes.capacity() - bytes_before;
    if (++list.count == kBlockPostings) {
      bytes_ -= list.bytes.capacity();
      Flush(found->first, list, batch);
      bytes_ += list.bytes.capacity();
    }
  }
  AppendVarint(terms.size(), lengths_);
  if (batch.bytes() >= 64) {
    FOOTNOTE_RETURN_IF_ERROR(store_.Write(std::move(batch), /*sync=*/false));
  }
  return bytes_ > most_bytes_ ? FlushAll() : OkStatus();
}

void PostingsWriter::Flush(const std::string& term, List& list, ChunkStore::Batch& batch) {
  std::string key = TermPrefix(segment_, term);
  AppendBigEndian32(list.first_row, key);
  std::string value;
  AppendVarint(list.count, value);
  value += list.bytes;
  batch.Put(Table::kPostings, key, value);
  list = List();
}

Status PostingsWriter::FlushAll() {
  ChunkStore::Batch batch = store_.NewBatch();
  for (auto& [term, list] : lists_) {
    if (list.count > 0) Flush(term, list, batch);
    if (batch.bytes() > kBatchBytes) {
      FOOTNOTE_RETURN_IF_ERROR(store_.Write(std::move(batch), /*sync=*/false));
      batch = store_.NewBatch();
    }
  }
  lists_ = {};
  bytes_ = 0;
  return store_.Write(std::move(batch), /*sync=*/false);
}

Status PostingsWriter::Finish() {
  FOOTNOTE_RETURN_IF_ERROR(FlushAll());
  ChunkStore::Batch batch = store_.NewBatch();
  batch.Put(Table::kPostings, LengthsKey(segment_), lengths_);
  return store_.Write(std::move(batch), /*sync=*/false);
}

StatusOr<std::vector<uint32_t>> ReadRowLengths(const ChunkStore& store, uint32_t segment,
                                               size_t rows) {
  FOOTNOTE_ASSIGN_OR_RETURN(const std::optional<std::string> value,
                            store.Get(Table::kPostings, LengthsKey(segment)));
  if (!value) return Damaged();
  std::string_view bytes = *value;
  std::vector<uint32_t> lengths;
  lengths.reserve(rows);
  while (!bytes.empty()) {
    const std::optional<uint64_t> length = TakeVarint(bytes);
    if (!length) return Damaged();
    lengths.push_back(static_cast<uint32_t>(*length));
  }
  if (lengths.size() != rows) return Damaged();
  return lengths;
}

Status DecodePostings(std::string_view block, uint32_t first_row, size_t rows,
                      std::vector<Posting>& out) {
  const std::optional<uint64_t> count = TakeVarint(block);
  if (!count || *count > block.size()) return Damaged();
  uint64_t row = first_row;
  for (uint64_t i = 0; i < *count; ++i) {
    const std::optional<uint64_t> delta = TakeVarint(block);
    const std::optional<uint64_t> frequency = delta ? TakeVarint(block) : std::nullopt;
    if (!frequency || *delta >= rows || *frequency > UINT32_MAX) return Damaged();
    row += *delta;
    if (row >= rows) return Damaged();
    out.push_back({static_cast<uint32_t>(row), static_cast<uint32_t>(*frequency)});
  }
  return block.empty() ? OkStatus() : Damaged();
}

Status ReadPostings(ChunkStore::Cursor& cursor, uint32_t segment, std::string_view term,
                    size_t rows, std::vector<Posting>& out) {
  const std::string prefix = TermPrefix(segment, term);
  for (cursor.Seek(prefix); cursor.Valid() && cursor.key().starts_with(prefix); cursor.Next()) {
    if (cursor.key().size() != prefix.size() + 4) return Damaged();
    const uint32_t first_row = ReadBigEndian32(cursor.key().substr(prefix.size()));
    FOOTNOTE_RETURN_IF_ERROR(DecodePostings(cursor.value(), first_row, rows, out));
  }
  return cursor.status();
}

StatusOr<std::vector<float>> ScoreBm25(const ChunkStore& store, std::span<const LexicalPart> parts,
                                       uint64_t visible_rows, double visible_length,
                                       std::vector<std::string> terms,
                                       const Bm25Parameters& parameters) {
  size_t rows = 0;
  for (const LexicalPart& part : parts) rows += part.lengths.size();
  std::vector<float> scores(rows, 0.0f);
  if (visible_rows == 0) return scores;
  const double mean_length = std::max(1.0, visible_length / static_cast<double>(visible_rows));
  // Sorted, so that sums do not depend on the order of the query's words in a map.
  std::map<std::string, int> weights;
  for (std::string& term : terms) ++weights[std::move(term)];
  ChunkStore::Cursor cursor = store.Scan(Table::kPostings);
  std::vector<Posting> postings;
  struct Occurrence {
    size_t row;  // over all parts
    uint32_t length;
    uint32_t frequency;
  };
  std::vector<Occurrence> occurrences;
  for (const auto& [term, weight] : weights) {
    occurrences.clear();
    size_t base = 0;
    for (const LexicalPart& part : parts) {
      postings.clear();
      FOOTNOTE_RETURN_IF_ERROR(
          ReadPostings(cursor, part.segment, term, part.lengths.size(), postings));
      for (const Posting& posting : postings) {
        if (!Has(part.visible, posting.row)) continue;
        occurrences.push_back({base + posting.row, part.lengths[posting.row], posting.frequency});
      }
      base += part.lengths.size();
    }
    const auto frequency = static_cast<double>(occurrences.size());
    const double idf =
        std::log1p((static_cast<double>(visible_rows) - frequency + 0.5) / (frequency + 0.5));
    for (const Occurrence& occurrence : occurrences) {
      const double norm =
          parameters.k1 * (1 - parameters.b + parameters.b * occurrence.length / mean_length);
      const double tf = occurrence.frequency;
      scores[occurrence.row] +=
          static_cast<float>(weight * idf * tf * (parameters.k1 + 1) / (tf + norm));
    }
  }
  return scores;
}

}  // namespace footnote::retriever
