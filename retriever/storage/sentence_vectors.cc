#include "retriever/storage/sentence_vectors.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "retriever/storage/codec.h"

namespace footnote::retriever {
namespace {

// No row has a number so high that its key would begin with it.
constexpr char kBehindRows = '\xFF';

Status Damaged() {
  return DataLossError(
      "a chunk's sentence vectors are damaged: restore the corpus from a copy, or index it again");
}

}  // namespace

std::string SentenceKey(uint32_t segment, uint32_t row) {
  std::string key = SegmentKey(segment);
  key.push_back(kBehindRows);
  AppendBigEndian32(row, key);
  return key;
}

std::string EncodeSentences(const ChunkSentences& sentences) {
  std::string bytes;
  if (sentences.spans.empty()) return bytes;
  AppendVarint(sentences.spans.size(), bytes);
  uint64_t at = 0;
  for (const ByteSpan& span : sentences.spans) {
    AppendVarint(span.start - at, bytes);
    AppendVarint(span.size(), bytes);
    at = span.end;
  }
  for (const int8_t value : sentences.values) bytes.push_back(static_cast<char>(value));
  return bytes;
}

StatusOr<ChunkSentences> DecodeSentences(std::string_view bytes, size_t width) {
  ChunkSentences sentences;
  if (bytes.empty()) return sentences;
  const std::optional<uint64_t> count = TakeVarint(bytes);
  if (!count || *count == 0 || *count > bytes.size()) return Damaged();
  uint64_t at = 0;
  for (uint64_t i = 0; i < *count; ++i) {
    const std::optional<uint64_t> gap = TakeVarint(bytes);
    const std::optional<uint64_t> length = gap ? TakeVarint(bytes) : std::nullopt;
    if (!length || *gap > UINT32_MAX || *length > UINT32_MAX) return Damaged();
    sentences.spans.push_back({at + *gap, at + *gap + *length});
    at = sentences.spans.back().end;
  }
  if (bytes.size() != *count * width) return Damaged();
  sentences.values.reserve(bytes.size());
  for (const char value : bytes) sentences.values.push_back(static_cast<int8_t>(value));
  return sentences;
}

Status CheckSentences(const ChunkSentences& sentences, uint64_t text_bytes, size_t width) {
  uint64_t at = 0;
  for (const ByteSpan& span : sentences.spans) {
    if (span.start < at || span.end < span.start || span.end > text_bytes) {
      return InvalidArgumentError("a sentence lies outside its chunk, or before another");
    }
    at = span.end;
  }
  if (sentences.values.size() != sentences.spans.size() * width) {
    return InvalidArgumentError("there is not one vector for each sentence");
  }
  return OkStatus();
}

NearestSentence FindNearestSentence(const ChunkSentences& sentences, std::span<const float> query) {
  NearestSentence best;
  const size_t width = query.size();
  for (size_t i = 0; i < sentences.spans.size(); ++i) {
    float product = 0;
    int32_t square = 0;
    for (size_t j = 0; j < width; ++j) {
      const int8_t value = sentences.values[i * width + j];
      product += query[j] * static_cast<float>(value);
      square += value * value;
    }
    const float cosine = square > 0 ? product / std::sqrt(static_cast<float>(square)) : 0;
    if (cosine > best.cosine) best = {i, cosine};
  }
  return best;
}

}  // namespace footnote::retriever
