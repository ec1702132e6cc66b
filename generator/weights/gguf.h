// GGUF files, versions 2 and 3, little-endian.
//
// The header, the metadata and the table of tensors are checked whole when the file is opened:
// counts against what the file can hold, products against overflow, tensors against the end of the
// file, the alignment and each other. Hostile bytes give DATA_LOSS, never a wild read.
// Source: the GGUF specification, ggml-org/ggml docs/gguf.md.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "common/status.h"
#include "generator/weights/weight_source.h"

namespace footnote::generator {

// kMetadata leaves the tensors alone: a vocabulary can be read from the head of a file whose
// weights are not there yet, or in a format that is not supported.
enum class GgufPart { kAll, kMetadata };

// One file, or any part of a split model (gguf_split.h), whose other parts lie beside it; kMetadata
// asks for the first part only.
// Errors: NOT_FOUND (for a split model, which part is missing); DATA_LOSS (names the key or tensor
// and the offset; for a truncated file, the bytes missing); FAILED_PRECONDITION (a part that was
// renamed); UNIMPLEMENTED (version 1, big-endian, a tensor type that is not supported: by name).
StatusOr<std::unique_ptr<WeightSource>> OpenGguf(const std::filesystem::path& path,
                                                 GgufPart part = GgufPart::kAll);

// The same of bytes in memory, which stay valid as long as the source lives. Errors: UNIMPLEMENTED
// for a part of a split model, except its metadata.
StatusOr<std::unique_ptr<WeightSource>> ParseGguf(std::span<const std::byte> bytes,
                                                  std::string description,
                                                  GgufPart part = GgufPart::kAll);

// Whether a file begins as GGUF files do.
bool LooksLikeGguf(std::span<const std::byte> bytes);

}  // namespace footnote::generator
