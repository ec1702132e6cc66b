// KvWrite, AttentionPaged, AttentionPacked.
//
// A task takes some queries of one head group: their scores against all keys they see (a float
// product), a softmax of each row, and the weighted sum of the values in order of position. Every
// query's numbers depend on its own row and keys only, so tasks may hold any queries together.
#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/cpu/check.h"
#include "kernels/cpu/kernel_table.h"
#include "kernels/cpu/thread_scratch.h"
#include "kernels/ops.h"

namespace footnote::kernels {
namespace {

// Queries per task: enough to use each key and value that is loaded several times.
constexpr int64_t kTaskQueries = 16;
// Products below which one thread does all.
constexpr int64_t kSerialProducts = 64 << 10;

int64_t RoundUp16(int64_t count) { return (count + 15) / 16 * 16; }

Status CheckLayer(std::string_view name, const KvLayer& layer) {
  if (layer.dtype != DType::kF32 && layer.dtype != DType::kF16) {
    return ShapeError(
        name, "the KV layer is " + std::string(DTypeName(layer.dtype)) + " but must be F32 or F16");
  }
  if (layer.keys == nullptr || layer.values == nullptr || layer.kv_heads <= 0 ||
      layer.head_width <= 0) {
    return ShapeError(name, "the KV layer has no memory or no heads");
  }
  return OkStatus();
}

// Every sequence lies within `rows` rows, and each page that positions from `first` on need is
// listed and exists.
Status CheckSequences(std::string_view name, std::span<const KvSequence> sequences,
                      const KvLayer& layer, int64_t rows, int64_t window) {
  for (size_t s = 0; s < sequences.size(); ++s) {
    const KvSequence& sequence = sequences[s];
    const std::string which = "sequence " + std::to_string(s);
    if (sequence.rows < 0 || sequence.first_row < 0 || sequence.first_position < 0 ||
        sequence.first_row + sequence.rows > rows) {
      return ShapeError(name, which + " has rows " + std::to_string(sequence.first_row) + " + " +
                                  std::to_string(sequence.rows) + " of " + std::to_string(rows) +
                                  " at position " + std::to_string(sequence.first_position));
    }
    const int64_t end = sequence.first_position + sequence.rows;
    if (sequence.rows == 0) continue;
    const int64_t last_page = (end - 1) / kPageTokens;
    if (static_cast<int64_t>(sequence.pages.size()) <= last_page) {
      return ShapeError(name, which + " lists " + std::to_string(sequence.pages.size()) +
                                  " pages but ends at position " + std::to_string(end));
    }
    const int64_t first =
        window > 0 ? std::max<int64_t>(0, sequence.first_position - window + 1) : 0;
    for (int64_t p = first / kPageTokens; p <= last_page; ++p) {
      const int32_t page = sequence.pages[static_cast<size_t>(p)];
      if (page < 0 || page >= layer.pages) {
        return ShapeError(name, which + " names page " + std::to_string(page) + " of " +
                                    std::to_string(layer.pages));
      }
    }
  }
  return OkStatus();
}

struct KvFormat {
  FloatFormat format;
  int64_t element_bytes;
};

KvFormat KvFormatOf(const KvLayer& layer) {
  return layer.dtype == DType::kF16 ? KvFormat{kFloatF16, 2} : KvFormat{kFloatF32, 4};
}

// Queries [first, first + rows) of a sequence, for all query heads that share one KV head.
struct PagedTask {
  const KvSequence* sequence;
  int64_t kv_head;
  int64_t first;
  int64_t rows;
};

void RunPaged(const CpuKernels& kernels, ConstHeads q, const KvLayer& layer,
              const AttentionParams& params, Heads out, const PagedTask& task) {
  const int64_t width = layer.head_width;
  const int64_t group = q.shape[1] / layer.kv_heads;
  const int64_t queries = task.rows * group;
  const int64_t first_position = task.sequence->first_position + task.first;
  const auto visible_from = [&](int64_t position) {
    return params.window > 0 ? std::max<int64_t>(0, position - params.window + 1) : 0;
  };
  const int64_t begin = visible_from(first_position) / kPageTokens * kPageTokens;
  const int64_t end = first_position + task.rows;
  const int64_t count = RoundUp16(end - begin);
  const KvFormat kv = KvFormatOf(layer);
  const int64_t row_bytes = width * kv.element_bytes;

  const auto block = [&](const void* data, int64_t position) {
    const int32_t page = task.sequence->pages[static_cast<size_t>(position / kPageTokens)];
    return static_cast<const std::byte*>(data) +
           layer.offset(page, task.kv_head, 0) * kv.element_bytes;
  };
  // Row r of the gathered queries is row r / group of the batch, head r % group of the group.
  auto* gathered =
      static_cast<float*>(ThreadScratch(0, static_cast<size_t>(queries * width) * sizeof(float)));
  auto* sums =
      static_cast<float*>(ThreadScratch(1, static_cast<size_t>(queries * width) * sizeof(float)));
  auto* scores =
      static_cast<float*>(ThreadScratch(2, static_cast<size_t>(queries * count) * sizeof(float)));
  const int64_t batch_row = task.sequence->first_row + task.first;
  for (int64_t r = 0; r < queries; ++r) {
    const float* from =
        q.row(batch_row + r / group) + (task.kv_head * group + r % group) * q.stride[1];
    std::copy_n(from, width, gathered + r * width);
  }
  std::fill_n(sums, queries * width, 0.0f);

  for (int64_t j = begin; j < end; j += kPageTokens) {
    kernels.multiply_float(kv.format, gathered, width, queries, block(layer.keys, j), row_bytes,
                           std::min(kPageTokens, end - j), width, nullptr, scores + (j - begin),
                           count);
  }
  for (int64_t r = 0; r < queries; ++r) {
    const int64_t position = first_position + r / group;
    float* row = scores + r * count;
    const float inverse = kernels.softmax(row, count, visible_from(position) - begin,
                                          position + 1 - begin, params.scale, params.softcap);
    kernels.scale(inverse, count, row);
  }
  for (int64_t j = begin; j < end; j += kPageTokens) {
    const auto* values = block(layer.values, j);
    // Queries see all of most pages; the page where a query begins or ends is taken row by row, so
    // that no query reads a value it may not see.
    const int64_t page_end = std::min(j + kPageTokens, end);
    if (visible_from(first_position + task.rows - 1) <= j && page_end <= first_position + 1) {
      kernels.weigh_values(kv.format, scores + (j - begin), count, queries, values, row_bytes,
                           page_end - j, width, sums, width);
      continue;
    }
    for (int64_t row = 0; row < task.rows; ++row) {
      const int64_t from = std::max(j, visible_from(first_position + row));
      const int64_t to = std::min(page_end, first_position + row + 1);
      if (from >= to) continue;
      kernels.weigh_values(kv.format, scores + row * group * count + (from - begin), count, group,
                           values + (from - j) * row_bytes, row_bytes, to - from, width,
                           sums + row * group * width, width);
    }
  }
  for (int64_t r = 0; r < queries; ++r) {
    std::copy_n(
        sums + r * width, width,
        out.row(batch_row + r / group) + (task.kv_head * group + r % group) * out.stride[1]);
  }
}

}  // namespace

Status KvWrite(Context& ctx, ConstHeads keys, ConstHeads values,
               std::span<const KvSequence> sequences, const KvLayer& layer) {
  constexpr std::string_view kName = "KvWrite";
  FOOTNOTE_RETURN_IF_ERROR(CheckLayer(kName, layer));
  FOOTNOTE_RETURN_IF_ERROR(CheckView(kName, "keys", keys));
  FOOTNOTE_RETURN_IF_ERROR(CheckView(kName, "values", values));
  FOOTNOTE_RETURN_IF_ERROR(CheckSameShape(kName, "values", values, "keys", keys));
  if (keys.shape[1] != layer.kv_heads || keys.shape[2] != layer.head_width) {
    return ShapeError(kName, "keys are " + ShapeText(keys) + " but the layer has " +
                                 std::to_string(layer.kv_heads) + " heads of " +
                                 std::to_string(layer.head_width));
  }
  // A window of 1: only the pages written to must exist.
  FOOTNOTE_RETURN_IF_ERROR(CheckSequences(kName, sequences, layer, keys.shape[0], 1));
  const CpuKernels& kernels = ctx.kernels();
  const int64_t width = layer.head_width;
  const auto write = [&](const float* from, void* data, int64_t offset) {
    if (layer.dtype == DType::kF16) {
      kernels.store_halves(from, width, static_cast<uint16_t*>(data) + offset);
    } else {
      std::copy_n(from, width, static_cast<float*>(data) + offset);
    }
  };
  for (const KvSequence& sequence : sequences) {
    ctx.ParallelFor(
        sequence.rows, RowGrain(2 * layer.kv_heads * width), [&](int64_t begin, int64_t end) {
          for (int64_t row = begin; row < end; ++row) {
            const int64_t position = sequence.first_position + row;
            const int32_t page = sequence.pages[static_cast<size_t>(position / kPageTokens)];
            for (int64_t h = 0; h < layer.kv_heads; ++h) {
              const int64_t offset = layer.offset(page, h, position % kPageTokens);
              const int64_t t = sequence.first_row + row;
              write(keys.row(t) + h * keys.stride[1], layer.keys, offset);
              write(values.row(t) + h * values.stride[1], layer.values, offset);
            }
          }
        });
  }
  return OkStatus();
}

Status AttentionPaged(Context& ctx, ConstHeads q, std::span<const KvSequence> sequences,
                      const KvLayer& layer, const AttentionParams& params, Heads out) {
  constexpr std::string_view kName = "AttentionPaged";
  FOOTNOTE_RETURN_IF_ERROR(CheckLayer(kName, layer));
  FOOTNOTE_RETURN_IF_ERROR(CheckView(kName, "q", q));
  FOOTNOTE_RETURN_IF_ERROR(CheckView(kName, "out", out));
  FOOTNOTE_RETURN_IF_ERROR(CheckSameShape(kName, "out", out, "q", q));
  if (q.shape[2] != layer.head_width || q.shape[1] % layer.kv_heads != 0) {
    return ShapeError(kName, "q is " + ShapeText(q) + " but the layer has " +
                                 std::to_string(layer.kv_heads) + " heads of " +
                                 std::to_string(layer.head_width));
  }
  if (!(params.scale > 0) || params.softcap < 0 || params.window < 0) {
    return ShapeError(kName, "scale must be > 0, softcap and window >= 0");
  }
  FOOTNOTE_RETURN_IF_ERROR(CheckSequences(kName, sequences, layer, q.shape[0], params.window));

  const int64_t group = q.shape[1] / layer.kv_heads;
  const int64_t task_rows = std::max<int64_t>(1, kTaskQueries / group);
  std::vector<PagedTask> tasks;
  int64_t products = 0;
  for (const KvSequence& sequence : sequences) {
    // Longest rows first: threads that finish early find short work left.
    for (int64_t first = (sequence.rows - 1) / task_rows * task_rows; first >= 0;
         first -= task_rows) {
      const int64_t rows = std::min(task_rows, sequence.rows - first);
      if (rows <= 0) break;
      for (int64_t h = 0; h < layer.kv_heads; ++h) tasks.push_back({&sequence, h, first, rows});
      products += rows * q.shape[1] * layer.head_width * (sequence.first_position + first + rows);
    }
  }
  const auto count = static_cast<int64_t>(tasks.size());
  ctx.ParallelFor(count, products < kSerialProducts ? count : 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      RunPaged(ctx.kernels(), q, layer, params, out, tasks[static_cast<size_t>(i)]);
    }
  });
  return OkStatus();
}

Status AttentionPacked(Context& ctx, ConstHeads q, ConstHeads k, ConstHeads v,
                       std::span<const int64_t> offsets, float scale, Heads out) {
  constexpr std::string_view kName = "AttentionPacked";
  FOOTNOTE_RETURN_IF_ERROR(CheckView(kName, "q", q));
  FOOTNOTE_RETURN_IF_ERROR(CheckView(kName, "k", k));
  FOOTNOTE_RETURN_IF_ERROR(CheckView(kName, "v", v));
  FOOTNOTE_RETURN_IF_ERROR(CheckView(kName, "out", out));
  FOOTNOTE_RETURN_IF_ERROR(CheckSameShape(kName, "k", k, "q", q));
  FOOTNOTE_RETURN_IF_ERROR(CheckSameShape(kName, "v", v, "q", q));
  FOOTNOTE_RETURN_IF_ERROR(CheckSameShape(kName, "out", out, "q", q));
  if (!(scale > 0)) return ShapeError(kName, "scale must be > 0");
  if (offsets.empty() || offsets.front() != 0 || offsets.back() != q.shape[0] ||
      !std::ranges::is_sorted(offsets)) {
    return ShapeError(
        kName, "offsets must rise from 0 to the number of rows, " + std::to_string(q.shape[0]));
  }
  const CpuKernels& kernels = ctx.kernels();
  const int64_t heads = q.shape[1], width = q.shape[2];
  const auto sequences = static_cast<int64_t>(offsets.size()) - 1;
  ctx.ParallelFor(sequences * heads, 1, [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; ++task) {
      const auto b = static_cast<size_t>(task / heads);
      const int64_t h = task % heads;
      const int64_t first = offsets[b], length = offsets[b + 1] - first;
      const int64_t count = RoundUp16(length);
      auto* scores = static_cast<float*>(
          ThreadScratch(2, static_cast<size_t>(kTaskQueries * count) * sizeof(float)));
      for (int64_t i = 0; i < length; i += kTaskQueries) {
        const int64_t rows = std::min(kTaskQueries, length - i);
        kernels.multiply_float(kFloatF32, q.row(first + i) + h * q.stride[1], q.stride[0], rows,
                               k.row(first) + h * k.stride[1],
                               k.stride[0] * static_cast<int64_t>(sizeof(float)), length, width,
                               nullptr, scores, count);
        float* to = out.row(first + i) + h * out.stride[1];
        for (int64_t r = 0; r < rows; ++r) {
          const float inverse = kernels.softmax(scores + r * count, count, 0, length, scale, 0);
          kernels.scale(inverse, count, scores + r * count);
          std::fill_n(to + r * out.stride[0], width, 0.0f);
        }
        kernels.weigh_values(kFloatF32, scores, count, rows, v.row(first) + h * v.stride[1],
                             v.stride[0] * static_cast<int64_t>(sizeof(float)), length, width, to,
                             out.stride[0]);
      }
    }
  });
  return OkStatus();
}

}  // namespace footnote::kernels
