#include "retriever/storage/lexical_index.h"

#include <algorithm>
#include <optional>

#include "retriever/storage/codec.h"

namespace footnote::retriever {
namespace {

// Big enough that a common term is a few reads, small enough that a block is one page or two.
constexpr uint32_t kBlockPostings = 2048;
constexpr size_t kBatchBytes = size_t{4} << 20;

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
    List& list = lists_[std::string(term)];
    if (list.count == 0) list.first_row = list.last_row = row;
    AppendVarint(row - list.last_row, list.bytes);
    AppendVarint(frequency, list.bytes);
    list.last_row = row;
    if (++list.count == kBlockPostings) Flush(std::string(term), list, batch);
  }
  AppendVarint(terms.size(), lengths_);
  rows_ = row + 1;
  if (batch.bytes() < 64) return OkStatus();
  return store_.Write(std::move(batch), /*sync=*/false);
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

Status PostingsWriter::Finish() {
  ChunkStore::Batch batch = store_.NewBatch();
  for (auto& [term, list] : lists_) {
    if (list.count > 0) Flush(term, list, batch);
    if (batch.bytes() > kBatchBytes) {
      FOOTNOTE_RETURN_IF_ERROR(store_.Write(std::move(batch), /*sync=*/false));
      batch = store_.NewBatch();
    }
  }
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

}  // namespace footnote::retriever
