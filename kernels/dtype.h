// Number formats of weights, by name. A row of a quantised matrix is a run of blocks; a block never
// spans two rows.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "common/status.h"

namespace footnote::kernels {

enum class DType : uint8_t {
#define FOOTNOTE_FORMAT(enumerator, name, gguf_type, block_elements, block_bytes) enumerator,
#include "kernels/quant/formats.def"
#undef FOOTNOTE_FORMAT
};

// "Q4_K", as GGUF tools print it.
std::string_view DTypeName(DType dtype);

// The format with this GGUF type number, or nothing when the engine does not know it.
std::optional<DType> DTypeFromGguf(uint32_t gguf_type);

// Elements and bytes of a block; 1 and the element's size for plain formats.
int64_t BlockElements(DType dtype);
int64_t BlockBytes(DType dtype);

// Bytes of a row of `columns` elements. Needs columns % BlockElements(dtype) == 0 and no overflow
// (callers check files).
int64_t RowBytes(DType dtype, int64_t columns);

// The reference decoder: out[i] = the value of element i, exactly as the format's definition gives
// it in float32. Errors: INVALID_ARGUMENT when out.size() is not a multiple of the block or
// `blocks` is too short.
Status Dequantize(DType dtype, std::span<const std::byte> blocks, std::span<float> out);

// The reference encoder, for the formats that tests, tools and the KV cache write: F32, F16, BF16,
// Q8_0, Q4_0, Q4_1, Q5_0, Q5_1. Rounds as GGUF's own reference quantiser does, byte for byte; not
// tuned for least error. Errors: INVALID_ARGUMENT as above; UNIMPLEMENTED for K and IQ formats.
Status Quantize(DType dtype, std::span<const float> values, std::span<std::byte> blocks);

}  // namespace footnote::kernels
