#include "retriever/storage/writer_memory.h"

#include <algorithm>
#include <string>

namespace footnote::retriever {
namespace {

constexpr uint64_t kMebibyte = uint64_t{1} << 20;

// Batches, compactions, what malloc keeps.
constexpr uint64_t kOverheadBytes = 32 * kMebibyte;
// What a writer knows of each document, and what a publication adds: ids, versions, places, lists.
constexpr uint64_t kBytesADocument = 1536;
// Of what is left, for a vector index; the rest is for the documents that are on their way then.
constexpr uint64_t kVectorParts = 3;
constexpr uint64_t kParts = 4;

}  // namespace

WriterMemory::WriterMemory(const MemoryBound& memory) : bound(memory) {
  if (!bound.exists()) return;
  const uint64_t left = bound.left_bytes();
  block_cache_bytes = std::clamp(left / 16, 4 * kMebibyte, 64 * kMebibyte);
  write_buffer_bytes = std::clamp(left / 8, 8 * kMebibyte, 128 * kMebibyte);
  postings_bytes = std::clamp(left / 8, 8 * kMebibyte, 512 * kMebibyte);
}

uint64_t WriterMemory::VectorBytes(uint64_t documents) const {
  if (!bound.exists()) return UINT64_MAX;
  const uint64_t all = bound.left_bytes() / kParts * kVectorParts;
  const uint64_t taken =
      block_cache_bytes + write_buffer_bytes + kOverheadBytes + documents * kBytesADocument;
  return all > taken ? all - taken : 0;
}

StatusOr<VectorIndexChoice> WriterMemory::Choose(VectorIndexKind asked, size_t rows, int width,
                                                 uint64_t documents) const {
  const uint64_t most = VectorBytes(documents);
  const VectorIndexChoice choice = ChooseVectorIndex(asked, rows, width, most);
  const uint64_t needed = VectorIndexBuildBytes(choice.kind, rows, width);
  if (needed <= most) return choice;
  // Caches and buffers may grow with the bound, up to what they have at most.
  const uint64_t taken = 192 * kMebibyte + kOverheadBytes + documents * kBytesADocument;
  const uint64_t least =
      bound.held_bytes + (needed + taken + kVectorParts - 1) / kVectorParts * kParts;
  std::string message =
      "an index (" + std::string(VectorIndexName(choice.kind)) + ") of " + std::to_string(rows) +
      " vectors takes " + ByteSizeText(needed) + " of memory to build, more than --memory " +
      ByteSizeText(bound.total_bytes) + " leaves: run again with --memory " + ByteSizeText(least);
  if (asked != VectorIndexKind::kAuto && choice.kind != VectorIndexKind::kSq8) {
    message += ", or with --vector-index sq8, which takes " +
               ByteSizeText(VectorIndexBuildBytes(VectorIndexKind::kSq8, rows, width));
  }
  return ResourceExhaustedError(message + "; what is embedded is kept");
}

}  // namespace footnote::retriever
