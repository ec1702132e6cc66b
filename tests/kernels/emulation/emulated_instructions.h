// kernels/cuda/instructions.h for the host, by the PTX manual's definitions. Shared memory's
// addresses are offsets in the block's dynamic part.
#pragma once

#include <cstdint>
#include <cstring>

#include "kernels/quant/half.h"
#include "tests/kernels/emulation/copies.h"
#include "tests/kernels/emulation/cuda_runtime.h"

namespace footnote::kernels::cuda {

inline unsigned char* DynamicShared() { return emulation::shared; }
inline uint32_t SharedAddress(const void* p) {
  return static_cast<uint32_t>(static_cast<const unsigned char*>(p) - emulation::shared);
}

inline void CopyAsync16(uint32_t to, const void* from, bool exists) {
  emulation::BeginCopy(to, from, exists);
}
inline void CopyAsync16(uint32_t to, const void* from) { CopyAsync16(to, from, true); }
inline void CommitCopies() { emulation::CommitCopies(); }
template <int kPending>
void AwaitCopies() {
  emulation::AwaitCopies(kPending);
}

// Register i of a lane: row lane / 4 of matrix i, columns 2 (lane % 4) and the next; transposed,
// rows and columns trade places.
inline void LoadMatricesOf(uint32_t (&to)[4], uint32_t from, bool transposed) {
  emulation::RequireAligned(from);
  const emulation::Lanes<uint32_t> rows(from);
  const unsigned lane = threadIdx.x % 32;
  for (unsigned i = 0; i < 4; ++i) {
    uint16_t pair[2];
    for (unsigned e = 0; e < 2; ++e) {
      const unsigned across = lane % 4 * 2 + e, along = lane / 4;
      const unsigned row = transposed ? across : along, column = transposed ? along : across;
      std::memcpy(&pair[e], emulation::shared + rows[8 * i + row] + 2 * column, 2);
    }
    to[i] = pair[0] | static_cast<uint32_t>(pair[1]) << 16;
  }
}
inline void LoadMatrices(uint32_t (&to)[4], uint32_t from) { LoadMatricesOf(to, from, false); }
inline void LoadMatricesTransposed(uint32_t (&to)[4], uint32_t from) {
  LoadMatricesOf(to, from, true);
}

// Register i of A: row lane / 4 + 8 (i % 2), columns 2 (lane % 4) + 8 (i / 2) and the next. Of B:
// column lane / 4, rows 2 (lane % 4) + 8 i and the next. Sum i: row lane / 4 + 8 (i / 2), column
// 2 (lane % 4) + i % 2.
template <bool kBfloat = false>
void MultiplyAdd(float (&sums)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  struct Operands {
    float a[4][2], b[2][2];
  } own;
  const auto unpack = [](uint32_t pair, float* to) {
    for (int e = 0; e < 2; ++e) {
      const auto bits = static_cast<uint16_t>(pair >> (16 * e));
      to[e] = kBfloat ? FloatFromBfloat(bits) : FloatFromHalf(bits);
    }
  };
  for (int i = 0; i < 4; ++i) unpack(a[i], own.a[i]);
  unpack(b0, own.b[0]);
  unpack(b1, own.b[1]);
  const emulation::Lanes<Operands> lanes(own);
  const unsigned lane = threadIdx.x % 32;
  for (unsigned i = 0; i < 4; ++i) {
    const unsigned row = lane / 4, lower = i / 2, column = lane % 4 * 2 + i % 2;
    for (unsigned k = 0; k < 16; ++k) {
      const unsigned quad = k % 8 / 2, half = k / 8;
      sums[i] += lanes[4 * row + quad].a[lower + 2 * half][k % 2] *
                 lanes[4 * column + quad].b[half][k % 2];
    }
  }
}

inline float Exp2(float x) { return exp2f(x); }

inline unsigned OrderedIncrement(unsigned* counter, unsigned last) {
  const unsigned before = *counter;
  *counter = before >= last ? 0 : before + 1;
  return before;
}

inline int Opaque(int value) { return value; }

}  // namespace footnote::kernels::cuda
