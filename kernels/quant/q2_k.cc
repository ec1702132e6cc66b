// Q2_K: 256 elements in 84 bytes: 16 bytes that each hold the scale (low half) and the minimum
// (high half) of 16 elements, 64 bytes of 2-bit codes, float16 d and dmin. Value: d * scale * q -
// dmin * min.
//
// Each half of 128 elements uses 32 bytes of codes: run r (of four runs of 32) takes bits 2r, 2r +
// 1 of byte i.
#include "kernels/quant/codec.h"

namespace footnote::kernels {
namespace {

void Decode(const uint8_t* data, int64_t blocks, float* out) {
  for (int64_t b = 0; b < blocks; ++b, data += 84, out += 256) {
    const float d = FloatFromHalf(Load16(data + 80));
    const float dmin = FloatFromHalf(Load16(data + 82));
    for (int element = 0; element < 256; ++element) {
      const int scales = data[element / 16];
      const int byte = data[16 + element / 128 * 32 + element % 32];
      const int q = (byte >> (element / 32 % 4 * 2)) & 3;
      const float step = d * static_cast<float>(scales & 15);
      out[element] = step * static_cast<float>(q) - dmin * static_cast<float>(scales >> 4);
    }
  }
}

}  // namespace

const FormatCodec kCodecQ2_K = {Decode, nullptr};

}  // namespace footnote::kernels
