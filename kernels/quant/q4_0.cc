// Q4_0: 32 elements in 18 bytes: float16 d, then 16 bytes; byte i holds element i in its low and
// element i + 16 in its high half. Value: d * (q - 8).
#include <algorithm>
#include <cmath>

#include "kernels/quant/codec.h"

namespace footnote::kernels {
namespace {

void Decode(const uint8_t* data, int64_t blocks, float* out) {
  for (int64_t b = 0; b < blocks; ++b, data += 18, out += 32) {
    const float d = FloatFromHalf(Load16(data));
    const uint8_t* codes = data + 2;
    for (int i = 0; i < 16; ++i) {
      out[i] = d * static_cast<float>((codes[i] & 15) - 8);
      out[i + 16] = d * static_cast<float>((codes[i] >> 4) - 8);
    }
  }
}

// The element of largest magnitude becomes code 0, whose value is -8 d.
void Encode(const float* values, int64_t blocks, uint8_t* data) {
  for (int64_t b = 0; b < blocks; ++b, data += 18, values += 32) {
    float extreme = 0;
    for (int i = 0; i < 32; ++i) {
      if (std::fabs(values[i]) > std::fabs(extreme)) extreme = values[i];
    }
    const float d = extreme / -8.0f;
    const float inverse = d == 0 ? 0.0f : 1.0f / d;
    Store16(data, HalfFromFloat(d));
    const auto code = [&](float value) {
      const double scaled = static_cast<double>(value) * static_cast<double>(inverse) + 8.5;
      return static_cast<uint8_t>(std::clamp(scaled, 0.0, 15.0));
    };
    for (int i = 0; i < 16; ++i) {
      data[2 + i] = static_cast<uint8_t>(code(values[i]) | (code(values[i + 16]) << 4));
    }
  }
}

}  // namespace

const FormatCodec kCodecQ4_0 = {Decode, Encode};

}  // namespace footnote::kernels
