// Tensor-core products of 16 x 8 x 16 with F16 inputs and F32 sums, and the copies that feed them:
// which lane of a warp holds which element, and the instructions. Host code runs the maps in tests.
//
// Tiles lie in shared memory as rows of halves, kTilePad elements longer than they need: rows then
// start 16 bytes x an odd number apart, so eight of them fall into different banks. Sources: the
// PTX manual's figures of mma.m16n8k16, ldmatrix and cp.async.
#pragma once

#include <stdint.h>

#include "kernels/quant/half.h"

#ifdef __CUDACC__
#include <cuda_fp16.h>
#endif

namespace footnote::kernels::cuda {

inline constexpr int kTilePad = 8;

struct TilePlace {
  int row, column;
};

// The 16-byte run whose address `lane` gives to ldmatrix.x4, within a tile of 16 x 16. A: rows of
// the left matrix. B: a right matrix that lies as rows of outputs (keys); registers 0 and 1 are
// outputs 0…7, 2 and 3 outputs 8…15. BTransposed: one that lies as rows of inputs (values), read
// with .trans; registers likewise.
FOOTNOTE_HOST_DEVICE constexpr TilePlace LoadPlaceOfA(int lane) {
  return {lane % 16, lane / 16 * 8};
}
FOOTNOTE_HOST_DEVICE constexpr TilePlace LoadPlaceOfB(int lane) {
  return {lane / 16 * 8 + lane % 8, lane / 8 % 2 * 8};
}
FOOTNOTE_HOST_DEVICE constexpr TilePlace LoadPlaceOfBTransposed(int lane) {
  return {lane % 16, lane / 16 * 8};
}

// The element that `lane` holds in register i (0…3) of a 16 x 8 result; A's register i holds two
// neighbours from PairPlaceOfA.
FOOTNOTE_HOST_DEVICE constexpr TilePlace PlaceOfResult(int lane, int i) {
  return {lane / 4 + i / 2 * 8, lane % 4 * 2 + i % 2};
}
FOOTNOTE_HOST_DEVICE constexpr TilePlace PairPlaceOfA(int lane, int i) {
  return {lane / 4 + i % 2 * 8, lane % 4 * 2 + i / 2 * 8};
}

#ifdef __CUDACC__

__device__ __forceinline__ uint32_t SharedAddress(const void* p) {
  return static_cast<uint32_t>(__cvta_generic_to_shared(p));
}

// 16 bytes from global to shared memory.
__device__ __forceinline__ void CopyAsync16(uint32_t to, const void* from) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16;\n" ::"r"(to), "l"(from) : "memory");
}
// The same, or zeros; `from` is valid either way.
__device__ __forceinline__ void CopyAsync16(uint32_t to, const void* from, bool exists) {
  const int bytes = exists ? 16 : 0;
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;\n" ::"r"(to), "l"(from), "r"(bytes)
               : "memory");
}
__device__ __forceinline__ void CommitCopies() {
  asm volatile("cp.async.commit_group;\n" ::: "memory");
}
// Until at most kPending of the groups committed last are under way.
template <int kPending>
__device__ __forceinline__ void AwaitCopies() {
  asm volatile("cp.async.wait_group %0;\n" ::"n"(kPending) : "memory");
}

__device__ __forceinline__ void LoadMatrices(uint32_t (&to)[4], uint32_t from) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];\n"
               : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
               : "r"(from)
               : "memory");
}
__device__ __forceinline__ void LoadMatricesTransposed(uint32_t (&to)[4], uint32_t from) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];\n"
               : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
               : "r"(from)
               : "memory");
}

// sums += a · b, of one tile of 16 x 8.
__device__ __forceinline__ void MultiplyAdd(float (&sums)[4], const uint32_t (&a)[4], uint32_t b0,
                                            uint32_t b1) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
      "{%8, %9}, {%0, %1, %2, %3};\n"
      : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

__device__ __forceinline__ uint32_t PackHalves(float low, float high) {
  const __half2 both = __floats2half2_rn(low, high);
  return *reinterpret_cast<const uint32_t*>(&both);
}

#endif

}  // namespace footnote::kernels::cuda
