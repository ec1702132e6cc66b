// One GGUF file: its metadata and its tensors, checked whole. gguf.h opens models, of one file or
// several.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "common/status.h"
#include "generator/weights/gguf.h"
#include "generator/weights/gguf_metadata.h"
#include "generator/weights/weight_source.h"

namespace footnote::generator {

struct GgufFile {
  GgufMetadata metadata;
  std::vector<StoredTensor> tensors;  // in the file's order, into the bytes; kAll only
};

// Errors: DATA_LOSS, UNIMPLEMENTED as OpenGguf's, without the file's name.
StatusOr<GgufFile> ReadGgufFile(std::span<const std::byte> bytes, GgufPart part);

}  // namespace footnote::generator
