// How the memory that writing a corpus may take is shared out.
//
// Nothing here reserves anything: each share bounds a buffer, and a vector index is only begun when
// it fits. Without a bound, buffers have the sizes that are fastest.
#pragma once

#include <cstdint>

#include "common/memory.h"
#include "common/status.h"
#include "retriever/corpus_writer.h"
#include "retriever/storage/vector_index.h"

namespace footnote::retriever {

struct WriterMemory {
  MemoryBound bound;
  uint64_t block_cache_bytes = uint64_t{64} << 20;
  uint64_t write_buffer_bytes = 0;  // of all tables; 0: as large as each wants
  uint64_t postings_bytes = UINT64_MAX;

  explicit WriterMemory(const MemoryBound& memory = {});

  // Largest size of what building a vector index takes, beside what is kept of `documents`.
  uint64_t VectorBytes(uint64_t documents) const;

  // The kind of index for so many rows of a corpus of so many documents. RESOURCE_EXHAUSTED when
  // none fits, or not the one that was asked for; says which bound would do.
  StatusOr<VectorIndexChoice> Choose(VectorIndexKind asked, size_t rows, int width,
                                     uint64_t documents) const;
};

}  // namespace footnote::retriever
