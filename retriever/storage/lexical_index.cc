#include "retriever/storage/lexical_index.h"

#include <algorithm>
#include <optional>

#include "retriever/storage/codec.h"

namespace footnote::retriever {
namespace {

// Big enough that a common term is a few reads, small enough that little waits in memory while a
// segment is written.
constexpr uint32_t kStretchPostings = 16 * kBlockPostings;
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

// As TakeVarint, for the inner loop: most are one byte. False at the end or when it is too long.
inline bool Take(const char*& at, const char* end, uint32_t& value) {
  if (at == end) return false;
  uint32_t byte = static_cast<unsigned char>(*at++);
  value = byte & 0x7F;
  for (int shift = 7; (byte & 0x80) != 0; shift += 7) {
    if (at == end || shift > 28) return false;
    byte = static_cast<unsigned char>(*at++);
    value |= (byte & 0x7F) << shift;
  }
  return true;
}

// The distance from the row before and, in its lowest bit, whether the term occurs once in the body
// and nowhere else, which is the usual case.
void AppendPosting(uint32_t distance, const FieldCounts& frequencies, std::string& out) {
  const bool elsewhere = frequencies[kTitle] != 0 || frequencies[kHeadings] != 0;
  const bool usual = frequencies[kBody] == 1 && !elsewhere;
  AppendVarint(uint64_t{distance} << 1 | (usual ? 1 : 0), out);
  if (usual) return;
  AppendVarint(uint64_t{frequencies[kBody]} << 1 | (elsewhere ? 1 : 0), out);
  if (!elsewhere) return;
  AppendVarint(frequencies[kTitle], out);
  AppendVarint(frequencies[kHeadings], out);
}

// Postings [at, …) of a stretch: `count` of them, the first `distance` behind `row`. Moves `at` and
// `row` to behind and to the last one.
bool DecodeBlock(const char*& at, const char* end, uint32_t count, uint32_t& row,
                 DecodedBlock& out) {
  out.count = count;
  out.body_only = true;
  for (uint32_t i = 0; i < count; ++i) {
    uint32_t code = 0;
    if (!Take(at, end, code)) return false;
    // A row once only; the first of a stretch is its key's row.
    if (UINT32_MAX - row < code >> 1) return false;
    row += code >> 1;
    out.rows[i] = row;
    out.body[i] = 1;
    uint32_t title = 0;
    uint32_t headings = 0;
    if ((code & 1) == 0) {
      uint32_t frequency = 0;
      if (!Take(at, end, frequency)) return false;
      out.body[i] = frequency >> 1;
      if ((frequency & 1) != 0) {
        if (!Take(at, end, title) || !Take(at, end, headings)) return false;
        if (out.body_only) {
          std::fill_n(out.title.begin(), i, 0);
          std::fill_n(out.headings.begin(), i, 0);
        }
        out.body_only = false;
      }
    }
    if (!out.body_only) {
      out.title[i] = title;
      out.headings[i] = headings;
    }
  }
  return true;
}

void AppendBounds(const PostingBounds& bounds, std::string& out) {
  for (size_t field = 0; field < kFields; ++field) {
    AppendVarint(bounds.most[field], out);
    if (bounds.most[field] > 0) AppendVarint(bounds.shortest[field], out);
  }
}

bool TakeBounds(const char*& at, const char* end, PostingBounds& bounds) {
  for (size_t field = 0; field < kFields; ++field) {
    if (!Take(at, end, bounds.most[field])) return false;
    if (bounds.most[field] > 0 && !Take(at, end, bounds.shortest[field])) return false;
  }
  return true;
}

// A stretch as the table holds it, from its postings one after the other. Nothing when they are
// damaged.
std::optional<std::string> MakeStretch(uint32_t count, std::string_view postings,
                                       uint32_t first_row, const RowLengths& lengths) {
  std::string value;
  AppendVarint(count, value);
  const char* at = postings.data();
  const char* const end = at + postings.size();
  uint32_t row = first_row;
  DecodedBlock block;
  for (uint32_t done = 0; count > kBlockPostings && done < count; done += block.count) {
    const char* const start = at;
    const uint32_t before = row;
    if (!DecodeBlock(at, end, std::min<uint32_t>(kBlockPostings, count - done), row, block) ||
        row >= lengths.size()) {
      return std::nullopt;
    }
    PostingBounds bounds;
    for (uint32_t i = 0; i < block.count; ++i) {
      bounds.Add(block.FrequenciesAt(i), lengths.Of(block.rows[i]));
    }
    AppendVarint(row - before, value);
    AppendVarint(static_cast<uint64_t>(at - start), value);
    AppendBounds(bounds, value);
  }
  value += postings;
  return value;
}

// Format 1: for each posting a varint of the distance and a varint of the frequency.
std::optional<std::string> FromFormat1(std::string_view value, uint32_t first_row,
                                       const RowLengths& lengths) {
  const std::optional<uint64_t> count = TakeVarint(value);
  if (!count || *count > value.size()) return std::nullopt;
  std::string postings;
  uint64_t row = first_row;
  for (uint64_t i = 0; i < *count; ++i) {
    const std::optional<uint64_t> distance = TakeVarint(value);
    const std::optional<uint64_t> frequency = distance ? TakeVarint(value) : std::nullopt;
    if (!frequency || *distance >= lengths.size() || *frequency > UINT32_MAX / 2) {
      return std::nullopt;
    }
    row += *distance;
    if (row >= lengths.size()) return std::nullopt;
    AppendPosting(static_cast<uint32_t>(*distance), {0, 0, static_cast<uint32_t>(*frequency)},
                  postings);
  }
  if (!value.empty()) return std::nullopt;
  return MakeStretch(static_cast<uint32_t>(*count), postings, first_row, lengths);
}

}  // namespace

void RowLengths::Add(const FieldCounts& lengths) {
  body.push_back(lengths[kBody]);
  title.push_back(static_cast<uint16_t>(std::min<uint32_t>(lengths[kTitle], UINT16_MAX)));
  headings.push_back(static_cast<uint16_t>(std::min<uint32_t>(lengths[kHeadings], UINT16_MAX)));
}

void PostingBounds::Add(const FieldCounts& frequencies, const FieldCounts& lengths) {
  for (size_t field = 0; field < kFields; ++field) {
    if (frequencies[field] == 0) continue;
    most[field] = std::max(most[field], frequencies[field]);
    shortest[field] = std::min(shortest[field], lengths[field]);
  }
}

void PostingBounds::Add(const PostingBounds& other) {
  for (size_t field = 0; field < kFields; ++field) {
    most[field] = std::max(most[field], other.most[field]);
    shortest[field] = std::min(shortest[field], other.shortest[field]);
  }
}

size_t PostingsList::memory_bytes() const {
  return sizeof(*this) + bytes_.capacity() + blocks_.capacity() * sizeof(Block);
}

void PostingsList::ShrinkToFit() {
  bytes_.shrink_to_fit();
  blocks_.shrink_to_fit();
}

Status PostingsList::Decode(size_t block, DecodedBlock& out) const {
  const Block& wanted = blocks_[block];
  const char* at = bytes_.data() + wanted.offset;
  const size_t behind = block + 1 < blocks_.size() ? blocks_[block + 1].offset : bytes_.size();
  const char* const end = bytes_.data() + behind;
  uint32_t row = wanted.base_row;
  const bool sound = DecodeBlock(at, end, wanted.count, row, out);
  return sound && at == end && row == wanted.last_row ? OkStatus() : Damaged();
}

Status PostingsList::AddStretch(uint32_t format, std::string_view value, uint32_t first_row,
                                const RowLengths& lengths) {
  if (format >= 2) return AddBlocks(value, first_row, lengths);
  const std::optional<std::string> converted = FromFormat1(value, first_row, lengths);
  return converted ? AddBlocks(*converted, first_row, lengths) : Damaged();
}

Status PostingsList::AddBlocks(std::string_view value, uint32_t first_row,
                               const RowLengths& lengths) {
  const char* at = value.data();
  const char* const end = at + value.size();
  uint32_t count = 0;
  if (!Take(at, end, count) || count == 0 || count > value.size()) return Damaged();
  if (first_row >= lengths.size() || (!blocks_.empty() && first_row <= blocks_.back().last_row)) {
    return Damaged();
  }
  const size_t offset = bytes_.size();
  if (count <= kBlockPostings) {
    Block block{first_row, first_row, static_cast<uint32_t>(offset), count, {}};
    const std::string_view postings(at, static_cast<size_t>(end - at));
    DecodedBlock decoded;
    if (!DecodeBlock(at, end, count, block.last_row, decoded) || at != end ||
        block.last_row >= lengths.size()) {
      return Damaged();
    }
    for (uint32_t i = 0; i < count; ++i) {
      block.bounds.Add(decoded.FrequenciesAt(i), lengths.Of(decoded.rows[i]));
    }
    bytes_ += postings;
    bounds_.Add(block.bounds);
    blocks_.push_back(block);
  } else {
    uint64_t bytes = 0;
    uint32_t row = first_row;
    for (uint32_t done = 0; done < count; done += kBlockPostings) {
      Block block{row,
                  0,
                  static_cast<uint32_t>(offset + bytes),
                  std::min<uint32_t>(kBlockPostings, count - done),
                  {}};
      uint32_t distance = 0;
      uint32_t size = 0;
      if (!Take(at, end, distance) || !Take(at, end, size) || !TakeBounds(at, end, block.bounds) ||
          distance >= lengths.size() - row) {
        return Damaged();
      }
      row += distance;
      bytes += size;
      block.last_row = row;
      bounds_.Add(block.bounds);
      blocks_.push_back(block);
    }
    if (bytes != static_cast<uint64_t>(end - at)) return Damaged();
    bytes_.append(at, end);
  }
  count_ += count;
  return OkStatus();
}

Status PostingsWriter::Add(const FieldTerms& terms) {
  const auto row = static_cast<uint32_t>(lengths_.size());
  std::unordered_map<std::string_view, FieldCounts> frequencies;
  FieldCounts lengths = {};
  for (size_t field = 0; field < kFields; ++field) {
    for (const std::string& term : terms[field]) ++frequencies[term][field];
    lengths[field] = static_cast<uint32_t>(terms[field].size());
  }
  lengths_.Add(lengths);
  ChunkStore::Batch batch = store_.NewBatch();
  for (const auto& [term, counts] : frequencies) {
    const auto [found, is_new] = lists_.try_emplace(std::string(term));
    List& list = found->second;
    if (is_new) bytes_ += kBytesATerm + term.size();
    const size_t bytes_before = list.bytes.capacity();
    if (list.count == 0) list.first_row = list.last_row = row;
    AppendPosting(row - list.last_row, counts, list.bytes);
    list.last_row = row;
    if (++list.count == kStretchPostings) {
      FOOTNOTE_RETURN_IF_ERROR(Flush(found->first, list, batch));
    }
    bytes_ += list.bytes.capacity();
    bytes_ -= bytes_before;
  }
  if (batch.bytes() >= 64) {
    FOOTNOTE_RETURN_IF_ERROR(store_.Write(std::move(batch), /*sync=*/false));
  }
  return bytes_ > most_bytes_ ? FlushAll() : OkStatus();
}

Status PostingsWriter::Flush(const std::string& term, List& list, ChunkStore::Batch& batch) {
  std::string key = TermPrefix(segment_, term);
  AppendBigEndian32(list.first_row, key);
  const std::optional<std::string> value =
      MakeStretch(list.count, list.bytes, list.first_row, lengths_);
  if (!value) return InternalError("the postings of \"" + term + "\" cannot be read back");
  batch.Put(Table::kPostings, key, *value);
  list = List();
  return OkStatus();
}

Status PostingsWriter::FlushAll() {
  ChunkStore::Batch batch = store_.NewBatch();
  for (auto& [term, list] : lists_) {
    if (list.count > 0) FOOTNOTE_RETURN_IF_ERROR(Flush(term, list, batch));
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
  std::string lengths;
  for (uint32_t row = 0; row < lengths_.size(); ++row) {
    for (const uint32_t length : lengths_.Of(row)) AppendVarint(length, lengths);
  }
  batch.Put(Table::kPostings, LengthsKey(segment_), lengths);
  return store_.Write(std::move(batch), /*sync=*/false);
}

StatusOr<RowLengths> ReadRowLengths(const ChunkStore& store, uint32_t segment, uint32_t format,
                                    size_t rows) {
  FOOTNOTE_ASSIGN_OR_RETURN(const std::optional<std::string> value,
                            store.Get(Table::kPostings, LengthsKey(segment)));
  if (!value) return Damaged();
  const char* at = value->data();
  const char* const end = at + value->size();
  RowLengths lengths;
  while (at != end) {
    FieldCounts counts = {};
    for (size_t field = format >= 2 ? 0 : kBody; field < kFields; ++field) {
      if (!Take(at, end, counts[field])) return Damaged();
    }
    lengths.Add(counts);
  }
  if (lengths.size() != rows) return Damaged();
  return lengths;
}

StatusOr<PostingsList> ReadPostings(ChunkStore::Cursor& cursor, uint32_t segment, uint32_t format,
                                    std::string_view term, const RowLengths& lengths) {
  PostingsList list;
  const std::string prefix = TermPrefix(segment, term);
  for (cursor.Seek(prefix); cursor.Valid() && cursor.key().starts_with(prefix); cursor.Next()) {
    if (cursor.key().size() != prefix.size() + 4) return Damaged();
    const uint32_t first_row = ReadBigEndian32(cursor.key().substr(prefix.size()));
    FOOTNOTE_RETURN_IF_ERROR(list.AddStretch(format, cursor.value(), first_row, lengths));
  }
  FOOTNOTE_RETURN_IF_ERROR(cursor.status());
  list.ShrinkToFit();
  return list;
}

std::string PostingsPrefix(uint32_t segment) { return SegmentKey(segment) + kPostings; }

bool ParsePostingsKey(std::string_view key, std::string_view& term, uint32_t& first_row) {
  // 4 bytes segment, 'p', term, NUL, 4 bytes first row.
  if (key.size() < 10 || key[4] != kPostings || key[key.size() - 5] != '\0') return false;
  term = key.substr(5, key.size() - 10);
  first_row = ReadBigEndian32(key.substr(key.size() - 4));
  return true;
}

}  // namespace footnote::retriever
