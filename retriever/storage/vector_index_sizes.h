// Numbers that building a vector index and telling beforehand what it takes must agree on.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace footnote::retriever {

inline constexpr int kHnswLinks = 32;

// Links of an HNSW row, in all layers: twice kHnswLinks in the lowest, kHnswLinks in each other,
// where there is one row of kHnswLinks that are in the layer below.
constexpr double HnswLinksARow() { return kHnswLinks * (2 + 1.0 / (kHnswLinks - 1)); }

// Rows read and added at a time.
inline constexpr size_t kBlockRows = 8192;
// Rows that rounding is learnt from. Ranges of numbers settle long before.
inline constexpr size_t kTrainingRows = 65536;
// IVF learns its lists from more: FAISS wants 39 vectors for each, and takes 256 at most.
inline constexpr size_t kTrainingRowsAList = 64;

// Of IVF.
inline size_t ListCount(size_t rows) {
  // FAISS wants 39 training vectors a list; 4·sqrt(n) lists keep lists and centroids balanced.
  const auto wanted = static_cast<size_t>(4 * std::sqrt(static_cast<double>(rows)));
  return std::max<size_t>(1, std::min(wanted, rows / 39));
}

}  // namespace footnote::retriever
