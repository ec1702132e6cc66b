// Q5_K: 256 elements in 176 bytes: float16 d and dmin, 12 bytes of scales (quant/k_scales.h), 32
// bytes of fifth bits (bit j of byte i belongs to element i of run j), then 128 bytes as in Q4_K.
#include "kernels/quant/codec.h"
#include "kernels/quant/k_scales.h"

namespace footnote::kernels {
namespace {

void Decode(const uint8_t* data, int64_t blocks, float* out) {
  for (int64_t b = 0; b < blocks; ++b, data += 176, out += 256) {
    const float d = FloatFromHalf(Load16(data));
    const float dmin = FloatFromHalf(Load16(data + 2));
    const uint8_t* fifth = data + 16;
    for (int run = 0; run < 8; ++run) {
      int scale, min;
      KScaleAndMin(data + 4, run, &scale, &min);
      const float step = d * static_cast<float>(scale);
      const float offset = dmin * static_cast<float>(min);
      const uint8_t* codes = data + 48 + run / 2 * 32;
      for (int i = 0; i < 32; ++i) {
        const int low = run % 2 == 0 ? codes[i] & 15 : codes[i] >> 4;
        const int q = low | (((fifth[i] >> run) & 1) << 4);
        out[run * 32 + i] = step * static_cast<float>(q) - offset;
      }
    }
  }
}

}  // namespace

const FormatCodec kCodecQ5_K = {Decode, nullptr};

}  // namespace footnote::kernels
