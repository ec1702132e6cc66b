// Vectors of a chunk's sentences as they are stored: one value a chunk, eight bits a number.
//
// They only rerank what was found by the chunk's own vector, so a rounding error of 1/254 does no
// harm, and half floats would double the table. docs/index_format.md tells the bytes.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "common/status.h"
#include "retriever/document.h"
#include "retriever/storage/chunk_store.h"

namespace footnote::retriever {

// Key in table vectors: behind all rows' own vectors of the segment, so that those stay together.
std::string SentenceKey(uint32_t segment, uint32_t row);

// `sentences` must satisfy CheckSentences. No sentence gives an empty value, which is not stored.
std::string EncodeSentences(const ChunkSentences& sentences);

// DATA_LOSS when the bytes are not what EncodeSentences gives for vectors of that width.
StatusOr<ChunkSentences> DecodeSentences(std::string_view bytes, size_t width);

// INVALID_ARGUMENT unless spans are in order within `text_bytes` and have a vector each.
Status CheckSentences(const ChunkSentences& sentences, uint64_t text_bytes, size_t width);

// The sentence nearest to a query vector of length 1: its place, and the cosine.
struct NearestSentence {
  size_t index = 0;
  float cosine = -1;
};
NearestSentence FindNearestSentence(const ChunkSentences& sentences, std::span<const float> query);

}  // namespace footnote::retriever
