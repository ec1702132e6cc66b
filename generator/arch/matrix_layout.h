// Matrices that a file holds in another order than they are multiplied in: fused projections whose
// heads are interleaved, and transposed ones.
//
// A run of rows is a view (kernels::Weight::slice) and needs nothing from here. What is made here
// is a copy, whose memory goes into DecoderSpec::owned. Private to the generator room. Threads: no
// state.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "kernels/tensor.h"

namespace footnote::generator {

// Memory of matrices that were copied; a weight points into one of them.
using OwnedMatrices = std::vector<std::shared_ptr<std::vector<std::byte>>>;

// `count` rows of every `stride`, beginning with row `first`: the queries (or keys, or values) of a
// projection whose groups of `stride` rows hold all three. Any format; first + count <= stride, and
// w.rows is a multiple of stride.
kernels::Weight GatherRows(const kernels::Weight& w, int64_t first, int64_t count, int64_t stride,
                           OwnedMatrices& owned);

// The same of a bias; empty when it is.
std::vector<float> GatherElements(const std::vector<float>& values, int64_t first, int64_t count,
                                  int64_t stride);

// [rows, columns] to [columns, rows], for F32, F16 and BF16 (formats of one element a block).
kernels::Weight Transpose(const kernels::Weight& w, OwnedMatrices& owned);

}  // namespace footnote::generator
