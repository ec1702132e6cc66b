// float16 and bfloat16 bits to and from float32, in integer arithmetic alone.
//
// `static`, not `inline`: files compiled for one instruction set include this header, and the
// linker would keep one copy of a shared inline function for all of them. nvcc takes it too.
#pragma once

#include <stdint.h>
#include <string.h>

#ifdef __CUDACC__
#define FOOTNOTE_HOST_DEVICE __host__ __device__
#else
#define FOOTNOTE_HOST_DEVICE
#endif

namespace footnote::kernels {

[[maybe_unused]] FOOTNOTE_HOST_DEVICE static inline float FloatFromBits(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

[[maybe_unused]] FOOTNOTE_HOST_DEVICE static inline uint32_t BitsFromFloat(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

// Exact, subnormals and infinities included.
[[maybe_unused]] FOOTNOTE_HOST_DEVICE static inline float FloatFromHalf(uint16_t half) {
  const uint32_t sign = static_cast<uint32_t>(half & 0x8000u) << 16;
  const uint32_t rest = half & 0x7fffu;
  if (rest >= 0x7c00u) {  // infinity or NaN
    return FloatFromBits(sign | 0x7f800000u | ((rest & 0x3ffu) << 13));
  }
  if (rest >= 0x0400u) {  // normal: rebias the exponent from 15 to 127
    return FloatFromBits(sign | ((rest << 13) + (112u << 23)));
  }
  // Subnormal: rest * 2^-24 is exact in float32.
  const float magnitude = static_cast<float>(rest) * FloatFromBits((127u - 24u) << 23);
  return FloatFromBits(sign | BitsFromFloat(magnitude));
}

// Nearest, ties to even; too large becomes infinity.
[[maybe_unused]] FOOTNOTE_HOST_DEVICE static inline uint16_t HalfFromFloat(float value) {
  const uint32_t bits = BitsFromFloat(value);
  const uint32_t sign = (bits >> 16) & 0x8000u;
  const uint32_t rest = bits & 0x7fffffffu;
  if (rest > 0x7f800000u) {  // NaN stays NaN, quiet
    return static_cast<uint16_t>(sign | 0x7e00u | ((rest >> 13) & 0x3ffu));
  }
  if (rest >= 0x477ff000u) return static_cast<uint16_t>(sign | 0x7c00u);
  if (rest < 0x38800000u) {  // below the smallest normal half: a multiple of 2^-24
    // Adding 0.5 puts the half's last bit at the float's last bit, so the addition rounds for us.
    const float shifted = FloatFromBits(rest) + 0.5f;
    return static_cast<uint16_t>(sign | (BitsFromFloat(shifted) - 0x3f000000u));
  }
  const uint32_t odd = (rest >> 13) & 1u;
  return static_cast<uint16_t>(sign | ((rest - (112u << 23) + 0xfffu + odd) >> 13));
}

[[maybe_unused]] FOOTNOTE_HOST_DEVICE static inline float FloatFromBfloat(uint16_t bfloat) {
  return FloatFromBits(static_cast<uint32_t>(bfloat) << 16);
}

// Nearest, ties to even.
[[maybe_unused]] FOOTNOTE_HOST_DEVICE static inline uint16_t BfloatFromFloat(float value) {
  const uint32_t bits = BitsFromFloat(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<uint16_t>((bits >> 16) | 0x40u);
  return static_cast<uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

}  // namespace footnote::kernels
