// Other views of an activation matrix: some of its columns, or its columns as heads. Private to the
// generator room.
#pragma once

#include "kernels/tensor.h"

namespace footnote::generator {

// Columns [begin, begin + count) of every row.
inline kernels::Matrix Columns(const kernels::Matrix& matrix, int64_t begin, int64_t count) {
  kernels::Matrix view = matrix;
  view.data = matrix.data + begin;
  view.shape[1] = count;
  return view;
}

// Columns [begin, begin + heads * width) of every row, [T, heads, width].
inline kernels::Heads HeadColumns(const kernels::Matrix& matrix, int64_t begin, int64_t heads,
                                  int64_t width) {
  kernels::Heads view;
  view.data = matrix.data + begin;
  view.shape[0] = matrix.shape[0];
  view.shape[1] = heads;
  view.shape[2] = width;
  view.stride[0] = matrix.stride[0];
  view.stride[1] = width;
  view.stride[2] = 1;
  return view;
}

}  // namespace footnote::generator
