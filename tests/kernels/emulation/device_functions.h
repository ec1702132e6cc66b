// CUDA's functions of device code, for the host. Included by cuda_runtime.h here.
#pragma once

#include <cstdint>
#include <cstring>

#include "tests/kernels/emulation/cuda_runtime.h"

inline void __syncthreads() { emulation::Barrier(); }

// Of whole warps.
inline void __syncwarp() { emulation::Lanes<char>(0); }
template <typename T>
T __shfl_sync(unsigned, T value, int lane) {
  return emulation::Lanes<T>(value)[static_cast<unsigned>(lane)];
}
template <typename T>
T __shfl_xor_sync(unsigned, T value, int mask) {
  return emulation::Lanes<T>(value)[threadIdx.x % 32 ^ static_cast<unsigned>(mask)];
}
template <typename T>
T __shfl_down_sync(unsigned, T value, int distance) {
  const unsigned lane = threadIdx.x % 32, from = lane + static_cast<unsigned>(distance);
  return emulation::Lanes<T>(value)[from < 32 ? from : lane];
}
inline unsigned __reduce_add_sync(unsigned, unsigned value) {
  const emulation::Lanes<unsigned> lanes(value);
  unsigned sum = 0;
  for (unsigned lane = 0; lane < 32; ++lane) sum += lanes[lane];
  return sum;
}

inline int atomicAdd(int* to, int value) {
  const int before = *to;
  *to += value;
  return before;
}
template <typename T>
T __ldg(const T* p) {
  return *p;
}
template <typename T>
T __ldcg(const T* p) {
  return *p;
}

inline float __int_as_float(unsigned bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}
inline float __uint_as_float(unsigned bits) { return __int_as_float(bits); }
inline int __float2int_rn(float v) { return static_cast<int>(nearbyintf(v)); }
inline float __fdividef(float a, float b) { return a / b; }

// Byte i of the result is byte (selector >> 4 i) % 8 of b : a.
inline unsigned __byte_perm(unsigned a, unsigned b, unsigned selector) {
  const uint64_t both = uint64_t{b} << 32 | a;
  unsigned result = 0;
  for (unsigned i = 0; i < 4; ++i) {
    const unsigned from = selector >> (4 * i) & 7u;
    result |= static_cast<unsigned>(both >> (8 * from) & 255u) << (8 * i);
  }
  return result;
}
// sum + the products of four signed bytes.
inline int __dp4a(int a, int b, int sum) {
  for (int i = 0; i < 4; ++i) {
    sum += static_cast<int8_t>(a >> (8 * i)) * static_cast<int8_t>(b >> (8 * i));
  }
  return sum;
}
// sum + the products of two signed halves of a and the two low bytes of b.
inline int __dp2a_lo(int a, int b, int sum) {
  for (int i = 0; i < 2; ++i) {
    sum += static_cast<int16_t>(a >> (16 * i)) * static_cast<int8_t>(b >> (8 * i));
  }
  return sum;
}

template <typename T>
T max(T a, T b) {
  return a < b ? b : a;
}
template <typename T>
T min(T a, T b) {
  return b < a ? b : a;
}
