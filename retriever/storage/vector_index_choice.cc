// Which kind of index is built, and what building it takes.
#include <algorithm>
#include <string>

#include "common/memory.h"
#include "retriever/storage/vector_index.h"
#include "retriever/storage/vector_index_sizes.h"

namespace footnote::retriever {
namespace {

// Up to here all vectors are looked at, by bytes, in some 5 ms on one core (2.3 for 103,611).
constexpr size_t kMaxExactRows = 200'000;

}  // namespace

VectorIndexChoice ChooseVectorIndex(VectorIndexKind asked, size_t rows) {
  if (asked != VectorIndexKind::kAuto) return {asked, "as set when the corpus was indexed"};
  if (rows <= kMaxExactRows) {
    return {VectorIndexKind::kFlat, "exact search is fast enough up to 200,000 vectors"};
  }
  return {VectorIndexKind::kHnsw, "more than 200,000 vectors: an approximate graph"};
}

VectorIndexChoice ChooseVectorIndex(VectorIndexKind asked, size_t rows, int width,
                                    uint64_t most_bytes) {
  VectorIndexChoice choice = ChooseVectorIndex(asked, rows);
  const uint64_t wanted = VectorIndexBuildBytes(choice.kind, rows, width);
  if (asked != VectorIndexKind::kAuto || wanted <= most_bytes) return choice;
  return {VectorIndexKind::kSq8, "building the " + std::string(VectorIndexName(choice.kind)) +
                                     " index of " + std::to_string(rows) + " vectors takes " +
                                     ByteSizeText(wanted) + " of memory, of which there were " +
                                     ByteSizeText(most_bytes) +
                                     ": all vectors are compared, as bytes"};
}

uint64_t VectorIndexBuildBytes(VectorIndexKind kind, size_t rows, int width) {
  const auto columns = static_cast<uint64_t>(width);
  // Some copies of a block are IVF's, which keeps how far each vector is from its list's centre.
  const uint64_t block_copies = kind == VectorIndexKind::kIvf ? 3 : 1;
  const uint64_t blocks = block_copies * kBlockRows * columns * sizeof(float) + (uint64_t{4} << 20);
  switch (kind) {
    case VectorIndexKind::kSq8:
      return rows * columns + blocks;
    case VectorIndexKind::kHnsw: {
      // Links, level, offset, lock; for each of some 16 threads, which rows it has seen.
      const double graph = 1.01 * HnswLinksARow() * 4 + 4 + 8 + 4 + 16;
      return rows * columns + static_cast<uint64_t>(graph * static_cast<double>(rows)) + blocks;
    }
    case VectorIndexKind::kIvf: {
      const uint64_t training =
          std::min<uint64_t>(rows, std::max(kTrainingRows, kTrainingRowsAList * ListCount(rows)));
      // Lists grow by doubling; ids, and where each row lies; learning takes copies.
      return rows * (columns + 8) * 3 / 2 + rows * 8 + 3 * training * columns * sizeof(float) +
             blocks;
    }
    default:
      return rows * columns * sizeof(float) + blocks;
  }
}

std::string_view VectorIndexName(VectorIndexKind kind) {
  switch (kind) {
    case VectorIndexKind::kAuto:
      return "auto";
    case VectorIndexKind::kFlat:
      return "flat";
    case VectorIndexKind::kSq8:
      return "sq8";
    case VectorIndexKind::kHnsw:
      return "hnsw";
    case VectorIndexKind::kIvf:
      return "ivf";
  }
  return "unknown";
}

}  // namespace footnote::retriever
