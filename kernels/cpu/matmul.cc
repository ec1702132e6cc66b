// MatMul and MatMulMany: which kernel a weight takes, and how the work is cut for threads.
#include <algorithm>
#include <optional>
#include <vector>

#include "kernels/cpu/check.h"
#include "kernels/cpu/kernel_table.h"
#include "kernels/cpu/thread_scratch.h"
#include "kernels/ops.h"

namespace footnote::kernels {
namespace {

// Rows of x that one task multiplies: long enough to pay for unpacking a panel, short enough that
// the rounded rows stay in the second-level cache.
constexpr int64_t kTaskTokens = 256;
// Bytes of float32 weights of one task: half of a small second-level cache.
constexpr int64_t kTaskWeightBytes = 256 << 10;
// Multiplications below which waking a thread costs more than it saves.
constexpr int64_t kSerialProducts = 64 << 10;

struct FormatTraits {
  PanelFormat format;
  int64_t run;   // elements per step
  int32_t zero;  // code of value 0, when codes are unsigned
  bool has_min;
};

std::optional<FloatFormat> FloatFormatOf(DType dtype) {
  if (dtype == DType::kF32) return kFloatF32;
  if (dtype == DType::kF16) return kFloatF16;
  if (dtype == DType::kBF16) return kFloatBf16;
  return std::nullopt;
}

FormatTraits TraitsOf(DType dtype, const CpuKernels& kernels) {
  switch (dtype) {
    case DType::kQ4_0:
      return {kPanelQ4_0, 32, 8, false};
    case DType::kQ4_1:
      return {kPanelQ4_1, 32, 0, true};
    case DType::kQ5_0:
      return {kPanelQ5_0, 32, 16, false};
    case DType::kQ5_1:
      return {kPanelQ5_1, 32, 0, true};
    case DType::kQ8_0:
      return {kPanelQ8_0, 32, kernels.q8_0_signed != 0 ? 0 : 128, false};
    case DType::kQ4_K:
      return {kPanelQ4_K, 32, 0, true};
    case DType::kQ5_K:
      return {kPanelQ5_K, 32, 0, true};
    case DType::kQ6_K:
      return {kPanelQ6_K, 16, 32, false};
    case DType::kF32:
    case DType::kF16:
    case DType::kBF16:
      break;
  }
  return {kPanelFormats, 1, 0, false};
}

// How a target is computed, and where its rounded input lies.
enum class Path { kFloat, kUnpack, kPanel };
struct Plan {
  const MatMulTarget* target;
  Path path;
  FloatFormat float_format = kFloatF32;
  FormatTraits traits = {kPanelFormats, 1, 0, false};
  RoundedRows x = {};
  int64_t task_rows = 0;    // rows of w per task
  int64_t row_tasks = 0;    // tasks along w
  int64_t token_tasks = 0;  // tasks along x
};

size_t RoundUp64(size_t bytes) { return (bytes + 63) / 64 * 64; }

// What panel products need of one (run, zero) pair beside the codes.
struct Derived {
  int64_t run;
  int32_t zero;
  bool has_min;
  float* offsets = nullptr;
  int32_t* start = nullptr;
};

// Rounds x once for all plans that need it, and points them at the result.
void RoundInput(Context& ctx, ConstMatrix x, std::vector<Plan>& plans) {
  const int64_t rows = x.shape[0], k = x.shape[1];
  std::vector<Derived> derived;
  const auto find = [&](const FormatTraits& traits) -> Derived* {
    for (Derived& each : derived) {
      if (each.run == traits.run && each.zero == traits.zero && each.has_min == traits.has_min) {
        return &each;
      }
    }
    return nullptr;
  };
  for (const Plan& plan : plans) {
    if (plan.path == Path::kPanel && find(plan.traits) == nullptr) {
      derived.push_back({plan.traits.run, plan.traits.zero, plan.traits.has_min});
    }
  }
  if (derived.empty()) return;

  const auto elements = static_cast<size_t>(rows * k);
  const size_t code_bytes = RoundUp64(elements);
  const size_t scale_bytes = RoundUp64(elements / 32 * sizeof(float));
  const size_t sum_bytes = RoundUp64(elements / 16 * sizeof(int32_t));
  auto* memory = static_cast<std::byte*>(
      ctx.Scratch(0, code_bytes + scale_bytes + sum_bytes * (1 + derived.size())));
  auto* codes = reinterpret_cast<int8_t*>(memory);
  auto* scales = reinterpret_cast<float*>(memory + code_bytes);
  auto* sums = reinterpret_cast<int32_t*>(memory + code_bytes + scale_bytes);
  std::byte* next = memory + code_bytes + scale_bytes + sum_bytes;
  for (Derived& each : derived) {
    if (each.has_min) {
      each.offsets = reinterpret_cast<float*>(next);
    } else {
      each.start = reinterpret_cast<int32_t*>(next);
    }
    next += sum_bytes;
  }

  ctx.ParallelFor(rows, RowGrain(k), [&](int64_t begin, int64_t end) {
    ctx.kernels().round_rows(x.row(begin), x.stride[0], end - begin, k, codes + begin * k,
                             scales + begin * (k / 32), sums + begin * (k / 16));
    for (const Derived& each : derived) {
      const int64_t runs = k / each.run;
      for (int64_t t = begin; t < end; ++t) {
        for (int64_t r = 0; r < runs; ++r) {
          const int32_t* pair = sums + t * (k / 16) + r * each.run / 16;
          const int32_t sum = each.run == 32 ? pair[0] + pair[1] : pair[0];
          if (each.has_min) {
            each.offsets[t * runs + r] =
                scales[t * (k / 32) + r * each.run / 32] * static_cast<float>(sum);
          } else {
            each.start[t * runs + r] = -each.zero * sum;
          }
        }
      }
    }
  });
  for (Plan& plan : plans) {
    if (plan.path != Path::kPanel) continue;
    const Derived* each = find(plan.traits);
    plan.x = {codes, scales, each->offsets, each->start};
  }
}

void RunPanel(const CpuKernels& kernels, const Plan& plan, int64_t first, int64_t w_rows,
              int64_t first_token, int64_t tokens) {
  const Weight& w = *plan.target->w;
  const int64_t k = w.columns, p = kernels.panel_rows;
  const size_t code_bytes = RoundUp64(static_cast<size_t>(k * p));
  const size_t step_bytes = RoundUp64(static_cast<size_t>(k / plan.traits.run * p) * sizeof(float));
  auto* memory = static_cast<std::byte*>(ThreadScratch(0, code_bytes + 2 * step_bytes));
  const Panel panel = {reinterpret_cast<uint8_t*>(memory),
                       reinterpret_cast<float*>(memory + code_bytes),
                       reinterpret_cast<float*>(memory + code_bytes + step_bytes)};
  const std::byte* source = w.row(first);
  if (w_rows < p) {
    auto* padded =
        static_cast<std::byte*>(ThreadScratch(1, static_cast<size_t>(p * w.row_bytes())));
    std::fill_n(std::copy_n(source, w_rows * w.row_bytes(), padded), (p - w_rows) * w.row_bytes(),
                std::byte{0});
    source = padded;
  }
  kernels.pack[plan.traits.format](reinterpret_cast<const uint8_t*>(source), w.row_bytes(), k,
                                   panel);
  const int64_t runs = k / plan.traits.run;
  RoundedRows x = plan.x;
  x.codes += first_token * k;
  x.scales += first_token * (k / 32);
  if (x.offsets != nullptr) x.offsets += first_token * runs;
  if (x.start != nullptr) x.start += first_token * runs;
  const std::span<const float> bias = plan.target->bias;
  kernels.multiply_panel(plan.traits.format, x, tokens, panel, w_rows, k,
                         bias.empty() ? nullptr : bias.data() + first,
                         plan.target->out.row(first_token) + first, plan.target->out.stride[0]);
}

void RunTask(const CpuKernels& kernels, ConstMatrix x, const Plan& plan, int64_t task) {
  const Weight& w = *plan.target->w;
  const int64_t first = task % plan.row_tasks * plan.task_rows;
  const int64_t w_rows = std::min(plan.task_rows, w.rows - first);
  const int64_t first_token = task / plan.row_tasks * kTaskTokens;
  const int64_t tokens = std::min(kTaskTokens, x.shape[0] - first_token);
  if (plan.path == Path::kPanel) {
    RunPanel(kernels, plan, first, w_rows, first_token, tokens);
    return;
  }
  const void* rows = w.row(first);
  int64_t row_bytes = w.row_bytes();
  if (plan.path == Path::kUnpack) {
    row_bytes = w.columns * static_cast<int64_t>(sizeof(float));
    auto* unpacked = static_cast<float*>(ThreadScratch(0, static_cast<size_t>(w_rows * row_bytes)));
    for (int64_t n = 0; n < w_rows; ++n) {
      kernels.dequantize[plan.traits.format](reinterpret_cast<const uint8_t*>(w.row(first + n)),
                                             w.columns, unpacked + n * w.columns);
    }
    rows = unpacked;
  }
  const std::span<const float> bias = plan.target->bias;
  kernels.multiply_float(plan.float_format, x.row(first_token), x.stride[0], tokens, rows,
                         row_bytes, w_rows, w.columns, bias.empty() ? nullptr : bias.data() + first,
                         plan.target->out.row(first_token) + first, plan.target->out.stride[0]);
}

Plan MakePlan(const Context& ctx, const MatMulTarget& target, int64_t tokens) {
  Plan plan{&target, Path::kFloat};
  const Weight& w = *target.w;
  if (const std::optional<FloatFormat> format = FloatFormatOf(w.dtype)) {
    plan.float_format = *format;
  } else {
    plan.traits = TraitsOf(w.dtype, ctx.kernels());
    plan.path = ctx.precision() == Precision::kExact ? Path::kUnpack : Path::kPanel;
  }
  if (plan.path == Path::kPanel) {
    plan.task_rows = ctx.kernels().panel_rows;
  } else {
    const int64_t fitting = kTaskWeightBytes / (w.columns * static_cast<int64_t>(sizeof(float)));
    plan.task_rows = std::clamp<int64_t>(fitting / 16 * 16, 16, 64);
  }
  plan.row_tasks = (w.rows + plan.task_rows - 1) / plan.task_rows;
  plan.token_tasks = (tokens + kTaskTokens - 1) / kTaskTokens;
  return plan;
}

Status CheckTarget(ConstMatrix x, const MatMulTarget& target) {
  constexpr std::string_view kName = "MatMul";
  if (target.w == nullptr) return ShapeError(kName, "a target has no weight");
  FOOTNOTE_RETURN_IF_ERROR(CheckWeight(kName, *target.w));
  FOOTNOTE_RETURN_IF_ERROR(CheckView(kName, "out", target.out));
  if (x.shape[1] != target.w->columns) {
    return ShapeError(kName, "x is " + ShapeText(x) + " but the weight has " +
                                 std::to_string(target.w->columns) + " columns");
  }
  if (target.out.shape[0] != x.shape[0] || target.out.shape[1] != target.w->rows) {
    return ShapeError(kName, "out is " + ShapeText(target.out) + " but [" +
                                 std::to_string(x.shape[0]) + ", " +
                                 std::to_string(target.w->rows) + "] is needed");
  }
  if (target.bias.empty()) return OkStatus();
  return CheckLength(kName, "bias", target.bias.size(), target.w->rows);
}

}  // namespace

Status MatMulMany(Context& ctx, ConstMatrix x, std::span<const MatMulTarget> targets) {
  FOOTNOTE_RETURN_IF_ERROR(CheckView("MatMul", "x", x));
  for (const MatMulTarget& target : targets) FOOTNOTE_RETURN_IF_ERROR(CheckTarget(x, target));
  if (x.shape[0] == 0) return OkStatus();

  std::vector<Plan> plans;
  int64_t tasks = 0, products = 0;
  for (const MatMulTarget& target : targets) {
    plans.push_back(MakePlan(ctx, target, x.shape[0]));
    tasks += plans.back().row_tasks * plans.back().token_tasks;
    products += x.shape[0] * target.w->rows * target.w->columns;
  }
  RoundInput(ctx, x, plans);
  ctx.ParallelFor(tasks, products < kSerialProducts ? tasks : 1, [&](int64_t begin, int64_t end) {
    int64_t base = 0;
    for (const Plan& plan : plans) {
      const int64_t count = plan.row_tasks * plan.token_tasks;
      const int64_t from = std::max(begin, base), to = std::min(end, base + count);
      for (int64_t task = from; task < to; ++task) RunTask(ctx.kernels(), x, plan, task - base);
      base += count;
    }
  });
  return OkStatus();
}

Status MatMul(Context& ctx, ConstMatrix x, const Weight& w, std::span<const float> bias,
              Matrix out) {
  const MatMulTarget target{&w, bias, out};
  return MatMulMany(ctx, x, {&target, 1});
}

}  // namespace footnote::kernels
