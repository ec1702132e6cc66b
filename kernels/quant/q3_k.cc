// Q3_K: 256 elements in 110 bytes: 32 bytes with the third bit of each element, 64 bytes with the
// low two, 12 bytes of scales for 16 elements each (quant/k_scales.h), float16 d. Value: d * scale
// * (q - 4).
//
// The low bits lie as in Q2_K; bit r of high byte i belongs to element i of run r (of eight runs of
// 32).
#include "kernels/quant/codec.h"
#include "kernels/quant/k_scales.h"

namespace footnote::kernels {
namespace {

void Decode(const uint8_t* data, int64_t blocks, float* out) {
  for (int64_t b = 0; b < blocks; ++b, data += 110, out += 256) {
    const float d = FloatFromHalf(Load16(data + 108));
    for (int element = 0; element < 256; ++element) {
      const int low = data[32 + element / 128 * 32 + element % 32] >> (element / 32 % 4 * 2);
      const int high = data[element % 32] >> (element / 32);
      const int q = (low & 3) | ((high & 1) << 2);
      const float step = d * static_cast<float>(Q3KScale(data + 96, element / 16));
      out[element] = step * static_cast<float>(q - 4);
    }
  }
}

}  // namespace

const FormatCodec kCodecQ3_K = {Decode, nullptr};

}  // namespace footnote::kernels
