// RmsNorm, RmsNormHeads, LayerNorm, L2Normalize: each row on its own.
#include <cmath>

#include "kernels/cpu/check.h"
#include "kernels/cpu/kernel_table.h"
#include "kernels/ops.h"

namespace footnote::kernels {
namespace {

Status CheckNorm(std::string_view name, ConstMatrix x, std::span<const float> weight, float eps,
                 Matrix out) {
  FOOTNOTE_RETURN_IF_ERROR(CheckView(name, "x", x));
  FOOTNOTE_RETURN_IF_ERROR(CheckView(name, "out", out));
  FOOTNOTE_RETURN_IF_ERROR(CheckSameShape(name, "out", out, "x", x));
  FOOTNOTE_RETURN_IF_ERROR(CheckLength(name, "weight", weight.size(), x.shape[1]));
  if (!(eps > 0)) return ShapeError(name, "eps is " + std::to_string(eps) + " but must be > 0");
  if (x.shape[1] == 0 && x.shape[0] > 0) return ShapeError(name, "rows are empty");
  return OkStatus();
}

}  // namespace

Status RmsNorm(Context& ctx, ConstMatrix x, std::span<const float> weight, float weight_bias,
               float eps, Matrix out) {
  FOOTNOTE_RETURN_IF_ERROR(CheckNorm("RmsNorm", x, weight, eps, out));
  ctx.ParallelFor(x.shape[0], RowGrain(x.shape[1]), [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      ctx.kernels().rms_norm(x.row(t), weight.data(), weight_bias, eps, x.shape[1], out.row(t));
    }
  });
  return OkStatus();
}

Status RmsNormHeads(Context& ctx, std::span<const float> weight, float eps, Heads x) {
  constexpr std::string_view kName = "RmsNormHeads";
  FOOTNOTE_RETURN_IF_ERROR(CheckView(kName, "x", x));
  FOOTNOTE_RETURN_IF_ERROR(CheckLength(kName, "weight", weight.size(), x.shape[2]));
  if (!(eps > 0)) return ShapeError(kName, "eps is " + std::to_string(eps) + " but must be > 0");
  ctx.ParallelFor(x.shape[0], RowGrain(x.shape[1] * x.shape[2]), [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      for (int64_t h = 0; h < x.shape[1]; ++h) {
        float* head = x.row(t) + h * x.stride[1];
        ctx.kernels().rms_norm(head, weight.data(), 0, eps, x.shape[2], head);
      }
    }
  });
  return OkStatus();
}

Status LayerNorm(Context& ctx, ConstMatrix x, std::span<const float> weight,
                 std::span<const float> bias, float eps, Matrix out) {
  FOOTNOTE_RETURN_IF_ERROR(CheckNorm("LayerNorm", x, weight, eps, out));
  if (!bias.empty()) {
    FOOTNOTE_RETURN_IF_ERROR(CheckLength("LayerNorm", "bias", bias.size(), x.shape[1]));
  }
  ctx.ParallelFor(x.shape[0], RowGrain(x.shape[1]), [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      ctx.kernels().layer_norm(x.row(t), weight.data(), bias.empty() ? nullptr : bias.data(), eps,
                               x.shape[1], out.row(t));
    }
  });
  return OkStatus();
}

Status L2Normalize(Context& ctx, Matrix x) {
  FOOTNOTE_RETURN_IF_ERROR(CheckView("L2Normalize", "x", x));
  ctx.ParallelFor(x.shape[0], RowGrain(x.shape[1]), [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      const float length = std::sqrt(ctx.kernels().sum_of_squares(x.row(t), x.shape[1]));
      ctx.kernels().scale(1.0f / std::fmax(length, 1e-12f), x.shape[1], x.row(t));
    }
  });
  return OkStatus();
}

}  // namespace footnote::kernels
