// IQ4_XS: 256 elements in 136 bytes: float16 d, 6 bytes of scales (quant/k_scales.h), then for each
// run of 32 elements 16 bytes of codes as in Q4_0. Element of run j: d * scale_j * the code's value
// (quant/iq4_codes.h).
#include "kernels/quant/codec.h"
#include "kernels/quant/iq4_codes.h"
#include "kernels/quant/k_scales.h"

namespace footnote::kernels {
namespace {

void Decode(const uint8_t* data, int64_t blocks, float* out) {
  for (int64_t b = 0; b < blocks; ++b, data += 136, out += 256) {
    const float d = FloatFromHalf(Load16(data));
    for (int run = 0; run < 8; ++run) {
      const float step = d * static_cast<float>(Iq4XsScale(data + 2, run));
      const uint8_t* codes = data + 8 + run * 16;
      for (int i = 0; i < 16; ++i) {
        out[run * 32 + i] = step * static_cast<float>(kIq4Values[codes[i] & 15]);
        out[run * 32 + i + 16] = step * static_cast<float>(kIq4Values[codes[i] >> 4]);
      }
    }
  }
}

}  // namespace

const FormatCodec kCodecIQ4_XS = {Decode, nullptr};

}  // namespace footnote::kernels
