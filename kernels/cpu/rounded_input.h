// The left operand of products in fewer bits: rows of x rounded to bfloat16, or to 8 bits with the
// sums of codes that a format's zero or minima need.
#pragma once

#include <cstdint>
#include <span>

#include "kernels/context.h"
#include "kernels/cpu/kernel_table.h"
#include "kernels/cpu/panel_format.h"
#include "kernels/tensor.h"

namespace footnote::kernels {

struct RoundingRequest {
  PanelTraits traits;  // of a quantised format
  RoundedRows x = {};  // the result
};

// Rounds x [rows, K] once for all requests that share a scale's length. The results lie in the
// context's scratch 0, until its next use.
void RoundInput(Context& ctx, ConstMatrix x, std::span<RoundingRequest> requests);

// The same from row `first` on.
RoundedRows RowsFrom(RoundedRows x, const PanelTraits& traits, int64_t k, int64_t first);

// x [T, K], times `factors` [K] unless null, rounded to 8 bits by groups. Lies in the context's
// scratch 3, at `place` of `places` such inputs, until the next use.
GroupedRows RoundToGroups(Context& ctx, ConstMatrix x, const float* factors, size_t place,
                          size_t places);

// x [T, K] rounded to bfloat16, rows of BfloatRowBytes(K). Lies in the context's scratch 2, until
// its next use.
const uint8_t* RoundToBfloats(Context& ctx, ConstMatrix x);

}  // namespace footnote::kernels
