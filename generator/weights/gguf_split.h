// Models in several GGUF files: NAME-00001-of-00003.gguf and so on, numbered from 1. Each part says
// in its metadata which it is (`split.no`, from 0, and `split.count`); the first holds the model's
// metadata, and tensors or none. Private to weights/ and tokenizers/.
// Source: llama.cpp's gguf-split, which writes them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "common/status.h"
#include "generator/weights/gguf_metadata.h"

namespace footnote::generator {

// What a file says of itself; one part of one when it says nothing.
struct GgufSplit {
  int64_t part = 0;  // from 0
  int64_t count = 1;
  std::optional<int64_t> tensors;  // of all parts
};

// Errors: DATA_LOSS: numbers that cannot be.
StatusOr<GgufSplit> ReadGgufSplit(const GgufMetadata& metadata);

// The files of all parts, in order, by the name of one of them; whether they are there is not
// asked. Errors: FAILED_PRECONDITION when the name does not have the form above or says something
// else than `split`.
StatusOr<std::vector<std::filesystem::path>> GgufParts(const std::filesystem::path& one,
                                                       const GgufSplit& split);

// Models among the `.gguf` files of a folder: of each one file, or the first part that is there.
// Errors: as listing the folder.
StatusOr<std::vector<std::filesystem::path>> GgufModelsIn(const std::filesystem::path& folder);

}  // namespace footnote::generator
