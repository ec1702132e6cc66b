// Add, SiluMul, Gelu, GeluMul, Softcap: element by element.
#include "kernels/cpu/check.h"
#include "kernels/cpu/kernel_table.h"
#include "kernels/ops.h"

namespace footnote::kernels {
namespace {

using GateRow = void (*)(const float* gate, const float* up, int64_t count, float* out);

Status GateRows(Context& ctx, std::string_view name, GateRow kernel, ConstMatrix gate,
                ConstMatrix up, Matrix out) {
  FOOTNOTE_RETURN_IF_ERROR(CheckView(name, "gate", gate));
  FOOTNOTE_RETURN_IF_ERROR(CheckView(name, "up", up));
  FOOTNOTE_RETURN_IF_ERROR(CheckView(name, "out", out));
  FOOTNOTE_RETURN_IF_ERROR(CheckSameShape(name, "up", up, "gate", gate));
  FOOTNOTE_RETURN_IF_ERROR(CheckSameShape(name, "out", out, "gate", gate));
  ctx.ParallelFor(out.shape[0], RowGrain(out.shape[1]), [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      kernel(gate.row(t), up.row(t), out.shape[1], out.row(t));
    }
  });
  return OkStatus();
}

}  // namespace

Status Add(Context& ctx, ConstMatrix y, Matrix x, float scale) {
  FOOTNOTE_RETURN_IF_ERROR(CheckView("Add", "y", y));
  FOOTNOTE_RETURN_IF_ERROR(CheckView("Add", "x", x));
  FOOTNOTE_RETURN_IF_ERROR(CheckSameShape("Add", "y", y, "x", x));
  ctx.ParallelFor(x.shape[0], RowGrain(x.shape[1]), [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) ctx.kernels().add(scale, y.row(t), x.shape[1], x.row(t));
  });
  return OkStatus();
}

Status SiluMul(Context& ctx, ConstMatrix gate, ConstMatrix up, Matrix out) {
  return GateRows(ctx, "SiluMul", ctx.kernels().silu_mul, gate, up, out);
}

Status GeluMul(Context& ctx, GeluKind kind, ConstMatrix gate, ConstMatrix up, Matrix out) {
  const CpuKernels& kernels = ctx.kernels();
  return GateRows(ctx, "GeluMul",
                  kind == GeluKind::kErf ? kernels.gelu_erf_mul : kernels.gelu_tanh_mul, gate, up,
                  out);
}

Status Softcap(Context& ctx, float cap, Matrix x) {
  FOOTNOTE_RETURN_IF_ERROR(CheckView("Softcap", "x", x));
  if (!(cap > 0)) {
    return ShapeError("Softcap", "cap is " + std::to_string(cap) + " but must be > 0");
  }
  ctx.ParallelFor(x.shape[0], RowGrain(x.shape[1]), [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) ctx.kernels().softcap(cap, x.shape[1], x.row(t));
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
