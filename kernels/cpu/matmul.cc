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
// Rows that FeedForward takes through both products at once: their codes in between, the strip and
// a panel fit the second-level cache.
constexpr int64_t kFusedTokens = 128;
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
  GroupedRows groups = {};           // of PanelInput::kGroups
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
  std::vector<const float*> factors;  // of different inputs by groups
  const auto place_of = [&](const Plan& plan) {
    const auto found = std::ranges::find(factors, plan.target->w->packed->factors);
    return static_cast<size_t>(found - factors.begin());
  };
  for (const Plan& plan : plans) {
    if (plan.traits.input == PanelInput::kGroups && place_of(plan) == factors.size()) {
      factors.push_back(plan.target->w->packed->factors);
    }
    if (plan.traits.input == PanelInput::kCodes) requests.push_back({plan.traits});
    if (plan.traits.input == PanelInput::kBfloat && bfloats == nullptr) {
      bfloats = RoundToBfloats(ctx, x);
    }
  }
  RoundInput(ctx, x, requests);
  std::vector<GroupedRows> groups;
  for (size_t i = 0; i < factors.size(); ++i) {
    groups.push_back(RoundToGroups(ctx, x, factors[i], i, factors.size()));
  }
  size_t next = 0;
  for (Plan& plan : plans) {
    if (plan.traits.input == PanelInput::kCodes) plan.x = requests[next++].x;
    if (plan.traits.input == PanelInput::kBfloat) plan.bfloats = bfloats;
    if (plan.traits.input == PanelInput::kGroups) plan.groups = groups[place_of(plan)];
  }
}

// `count` panels from `first` on, in scratch when they are not packed yet.
Panels PanelsOf(const CpuKernels& kernels, const Plan& plan, int64_t first, int64_t count) {
  const Weight& w = *plan.target->w;
  const PanelBytes bytes = plan.panel_bytes;
  if (plan.path == Path::kPacked) {
    return {w.packed->codes.load() + first * bytes.codes,
            w.packed->numbers.load() + first * bytes.numbers, bytes.codes, bytes.numbers};
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

ProductActivation ActivationOf(Activation activation, const PanelTraits& traits) {
  const bool rough = traits.input == PanelInput::kGroups;
  if (activation == Activation::kGeluErf) {
    return rough ? kActivationGeluErfRough : kActivationGeluErf;
  }
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
                             plan.target->add, ActivationOf(plan.target->activation, plan.traits)};
  const Panels from = PanelsOf(kernels, plan, first_panel, panels);
  if (plan.traits.input == PanelInput::kBfloat) {
    kernels.multiply_bfloats(plan.bfloats + first_token * BfloatRowBytes(k, kernels), tokens,
                             from.codes, w_rows, k, out);
    return;
  }
  if (plan.traits.input == PanelInput::kGroups) {
    kernels.multiply_groups({plan.groups.codes + first_token * k,
                             plan.groups.numbers + first_token * 2 * GroupCount(k)},
                            tokens, from, w_rows, k, out);
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
  } else if (packed && (!exact || (w.packed->dtype == dtype && !w.packed->by_groups))) {
    plan.path = Path::kPacked;
    dtype = w.packed->dtype;
  }
  if (plan.path == Path::kPacked && w.packed->by_groups) {
    plan.traits = kGroupTraits;
    plan.panel_bytes = GroupPanelBytesOf(w.columns, kernels);
  } else {
    plan.traits = TraitsOf(dtype, kernels);
    if (exact) plan.traits.input = PanelInput::kFloat;
    plan.panel_bytes = PanelBytesOf(dtype, w.columns, kernels);
  }
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

bool RunsByGroups(const Context& ctx, const Weight& w) {
  return ctx.precision() != Precision::kExact && w.packed != nullptr &&
         w.packed->isa == ctx.isa() && w.packed->by_groups;
}

// Rows [begin, end) of FeedForward: what is between the products goes, 128 columns at a time, from
// a strip that stays in the cache straight to codes.
void FeedForwardByGroups(const CpuKernels& kernels, ConstMatrix x, const FeedForwardWeights& w,
                         int64_t begin, int64_t end, Matrix out) {
  const int64_t rows = end - begin, k = w.up->columns, inner = w.up->rows;
  const int64_t numbers = 2 * GroupCount(k), inner_numbers = 2 * GroupCount(inner);
  const auto bytes = static_cast<size_t>(
      rows * (RoundUp64(static_cast<size_t>(k + inner)) +
              (kGroupColumns + numbers + inner_numbers) * static_cast<int64_t>(sizeof(float))));
  auto* strip = static_cast<float*>(ThreadScratch(0, bytes));
  float* x_numbers = strip + rows * kGroupColumns;
  float* inner_at = x_numbers + rows * numbers;
  auto* x_codes = reinterpret_cast<uint8_t*>(inner_at + rows * inner_numbers);
  uint8_t* inner_codes = x_codes + rows * k;

  kernels.round_groups(x.row(begin), x.stride[0], w.up->packed->factors, rows, k, x_codes, k,
                       x_numbers, numbers);
  const PanelBytes up = GroupPanelBytesOf(k, kernels), down = GroupPanelBytesOf(inner, kernels);
  const ProductActivation activation = ActivationOf(w.activation, kGroupTraits);
  for (int64_t n = 0; n < inner; n += kGroupColumns) {
    const int64_t columns = std::min<int64_t>(kGroupColumns, inner - n);
    const int64_t panel = n / kernels.panel_rows;
    kernels.multiply_groups(
        {x_codes, x_numbers}, rows,
        {w.up->packed->codes.load() + panel * up.codes,
         w.up->packed->numbers.load() + panel * up.numbers, up.codes, up.numbers},
        columns, k,
        {w.up_bias.empty() ? nullptr : w.up_bias.data() + n, strip, kGroupColumns, false,
         activation});
    kernels.round_groups(strip, kGroupColumns, nullptr, rows, columns, inner_codes + n, inner,
                         inner_at + n / kGroupColumns * 2, inner_numbers);
  }
  kernels.multiply_groups(
      {inner_codes, inner_at}, rows,
      {w.down->packed->codes.load(), w.down->packed->numbers.load(), down.codes, down.numbers},
      w.down->rows, inner,
      {w.down_bias.empty() ? nullptr : w.down_bias.data(), out.row(begin), out.stride[0], true,
       kNoActivation});
}

}  // namespace

Status FeedForward(Context& ctx, ConstMatrix x, const FeedForwardWeights& w, Matrix inner,
                   Matrix out) {
  FOOTNOTE_RETURN_IF_ERROR(CheckView("FeedForward", "x", x));
  const MatMulTarget up{w.up, w.up_bias, inner, false, w.activation};
  const MatMulTarget down{w.down, w.down_bias, out, true};
  FOOTNOTE_RETURN_IF_ERROR(CheckTarget(x, up));
  FOOTNOTE_RETURN_IF_ERROR(CheckTarget(inner, down));
  const int64_t rows = x.shape[0], threads = ctx.threads();
  if (rows < kLeastTaskTokens * threads || !RunsByGroups(ctx, *w.up) ||
      !RunsByGroups(ctx, *w.down) || w.down->packed->factors != nullptr) {
    FOOTNOTE_RETURN_IF_ERROR(MatMulMany(ctx, x, {&up, 1}));
    return MatMulMany(ctx, inner, {&down, 1});
  }
  const int64_t share = (rows + threads - 1) / threads;
  const int64_t parts = (share + kFusedTokens - 1) / kFusedTokens;
  const int64_t block = (share + parts - 1) / parts;
  ctx.ParallelFor((rows + block - 1) / block, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      FeedForwardByGroups(ctx.kernels(), x, w, i * block, std::min(rows, (i + 1) * block), out);
    }
  });
  return OkStatus();
}

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
