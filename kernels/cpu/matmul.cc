// MatMul and MatMulMany: which kernel a weight takes, and how the work is cut for threads.
#include <algorithm>
#include <vector>

#include "kernels/cpu/check.h"
#include "kernels/cpu/kernel_table.h"
#include "kernels/cpu/panel_format.h"
#include "kernels/cpu/rounded_input.h"
#include "kernels/cpu/thread_scratch.h"
#include "kernels/ops.h"
#include "kernels/packing.h"

namespace footnote::kernels {
namespace {

// Rows of x that one task multiplies: long enough to pay for expanding a panel, short enough that
// the rounded rows stay in the second-level cache.
constexpr int64_t kLeastTaskTokens = 32;
constexpr int64_t kMostTaskTokens = 256;
// Panels of one task: what a tile takes at once.
constexpr int64_t kTaskPanels = 2;
constexpr int64_t kBfloatTaskPanels = 4;
// Multiplications below which waking a thread costs more than it saves.
constexpr int64_t kSerialProducts = 64 << 10;

// Where a target's weights come from: panels packed at load, panels packed for this call, or rows
// dequantised and then packed (exact precision).
enum class Path { kPacked, kPack, kUnpack };
struct Plan {
  const MatMulTarget* target;
  Path path;
  PanelTraits traits = {};  // of what is multiplied
  PanelBytes panel_bytes = {};
  RoundedRows x = {};                // of PanelInput::kCodes
  const uint8_t* bfloats = nullptr;  // of PanelInput::kBfloat
  int64_t task_panels = kTaskPanels;
  int64_t panel_tasks = 0;  // tasks along w
  int64_t token_tasks = 0;  // tasks along x
  int64_t task_tokens = 0;
};

size_t RoundUp64(size_t bytes) { return (bytes + 63) / 64 * 64; }

// Rounds x for all plans that need it, and points them at the result.
void RoundInputOf(Context& ctx, ConstMatrix x, std::vector<Plan>& plans) {
  std::vector<RoundingRequest> requests;
  const uint8_t* bfloats = nullptr;
  for (const Plan& plan : plans) {
    if (plan.traits.input == PanelInput::kCodes) requests.push_back({plan.traits});
    if (plan.traits.input == PanelInput::kBfloat && bfloats == nullptr) {
      bfloats = RoundToBfloats(ctx, x);
    }
  }
  RoundInput(ctx, x, requests);
  size_t next = 0;
  for (Plan& plan : plans) {
    if (plan.traits.input == PanelInput::kCodes) plan.x = requests[next++].x;
    if (plan.traits.input == PanelInput::kBfloat) plan.bfloats = bfloats;
  }
}

// `count` panels from `first` on, in scratch when they are not packed yet.
Panels PanelsOf(const CpuKernels& kernels, const Plan& plan, int64_t first, int64_t count) {
  const Weight& w = *plan.target->w;
  const PanelBytes bytes = plan.panel_bytes;
  if (plan.path == Path::kPacked) {
    return {w.packed->codes + first * bytes.codes, w.packed->numbers + first * bytes.numbers,
            bytes.codes, bytes.numbers};
  }
  const size_t code_bytes = RoundUp64(static_cast<size_t>(count * bytes.codes));
  auto* codes = static_cast<uint8_t*>(
      ThreadScratch(0, code_bytes + static_cast<size_t>(count * bytes.numbers)));
  uint8_t* numbers = codes + code_bytes;
  if (plan.path == Path::kPack) {
    for (int64_t i = 0; i < count; ++i) {
      PackPanel(kernels, w, first + i, codes + i * bytes.codes, numbers + i * bytes.numbers);
    }
    return {codes, numbers, bytes.codes, bytes.numbers};
  }
  const int64_t p = kernels.panel_rows;
  const int64_t row_bytes = w.columns * static_cast<int64_t>(sizeof(float));
  auto* rows = static_cast<float*>(ThreadScratch(1, static_cast<size_t>(p * row_bytes)));
  const auto dequantize = kernels.dequantize[TraitsOf(w.dtype, kernels).format];
  for (int64_t i = 0; i < count; ++i) {
    for (int64_t r = 0; r < p; ++r) {
      const int64_t n = (first + i) * p + r;
      float* row = rows + r * w.columns;
      if (n < w.rows) {
        dequantize(reinterpret_cast<const uint8_t*>(w.row(n)), w.columns, row);
      } else {
        std::fill_n(row, w.columns, 0.0f);
      }
    }
    kernels.pack[kPanelF32](reinterpret_cast<const uint8_t*>(rows), row_bytes, w.columns,
                            codes + i * bytes.codes, nullptr);
  }
  return {codes, numbers, bytes.codes, bytes.numbers};
}

ProductActivation ActivationOf(Activation activation) {
  if (activation == Activation::kGeluErf) return kActivationGeluErf;
  if (activation == Activation::kGeluTanh) return kActivationGeluTanh;
  return kNoActivation;
}

void RunTask(const CpuKernels& kernels, ConstMatrix x, const Plan& plan, int64_t task) {
  const Weight& w = *plan.target->w;
  const int64_t k = w.columns;
  const int64_t first_panel = task % plan.panel_tasks * plan.task_panels;
  const int64_t panels = std::min(plan.task_panels, PanelCount(w.rows, kernels) - first_panel);
  const int64_t first = first_panel * kernels.panel_rows;
  const int64_t w_rows = std::min(panels * kernels.panel_rows, w.rows - first);
  const int64_t first_token = task / plan.panel_tasks * plan.task_tokens;
  const int64_t tokens = std::min(plan.task_tokens, x.shape[0] - first_token);
  const std::span<const float> bias = plan.target->bias;
  const ProductOutput out = {bias.empty() ? nullptr : bias.data() + first,
                             plan.target->out.row(first_token) + first, plan.target->out.stride[0],
                             plan.target->add, ActivationOf(plan.target->activation)};
  const Panels from = PanelsOf(kernels, plan, first_panel, panels);
  if (plan.traits.input == PanelInput::kBfloat) {
    kernels.multiply_bfloats(plan.bfloats + first_token * BfloatRowBytes(k, kernels), tokens,
                             from.codes, w_rows, k, out);
    return;
  }
  if (plan.traits.input == PanelInput::kFloat) {
    kernels.multiply_float(plan.traits.format, x.row(first_token), x.stride[0], tokens, from.codes,
                           w_rows, k, out);
    return;
  }
  const int64_t runs = k / plan.traits.run;
  const int64_t scratch = kernels.tile_panels * kernels.panel_rows * (k + 8 * runs);
  kernels.multiply_rounded(plan.traits.format, RowsFrom(plan.x, plan.traits, k, first_token),
                           tokens, from, w_rows, k, out,
                           static_cast<uint8_t*>(ThreadScratch(2, static_cast<size_t>(scratch))));
}

Plan MakePlan(const Context& ctx, const MatMulTarget& target, int64_t tokens) {
  const CpuKernels& kernels = ctx.kernels();
  const Weight& w = *target.w;
  const bool packed = w.packed != nullptr && w.packed->isa == ctx.isa();
  Plan plan{&target, Path::kPack};
  DType dtype = w.dtype;
  const bool exact = ctx.precision() == Precision::kExact;
  if (exact && TraitsOf(dtype, kernels).input == PanelInput::kCodes) {
    plan.path = Path::kUnpack;
    dtype = DType::kF32;
  } else if (packed && (!exact || w.packed->dtype == dtype)) {
    plan.path = Path::kPacked;
    dtype = w.packed->dtype;
  }
  plan.traits = TraitsOf(dtype, kernels);
  if (exact) plan.traits.input = PanelInput::kFloat;
  plan.panel_bytes = PanelBytesOf(dtype, w.columns, kernels);
  if (plan.traits.input == PanelInput::kBfloat) plan.task_panels = kBfloatTaskPanels;
  plan.panel_tasks = (PanelCount(w.rows, kernels) + plan.task_panels - 1) / plan.task_panels;
  // Few rows: threads share out the weights, and each is read once. Many: they share out the rows,
  // as the operations before and after do, so that activations stay with their thread.
  const int64_t threads = ctx.threads();
  plan.task_tokens =
      tokens < kLeastTaskTokens * threads ? tokens : (tokens + threads - 1) / threads;
  plan.task_tokens = std::min(plan.task_tokens, kMostTaskTokens);
  plan.token_tasks = (tokens + plan.task_tokens - 1) / plan.task_tokens;
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
  if (target.add && target.activation != Activation::kNone) {
    return ShapeError(kName, "a target that is added to cannot have an activation");
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
    tasks += plans.back().panel_tasks * plans.back().token_tasks;
    products += x.shape[0] * target.w->rows * target.w->columns;
  }
  RoundInputOf(ctx, x, plans);
  ctx.ParallelFor(tasks, products < kSerialProducts ? tasks : 1, [&](int64_t begin, int64_t end) {
    int64_t base = 0;
    for (const Plan& plan : plans) {
      const int64_t count = plan.panel_tasks * plan.token_tasks;
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

Status MatMulAdd(Context& ctx, ConstMatrix x, const Weight& w, std::span<const float> bias,
                 Matrix out) {
  const MatMulTarget target{&w, bias, out, true};
  return MatMulMany(ctx, x, {&target, 1});
}

}  // namespace footnote::kernels
