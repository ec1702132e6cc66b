// Tensor-core products of 16 x 8 x 16 with F16 inputs and F32 sums: which lane of a warp holds
// which element. The instructions are in instructions.h. Host code runs the maps in tests.
//
// Tiles lie in shared memory as rows of halves, kTilePad elements longer than they need: rows then
// start 16 bytes x an odd number apart, so eight of them fall into different banks. Sources: the
// PTX manual's figures of mma.m16n8k16 and ldmatrix.
#pragma once

#include <stdint.h>

#include "kernels/quant/half.h"

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

}  // namespace footnote::kernels::cuda
