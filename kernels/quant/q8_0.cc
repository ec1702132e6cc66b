// Q8_0: 32 elements in 34 bytes: float16 d, then 32 signed bytes. Value: d * q.
#include <cmath>

#include "kernels/quant/codec.h"

namespace footnote::kernels {
namespace {

void Decode(const uint8_t* data, int64_t blocks, float* out) {
  for (int64_t b = 0; b < blocks; ++b, data += 34, out += 32) {
    const float d = FloatFromHalf(Load16(data));
    for (int i = 0; i < 32; ++i) out[i] = d * static_cast<float>(static_cast<int8_t>(data[2 + i]));
  }
}

void Encode(const float* values, int64_t blocks, uint8_t* data) {
  for (int64_t b = 0; b < blocks; ++b, data += 34, values += 32) {
    float largest = 0;
    for (int i = 0; i < 32; ++i) largest = std::fmax(largest, std::fabs(values[i]));
    const float d = largest / 127.0f;
    const float inverse = d == 0 ? 0.0f : 1.0f / d;
    Store16(data, HalfFromFloat(d));
    for (int i = 0; i < 32; ++i) {
      data[2 + i] = static_cast<uint8_t>(static_cast<int8_t>(std::round(values[i] * inverse)));
    }
  }
}

}  // namespace

const FormatCodec kCodecQ8_0 = {Decode, Encode};

}  // namespace footnote::kernels
