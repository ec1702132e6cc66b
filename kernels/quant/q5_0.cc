// Q5_0: 32 elements in 22 bytes: float16 d, 32 bits with the fifth bit of each element, then 16
// bytes as in Q4_0. Value: d * (q - 16).
#include <algorithm>
#include <cmath>

#include "kernels/quant/codec.h"

namespace footnote::kernels {
namespace {

void Decode(const uint8_t* data, int64_t blocks, float* out) {
  for (int64_t b = 0; b < blocks; ++b, data += 22, out += 32) {
    const float d = FloatFromHalf(Load16(data));
    const uint32_t fifth = Load32(data + 2);
    const uint8_t* codes = data + 6;
    for (int i = 0; i < 16; ++i) {
      const int low = (codes[i] & 15) | static_cast<int>(((fifth >> i) & 1u) << 4);
      const int high = (codes[i] >> 4) | static_cast<int>(((fifth >> (i + 16)) & 1u) << 4);
      out[i] = d * static_cast<float>(low - 16);
      out[i + 16] = d * static_cast<float>(high - 16);
    }
  }
}

// The element of largest magnitude becomes code 0, whose value is -16 d.
void Encode(const float* values, int64_t blocks, uint8_t* data) {
  for (int64_t b = 0; b < blocks; ++b, data += 22, values += 32) {
    float extreme = 0;
    for (int i = 0; i < 32; ++i) {
      if (std::fabs(values[i]) > std::fabs(extreme)) extreme = values[i];
    }
    const float d = extreme / -16.0f;
    const float inverse = d == 0 ? 0.0f : 1.0f / d;
    const auto code = [&](float value) {
      const double scaled = static_cast<double>(value) * static_cast<double>(inverse) + 16.5;
      return static_cast<uint32_t>(std::clamp(scaled, 0.0, 31.0));
    };
    uint32_t fifth = 0;
    for (int i = 0; i < 16; ++i) {
      const uint32_t low = code(values[i]);
      const uint32_t high = code(values[i + 16]);
      data[6 + i] = static_cast<uint8_t>((low & 15u) | ((high & 15u) << 4));
      fifth |= (low >> 4) << i | (high >> 4) << (i + 16);
    }
    Store16(data, HalfFromFloat(d));
    Store32(data + 2, fifth);
  }
}

}  // namespace

const FormatCodec kCodecQ5_0 = {Decode, Encode};

}  // namespace footnote::kernels
