// PoolMean and PoolFirst: one row for each packed sequence.
#include <algorithm>

#include "kernels/cpu/check.h"
#include "kernels/cpu/kernel_table.h"
#include "kernels/ops.h"

namespace footnote::kernels {
namespace {

Status CheckPool(std::string_view name, ConstMatrix x, std::span<const int64_t> offsets,
                 Matrix out) {
  FOOTNOTE_RETURN_IF_ERROR(CheckView(name, "x", x));
  FOOTNOTE_RETURN_IF_ERROR(CheckView(name, "out", out));
  FOOTNOTE_RETURN_IF_ERROR(CheckLength(name, "offsets", offsets.size(), out.shape[0] + 1));
  if (out.shape[1] != x.shape[1]) {
    return ShapeError(name, "out is " + ShapeText(out) + " but x is " + ShapeText(x));
  }
  for (size_t b = 0; b + 1 < offsets.size(); ++b) {
    if (offsets[b] < 0 || offsets[b + 1] <= offsets[b] || offsets[b + 1] > x.shape[0]) {
      return ShapeError(name, "sequence " + std::to_string(b) + " has rows " +
                                  std::to_string(offsets[b]) + "…" +
                                  std::to_string(offsets[b + 1]) + " of " +
                                  std::to_string(x.shape[0]) + "; it must not be empty");
    }
  }
  return OkStatus();
}

}  // namespace

Status PoolMean(Context& ctx, ConstMatrix x, std::span<const int64_t> offsets, Matrix out) {
  FOOTNOTE_RETURN_IF_ERROR(CheckPool("PoolMean", x, offsets, out));
  ctx.ParallelFor(out.shape[0], 1, [&](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b) {
      const int64_t first = offsets[static_cast<size_t>(b)];
      const int64_t last = offsets[static_cast<size_t>(b) + 1];
      std::fill_n(out.row(b), out.shape[1], 0.0f);
      for (int64_t t = first; t < last; ++t) {
        ctx.kernels().add(1, x.row(t), out.shape[1], out.row(b));
      }
      ctx.kernels().scale(1.0f / static_cast<float>(last - first), out.shape[1], out.row(b));
    }
  });
  return OkStatus();
}

Status PoolFirst(Context& ctx, ConstMatrix x, std::span<const int64_t> offsets, Matrix out) {
  (void)ctx;  // a copy of a few rows
  FOOTNOTE_RETURN_IF_ERROR(CheckPool("PoolFirst", x, offsets, out));
  for (int64_t b = 0; b < out.shape[0]; ++b) {
    std::copy_n(x.row(offsets[static_cast<size_t>(b)]), out.shape[1], out.row(b));
  }
  return OkStatus();
}

}  // namespace footnote::kernels
