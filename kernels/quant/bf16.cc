// BF16: the upper half of a float32.
#include "kernels/quant/codec.h"

namespace footnote::kernels {
namespace {

void Decode(const uint8_t* data, int64_t blocks, float* out) {
  for (int64_t i = 0; i < blocks; ++i) out[i] = FloatFromBfloat(Load16(data + 2 * i));
}

void Encode(const float* values, int64_t blocks, uint8_t* data) {
  for (int64_t i = 0; i < blocks; ++i) Store16(data + 2 * i, BfloatFromFloat(values[i]));
}

}  // namespace

const FormatCodec kCodecBF16 = {Decode, Encode};

}  // namespace footnote::kernels
