// Q5_1: 32 elements in 24 bytes: float16 d and m, 32 bits with the fifth bit of each element, then
// 16 bytes as in Q4_0. Value: d * q + m.
#include <algorithm>
#include <cmath>

#include "kernels/quant/codec.h"

namespace footnote::kernels {
namespace {

void Decode(const uint8_t* data, int64_t blocks, float* out) {
  for (int64_t b = 0; b < blocks; ++b, data += 24, out += 32) {
    const float d = FloatFromHalf(Load16(data));
    const float m = FloatFromHalf(Load16(data + 2));
    const uint32_t fifth = Load32(data + 4);
    const uint8_t* codes = data + 8;
    for (int i = 0; i < 16; ++i) {
      const int low = (codes[i] & 15) | static_cast<int>(((fifth >> i) & 1u) << 4);
      const int high = (codes[i] >> 4) | static_cast<int>(((fifth >> (i + 16)) & 1u) << 4);
      out[i] = d * static_cast<float>(low) + m;
      out[i + 16] = d * static_cast<float>(high) + m;
    }
  }
}

void Encode(const float* values, int64_t blocks, uint8_t* data) {
  for (int64_t b = 0; b < blocks; ++b, data += 24, values += 32) {
    const auto [low_value, high_value] = std::minmax_element(values, values + 32);
    const float m = *low_value;
    const float d = (*high_value - m) / 31.0f;
    const float inverse = d == 0 ? 0.0f : 1.0f / d;
    const auto code = [&](float value) {
      return static_cast<uint32_t>(std::clamp((value - m) * inverse + 0.5f, 0.0f, 31.0f));
    };
    uint32_t fifth = 0;
    for (int i = 0; i < 16; ++i) {
      const uint32_t low = code(values[i]);
      const uint32_t high = code(values[i + 16]);
      data[8 + i] = static_cast<uint8_t>((low & 15u) | ((high & 15u) << 4));
      fifth |= (low >> 4) << i | (high >> 4) << (i + 16);
    }
    Store16(data, HalfFromFloat(d));
    Store16(data + 2, HalfFromFloat(m));
    Store32(data + 4, fifth);
  }
}

}  // namespace

const FormatCodec kCodecQ5_1 = {Decode, Encode};

}  // namespace footnote::kernels
