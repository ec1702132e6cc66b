// IQ4_NL: 32 elements in 18 bytes: float16 d, then 16 bytes of codes as in Q4_0. Value: d * the
// code's value (quant/iq4_codes.h).
#include "kernels/quant/iq4_codes.h"

#include "kernels/quant/codec.h"

namespace footnote::kernels {
namespace {

void Decode(const uint8_t* data, int64_t blocks, float* out) {
  for (int64_t b = 0; b < blocks; ++b, data += 18, out += 32) {
    const float d = FloatFromHalf(Load16(data));
    const uint8_t* codes = data + 2;
    for (int i = 0; i < 16; ++i) {
      out[i] = d * static_cast<float>(kIq4Values[codes[i] & 15]);
      out[i + 16] = d * static_cast<float>(kIq4Values[codes[i] >> 4]);
    }
  }
}

}  // namespace

const FormatCodec kCodecIQ4_NL = {Decode, nullptr};

}  // namespace footnote::kernels
