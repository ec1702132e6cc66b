// Q6_K: 256 elements in 210 bytes: 128 bytes with the low four bits, 64 bytes with the high two, 16
// signed bytes of scales (one for 16 elements), float16 d. Value: d * scale * (q - 32).
//
// Each half of 128 elements uses 64 low bytes and 32 high bytes: run r (of four runs of 32) takes
// byte 32 * (r % 2) + i, its low half for r < 2 and its high half otherwise, and bits 2r, 2r + 1 of
// high byte i.
#include "kernels/quant/codec.h"

namespace footnote::kernels {
namespace {

void Decode(const uint8_t* data, int64_t blocks, float* out) {
  for (int64_t b = 0; b < blocks; ++b, data += 210, out += 256) {
    const float d = FloatFromHalf(Load16(data + 208));
    for (int half = 0; half < 2; ++half) {
      const uint8_t* low = data + 64 * half;
      const uint8_t* high = data + 128 + 32 * half;
      for (int run = 0; run < 4; ++run) {
        for (int i = 0; i < 32; ++i) {
          const int element = half * 128 + run * 32 + i;
          const int byte = low[32 * (run % 2) + i];
          const int q = (run < 2 ? byte & 15 : byte >> 4) | (((high[i] >> (2 * run)) & 3) << 4);
          const int scale = static_cast<int8_t>(data[192 + element / 16]);
          out[element] = d * static_cast<float>(scale) * static_cast<float>(q - 32);
        }
      }
    }
  }
}

}  // namespace

const FormatCodec kCodecQ6_K = {Decode, nullptr};

}  // namespace footnote::kernels
