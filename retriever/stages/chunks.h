// A row's chunk as it was stored, for the stages that read texts.
#pragma once

#include "common/status.h"
#include "retriever/stages/stage.h"
#include "retriever/storage/manifest.h"

namespace footnote::retriever {

// Errors: ABORTED when the writer has dropped the generation since the request began, so that the
// caller begins again; DATA_LOSS.
StatusOr<records::ChunkRecord> ReadChunk(const Retrieval& retrieval, size_t row);

}  // namespace footnote::retriever
