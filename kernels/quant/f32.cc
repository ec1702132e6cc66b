// F32: values as they are.
#include "kernels/quant/codec.h"

namespace footnote::kernels {
namespace {

void Decode(const uint8_t* data, int64_t blocks, float* out) {
  memcpy(out, data, static_cast<size_t>(blocks) * sizeof(float));
}

void Encode(const float* values, int64_t blocks, uint8_t* data) {
  memcpy(data, values, static_cast<size_t>(blocks) * sizeof(float));
}

}  // namespace

const FormatCodec kCodecF32 = {Decode, Encode};

}  // namespace footnote::kernels
