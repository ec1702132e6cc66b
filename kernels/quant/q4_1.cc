// Q4_1: 32 elements in 20 bytes: float16 d and m, then 16 bytes as in Q4_0. Value: d * q + m.
#include <algorithm>
#include <cmath>

#include "kernels/quant/codec.h"

namespace footnote::kernels {
namespace {

void Decode(const uint8_t* data, int64_t blocks, float* out) {
  for (int64_t b = 0; b < blocks; ++b, data += 20, out += 32) {
    const float d = FloatFromHalf(Load16(data));
    const float m = FloatFromHalf(Load16(data + 2));
    const uint8_t* codes = data + 4;
    for (int i = 0; i < 16; ++i) {
      out[i] = d * static_cast<float>(codes[i] & 15) + m;
      out[i + 16] = d * static_cast<float>(codes[i] >> 4) + m;
    }
  }
}

void Encode(const float* values, int64_t blocks, uint8_t* data) {
  for (int64_t b = 0; b < blocks; ++b, data += 20, values += 32) {
    const auto [low, high] = std::minmax_element(values, values + 32);
    const float m = *low;
    const float d = (*high - m) / 15.0f;
    const float inverse = d == 0 ? 0.0f : 1.0f / d;
    Store16(data, HalfFromFloat(d));
    Store16(data + 2, HalfFromFloat(m));
    const auto code = [&](float value) {
      return static_cast<uint8_t>(std::clamp((value - m) * inverse + 0.5f, 0.0f, 15.0f));
    };
    for (int i = 0; i < 16; ++i) {
      data[4 + i] = static_cast<uint8_t>(code(values[i]) | (code(values[i + 16]) << 4));
    }
  }
}

}  // namespace

const FormatCodec kCodecQ4_1 = {Decode, Encode};

}  // namespace footnote::kernels
