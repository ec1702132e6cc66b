// EmbedRows.
#include <algorithm>
#include <vector>

#include "kernels/cpu/check.h"
#include "kernels/cpu/kernel_table.h"
#include "kernels/ops.h"

namespace footnote::kernels {

Status EmbedRows(Context& ctx, const Weight& table, std::span<const int32_t> ids, float scale,
                 Matrix out) {
  constexpr std::string_view kName = "EmbedRows";
  FOOTNOTE_RETURN_IF_ERROR(CheckWeight(kName, table));
  FOOTNOTE_RETURN_IF_ERROR(CheckView(kName, "out", out));
  FOOTNOTE_RETURN_IF_ERROR(CheckLength(kName, "ids", ids.size(), out.shape[0]));
  if (out.shape[1] != table.columns) {
    return ShapeError(kName, "out is " + ShapeText(out) + " but the table has " +
                                 std::to_string(table.columns) + " columns");
  }
  for (const int32_t id : ids) {
    if (id < 0 || id >= table.rows) {
      return ShapeError(kName, "id " + std::to_string(id) + " is outside the table's " +
                                   std::to_string(table.rows) + " rows");
    }
  }
  ctx.ParallelFor(out.shape[0], RowGrain(out.shape[1]), [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      const std::byte* row = table.row(ids[static_cast<size_t>(t)]);
      // The reference decoder: exact, and a lookup is a small part of any model.
      Dequantize(table.dtype, {row, static_cast<size_t>(table.row_bytes())},
                 {out.row(t), static_cast<size_t>(table.columns)})
          .IgnoreError();  // whole blocks, as CheckWeight saw
      if (scale != 1.0f) ctx.kernels().scale(scale, table.columns, out.row(t));
    }
  });
  return OkStatus();
}

}  // namespace footnote::kernels
