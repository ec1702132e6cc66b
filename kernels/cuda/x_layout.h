// How rows of x lie for the kernels of products. No CUDA: host tests run these.
#pragma once

#include <stdint.h>

#include "kernels/quant/half.h"

namespace footnote::kernels::cuda {

// --- rounded to 8 bits ---------------------------------------------------------------------------

// A row of K columns: 16 bytes a group of 32 with its elements 0…15, as many with 16…31, then a
// GroupScale each. Padded to 16 bytes.
struct GroupScale {
  float scale;
  uint32_t sums;  // of the codes: elements 0…15 in the low half, 16…31 in the high; signed
};

FOOTNOTE_HOST_DEVICE inline int64_t RoundedRowBytes(int columns) {
  const int64_t groups = columns / 32;
  return (groups * (32 + static_cast<int64_t>(sizeof(GroupScale))) + 15) / 16 * 16;
}

// --- float32 -------------------------------------------------------------------------------------

// Columns of a staged row, those behind K zero: a multiple of the 8 that a load of weights covers.
FOOTNOTE_HOST_DEVICE inline int StagedColumns(int columns) { return (columns + 7) / 8 * 8; }

// Element k of a staged row lies at StagedAt: blocks of eight, their first halves before all their
// second halves, so that neighbouring lanes read neighbouring 16 bytes.
FOOTNOTE_HOST_DEVICE inline int StagedAt(int columns, int k) {
  return (k % 8 < 4 ? 0 : StagedColumns(columns) / 2) + k / 8 * 4 + k % 4;
}

// --- fragments of mma.sync m16n8k16 --------------------------------------------------------------

// The tensor cores' kernel reads whole chunks of columns.
inline constexpr int kChunkColumns = 128;

FOOTNOTE_HOST_DEVICE inline int Chunks(int columns) {
  return (columns + kChunkColumns - 1) / kChunkColumns;
}

// x is the operand of eight columns: tokens. Sixteen bytes of a lane serve two multiplications:
// eight neighbouring columns of one token, at FragmentAt in units of 16 bytes. Piece p (of 16) of a
// chunk, columns 8 p…8 p + 7, is pair p % 4 of quarter p / 4 for quantised weights, whose lanes
// take a group of 32 each; for plain ones pair p / 4 of quarter p % 4, so that four lanes read 64
// bytes in a row.
struct FragmentPlace {
  int quarter, pair;
};
FOOTNOTE_HOST_DEVICE inline FragmentPlace PlaceOfPiece(bool by_groups, int piece) {
  if (by_groups) return {piece / 4, piece % 4};
  return {piece % 4, piece / 4};
}
// piece: counted across the row. Lane 4 (token % 8) + quarter of tile token / 8.
FOOTNOTE_HOST_DEVICE inline int64_t FragmentAt(bool by_groups, int tiles, int token, int piece) {
  const FragmentPlace place = PlaceOfPiece(by_groups, piece % 16);
  return ((int64_t{piece / 16} * 4 + place.pair) * tiles + token / 8) * 32 + token % 8 * 4 +
         place.quarter;
}
inline int64_t FragmentBytes(int columns, int tiles) {
  return int64_t{Chunks(columns)} * 4 * tiles * 32 * 16;
}

}  // namespace footnote::kernels::cuda
