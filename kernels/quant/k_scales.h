// Scales of 6 bits, as formats with blocks of 256 elements pack them.
#pragma once

#include <stdint.h>

#include "kernels/quant/half.h"

namespace footnote::kernels {

// Q4_K, Q5_K: 12 bytes, 8 scales and 8 minima. Bytes 0…3 hold the low six bits of scales 0…3, bytes
// 4…7 those of minima 0…3; the four low bits of entries 4…7 share bytes 8…11, and their two high
// bits are the top of bytes 0…7.
[[maybe_unused]] FOOTNOTE_HOST_DEVICE static inline void KScaleAndMin(const uint8_t* packed, int j,
                                                                      int* scale, int* min) {
  if (j < 4) {
    *scale = packed[j] & 63;
    *min = packed[j + 4] & 63;
  } else {
    *scale = (packed[j + 4] & 15) | ((packed[j - 4] >> 6) << 4);
    *min = (packed[j + 4] >> 4) | ((packed[j] >> 6) << 4);
  }
}

// Q3_K: 12 bytes, 16 scales, -32…31. Bytes 0…7 hold the four low bits of scale j (low halves) and j
// + 8 (high halves); bits 2r, 2r + 1 of byte 8 + i are the two high bits of scale 4r + i.
[[maybe_unused]] FOOTNOTE_HOST_DEVICE static inline int Q3KScale(const uint8_t* packed, int j) {
  const int low = (packed[j % 8] >> (j / 8 * 4)) & 15;
  return (low | ((packed[8 + j % 4] >> (j / 4 * 2)) & 3) << 4) - 32;
}

// IQ4_XS: 6 bytes, 8 scales, -32…31. The first two bytes, as one number, hold two high bits of each
// in order; then four bytes hold four low bits of each, low halves first.
[[maybe_unused]] FOOTNOTE_HOST_DEVICE static inline int Iq4XsScale(const uint8_t* packed, int j) {
  const int low = (packed[2 + j / 2] >> (j % 2 * 4)) & 15;
  return (low | ((packed[j / 4] >> (j % 4 * 2)) & 3) << 4) - 32;
}

}  // namespace footnote::kernels
