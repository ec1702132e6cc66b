// Safetensors files: a JSON header that says where each tensor lies, then the bytes.
//
// Source: the safetensors format, huggingface/safetensors README.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "common/status.h"
#include "generator/weights/tensor_table.h"

namespace footnote::generator {

// Adds the tensors of one file to `table`, in the order of their bytes. Tensors of formats that are
// not supported (F64, integers, booleans: mask buffers and position ids) are remembered as such.
// Errors: DATA_LOSS: a header that is cut, too long or no JSON; a tensor beyond the file, with a
// size other than its shape's, sharing bytes with another, or there twice.
Status ReadSafetensors(std::span<const std::byte> file, TensorTable& table);

}  // namespace footnote::generator
