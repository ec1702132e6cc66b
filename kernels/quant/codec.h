// What each quant/<name>.cc defines: the reference decoder and, for some formats, the encoder.
#pragma once

#include <cstdint>

#include "kernels/quant/half.h"

namespace footnote::kernels {

struct FormatCodec {
  // `blocks` whole blocks to their elements.
  void (*decode)(const uint8_t* data, int64_t blocks, float* out);
  // The inverse; null when the engine never writes this format.
  void (*encode)(const float* values, int64_t blocks, uint8_t* data);
};

#define FOOTNOTE_FORMAT(enumerator, name, gguf_type, block_elements, block_bytes) \
  extern const FormatCodec kCodec##name;
#include "kernels/quant/formats.def"
#undef FOOTNOTE_FORMAT

// Unaligned little-endian reads and writes.
[[maybe_unused]] static inline uint16_t Load16(const uint8_t* data) {
  uint16_t value;
  memcpy(&value, data, sizeof value);
  return value;
}
[[maybe_unused]] static inline uint32_t Load32(const uint8_t* data) {
  uint32_t value;
  memcpy(&value, data, sizeof value);
  return value;
}
[[maybe_unused]] static inline void Store16(uint8_t* data, uint16_t value) {
  memcpy(data, &value, sizeof value);
}
[[maybe_unused]] static inline void Store32(uint8_t* data, uint32_t value) {
  memcpy(data, &value, sizeof value);
}

}  // namespace footnote::kernels
