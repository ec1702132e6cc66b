// Add, SiluMul, Gelu: element by element.
#include "kernels/cpu/check.h"
#include "kernels/cpu/kernel_table.h"
#include "kernels/ops.h"

namespace footnote::kernels {

Status Add(Context& ctx, ConstMatrix y, Matrix x) {
  FOOTNOTE_RETURN_IF_ERROR(CheckView("Add", "y", y));
  FOOTNOTE_RETURN_IF_ERROR(CheckView("Add", "x", x));
  FOOTNOTE_RETURN_IF_ERROR(CheckSameShape("Add", "y", y, "x", x));
  ctx.ParallelFor(x.shape[0], RowGrain(x.shape[1]), [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) ctx.kernels().add(y.row(t), x.shape[1], x.row(t));
  });
  return OkStatus();
}

Status SiluMul(Context& ctx, ConstMatrix gate, ConstMatrix up, Matrix out) {
  FOOTNOTE_RETURN_IF_ERROR(CheckView("SiluMul", "gate", gate));
  FOOTNOTE_RETURN_IF_ERROR(CheckView("SiluMul", "up", up));
  FOOTNOTE_RETURN_IF_ERROR(CheckView("SiluMul", "out", out));
  FOOTNOTE_RETURN_IF_ERROR(CheckSameShape("SiluMul", "up", up, "gate", gate));
  FOOTNOTE_RETURN_IF_ERROR(CheckSameShape("SiluMul", "out", out, "gate", gate));
  ctx.ParallelFor(out.shape[0], RowGrain(out.shape[1]), [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      ctx.kernels().silu_mul(gate.row(t), up.row(t), out.shape[1], out.row(t));
    }
  });
  return OkStatus();
}

Status Gelu(Context& ctx, GeluKind kind, Matrix x) {
  FOOTNOTE_RETURN_IF_ERROR(CheckView("Gelu", "x", x));
  const auto kernel = kind == GeluKind::kErf ? ctx.kernels().gelu_erf : ctx.kernels().gelu_tanh;
  ctx.ParallelFor(x.shape[0], RowGrain(x.shape[1]), [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) kernel(x.shape[1], x.row(t));
  });
  return OkStatus();
}

}  // namespace footnote::kernels
