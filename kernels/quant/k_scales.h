// The 12 bytes of Q4_K and Q5_K that hold 8 scales and 8 minima of 6 bits each.
#pragma once

#include <stdint.h>

#include "kernels/quant/half.h"

namespace footnote::kernels {

// Bytes 0…3 hold the low six bits of scales 0…3, bytes 4…7 those of minima 0…3; the four low bits
// of entries 4…7 share bytes 8…11, and their two high bits are the top of bytes 0…7.
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

}  // namespace footnote::kernels
