// KvWrite, AttentionPaged, AttentionPacked.
//
// Positions are taken in blocks of kBlockPositions, counted from the sequence's start: for each
// query, scores against a block's keys, their softmax and the weighted sum of its values; then
// blocks are joined in order. A query's numbers depend on its own row and keys only and go in one
// order, so a task may hold any queries, and any thread any block: the bits are the same.
#include <algorithm>
#include <utility>
#include <vector>

#include "kernels/cpu/check.h"
#include "kernels/cpu/kernel_table.h"
#include "kernels/cpu/panel_format.h"
#include "kernels/cpu/thread_scratch.h"
#include "kernels/ops.h"

namespace footnote::kernels {
namespace {

// Queries per task: enough to use each key and value that is loaded several times.
constexpr int64_t kTaskQueries = 24;
constexpr int64_t kBfloatTaskQueries = 32;
constexpr int64_t kBlockPositions = 256;
constexpr int64_t kBlockPages = kBlockPositions / kPageTokens;
// Tasks up to which blocks are spread over threads instead.
constexpr int64_t kFewTasks = 32;
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

FloatFormat FormatOf(const KvLayer& layer) {
  return layer.dtype == DType::kF16 ? kFloatF16 : kFloatF32;
}

// First position that a query at `position` sees.
int64_t VisibleFrom(const AttentionParams& params, int64_t position) {
  return params.window > 0 ? std::max<int64_t>(0, position - params.window + 1) : 0;
}

// The softmax-weighted sums of some queries, or of a part of what they see.
struct Sums {
  float* largest;  // [queries]
  float* total;    // [queries], of exponentials
  float* values;   // [queries, D]

  static int64_t Floats(int64_t queries, int64_t width) { return queries * (width + 2); }
  static Sums At(float* memory, int64_t queries, int64_t width) {
    return {memory + queries * width, memory + queries * (width + 1), memory};
  }
};

// Queries [first, first + rows) of a sequence, for all query heads that share one KV head.
struct PagedTask {
  const KvSequence* sequence;
  int64_t kv_head;
  int64_t first;
  int64_t rows;

  int64_t position() const { return sequence->first_position + first; }
  int64_t batch_row() const { return sequence->first_row + first; }
};

struct PagedCall {
  const CpuKernels* kernels;
  ConstHeads q;
  const KvLayer* layer;
  AttentionParams params;
  Heads out;

  int64_t group() const { return q.shape[1] / layer->kv_heads; }
  int64_t width() const { return layer->head_width; }
  int64_t first_block(const PagedTask& task) const {
    return VisibleFrom(params, task.position()) / kBlockPositions;
  }
  int64_t end_block(const PagedTask& task) const {
    return (task.position() + task.rows - 1) / kBlockPositions + 1;
  }
};

// Row r of the gathered queries is row r / group of the task, head r % group of the group.
void GatherQueries(const PagedCall& call, const PagedTask& task, float* to) {
  const int64_t group = call.group();
  for (int64_t r = 0; r < task.rows * group; ++r) {
    const float* from = call.q.row(task.batch_row() + r / group) +
                        (task.kv_head * group + r % group) * call.q.stride[1];
    std::copy_n(from, call.width(), to + r * call.width());
  }
}

// One block's part for all queries of a task. A query that sees nothing of it gets a total of 0.
void RunBlock(const PagedCall& call, const PagedTask& task, int64_t block, const float* queries,
              float* scores, const Sums& sums) {
  const CpuKernels& kernels = *call.kernels;
  const KvLayer& layer = *call.layer;
  const int64_t group = call.group(), width = call.width();
  const FloatFormat format = FormatOf(layer);
  const int64_t element_bytes = layer.dtype == DType::kF16 ? 2 : 4;
  const int64_t seen_from =
      std::max(VisibleFrom(call.params, task.position()), block * kBlockPositions) / kPageTokens *
      kPageTokens;
  const int64_t seen_to = std::min((block + 1) * kBlockPositions, task.position() + task.rows);
  const void* keys[kBlockPages];
  const void* values[kBlockPages];
  int64_t pages = 0;
  for (int64_t j = seen_from; j < seen_to; j += kPageTokens, ++pages) {
    const int32_t page = task.sequence->pages[static_cast<size_t>(j / kPageTokens)];
    const int64_t offset = layer.block(page, task.kv_head) * element_bytes;
    keys[pages] = static_cast<const std::byte*>(layer.keys) + offset;
    values[pages] = static_cast<const std::byte*>(layer.values) + offset;
  }
  // Columns of scores count from seen_from.
  kernels.score_pages(format, queries, width, task.rows * group, {keys, pages}, width, scores,
                      kBlockPositions);
  const auto visible = [&](int64_t row) {
    const int64_t position = task.position() + row;
    const int64_t from = std::max(VisibleFrom(call.params, position), seen_from) - seen_from;
    const int64_t to = std::min(position + 1, seen_to) - seen_from;
    return std::pair(std::min(from, to), to);
  };
  int64_t all_from = 0, all_to = pages * kPageTokens;  // what every row sees
  for (int64_t row = 0; row < task.rows; ++row) {
    const auto [from, to] = visible(row);
    all_from = std::max(all_from, from);
    all_to = std::min(all_to, to);
    for (int64_t r = row * group; r < (row + 1) * group; ++r) {
      if (from >= to) {
        sums.total[r] = 0;
        continue;
      }
      kernels.softmax(scores + r * kBlockPositions, pages * kPageTokens, from, to,
                      call.params.scale, call.params.softcap, sums.largest + r, sums.total + r);
    }
  }
  std::fill_n(sums.values, task.rows * group * width, 0.0f);
  // What every row sees is weighed for all together; the rest row by row, so that no query reads a
  // value it may not see.
  if (all_from >= all_to) all_from = all_to = 0;
  const auto weigh = [&](int64_t row, int64_t rows, int64_t from, int64_t to) {
    if (from >= to) return;
    kernels.weigh_pages(format, scores + row * group * kBlockPositions, kBlockPositions,
                        rows * group, {values, pages}, width, from, to, width,
                        sums.values + row * group * width, width);
  };
  for (int64_t row = 0; row < task.rows && all_from > 0; ++row) {
    weigh(row, 1, visible(row).first, all_from);
  }
  weigh(0, task.rows, all_from, all_to);
  for (int64_t row = 0; row < task.rows; ++row) {
    const auto [from, to] = visible(row);
    weigh(row, 1, std::max(from, all_to), to);
  }
}

void WriteResult(const PagedCall& call, const PagedTask& task, const Sums& sums) {
  const int64_t group = call.group(), width = call.width();
  for (int64_t r = 0; r < task.rows * group; ++r) {
    float* to = call.out.row(task.batch_row() + r / group) +
                (task.kv_head * group + r % group) * call.out.stride[1];
    std::copy_n(sums.values + r * width, width, to);
    call.kernels->scale(1.0f / sums.total[r], width, to);
  }
}

// Adds a later block's part.
void Join(const PagedCall& call, int64_t queries, const Sums& part, const Sums& sums) {
  const int64_t width = call.width();
  for (int64_t r = 0; r < queries; ++r) {
    if (part.total[r] == 0) continue;
    if (sums.total[r] == 0) {
      sums.largest[r] = part.largest[r];
      sums.total[r] = part.total[r];
      std::copy_n(part.values + r * width, width, sums.values + r * width);
    } else {
      call.kernels->merge(width, sums.largest + r, sums.total + r, sums.values + r * width,
                          part.largest[r], part.total[r], part.values + r * width);
    }
  }
}

// Scratch of one task: gathered queries, scores of a block, and two sets of sums.
struct TaskMemory {
  float* queries;
  float* scores;
  Sums sums[2];

  static TaskMemory Get(int64_t queries, int64_t width) {
    const int64_t floats = Sums::Floats(queries, width);
    auto* memory = static_cast<float*>(ThreadScratch(
        0, static_cast<size_t>(queries * (width + kBlockPositions) + 2 * floats) * sizeof(float)));
    float* at = memory + queries * (width + kBlockPositions);
    return {memory + queries * kBlockPositions,
            memory,
            {Sums::At(at, queries, width), Sums::At(at + floats, queries, width)}};
  }
};

// A task's blocks one after the other.
void RunPaged(const PagedCall& call, const PagedTask& task) {
  const int64_t queries = task.rows * call.group();
  const TaskMemory memory = TaskMemory::Get(queries, call.width());
  GatherQueries(call, task, memory.queries);
  const int64_t first = call.first_block(task);
  RunBlock(call, task, first, memory.queries, memory.scores, memory.sums[0]);
  for (int64_t block = first + 1; block < call.end_block(task); ++block) {
    RunBlock(call, task, block, memory.queries, memory.scores, memory.sums[1]);
    Join(call, queries, memory.sums[1], memory.sums[0]);
  }
  WriteResult(call, task, memory.sums[0]);
}

// Few tasks with long pasts (decoding): their blocks are spread over threads, then joined.
void RunPagedByBlocks(Context& ctx, const PagedCall& call, const std::vector<PagedTask>& tasks) {
  struct Part {
    const PagedTask* task;
    int64_t block;
    Sums sums;
  };
  std::vector<Part> parts;
  int64_t floats = 0;
  for (const PagedTask& task : tasks) {
    for (int64_t b = call.first_block(task); b < call.end_block(task); ++b) {
      parts.push_back({&task, b, {}});
      floats += Sums::Floats(task.rows * call.group(), call.width());
    }
  }
  auto* memory = static_cast<float*>(ctx.Scratch(1, static_cast<size_t>(floats) * sizeof(float)));
  for (Part& part : parts) {
    const int64_t queries = part.task->rows * call.group();
    part.sums = Sums::At(memory, queries, call.width());
    memory += Sums::Floats(queries, call.width());
  }
  ctx.ParallelFor(static_cast<int64_t>(parts.size()), 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const Part& part = parts[static_cast<size_t>(i)];
      const TaskMemory own = TaskMemory::Get(part.task->rows * call.group(), call.width());
      GatherQueries(call, *part.task, own.queries);
      RunBlock(call, *part.task, part.block, own.queries, own.scores, part.sums);
    }
  });
  for (size_t i = 0; i < parts.size();) {
    const Part& first = parts[i];
    for (++i; i < parts.size() && parts[i].task == first.task; ++i) {
      Join(call, first.task->rows * call.group(), parts[i].sums, first.sums);
    }
    WriteResult(call, *first.task, first.sums);
  }
}

// Head h of the sequence of `length` rows from `first` on. All positions are one block.
void RunPacked(const CpuKernels& kernels, ConstHeads q, ConstHeads k, ConstHeads v, int64_t first,
               int64_t length, int64_t h, float scale, Heads out) {
  const int64_t width = q.shape[2];
  const int64_t count = RoundUp16(length), pages = count / kPageTokens;
  const int64_t page_floats = kPageTokens * width;
  auto* turned = static_cast<float*>(
      ThreadScratch(0, static_cast<size_t>(pages * page_floats) * sizeof(float)));
  auto* scores = static_cast<float*>(
      ThreadScratch(1, static_cast<size_t>(kTaskQueries * count) * sizeof(float)));
  auto* starts =
      static_cast<const void**>(ThreadScratch(2, static_cast<size_t>(2 * pages) * sizeof(void*)));
  for (int64_t p = 0; p < pages; ++p) {
    const int64_t row = first + p * kPageTokens;
    const int64_t rows = std::min(kPageTokens, length - p * kPageTokens);
    float* page = turned + p * page_floats;
    if (rows < kPageTokens) std::fill_n(page, page_floats, 0.0f);
    kernels.store_keys(kFloatF32, k.row(row) + h * k.stride[1], k.stride[0], rows, width, 0, page);
    starts[p] = page;
    starts[pages + p] = v.row(row) + h * v.stride[1];
  }
  for (int64_t i = 0; i < length; i += kTaskQueries) {
    const int64_t rows = std::min(kTaskQueries, length - i);
    kernels.score_pages(kFloatF32, q.row(first + i) + h * q.stride[1], q.stride[0], rows,
                        {starts, pages}, width, scores, count);
    float* to = out.row(first + i) + h * out.stride[1];
    float totals[kTaskQueries];
    for (int64_t r = 0; r < rows; ++r) {
      float largest;
      kernels.softmax(scores + r * count, count, 0, length, scale, 0, &largest, totals + r);
      std::fill_n(to + r * out.stride[0], width, 0.0f);
    }
    kernels.weigh_pages(kFloatF32, scores, count, rows, {starts + pages, pages}, v.stride[0], 0,
                        length, width, to, out.stride[0]);
    for (int64_t r = 0; r < rows; ++r) {
      kernels.scale(1.0f / totals[r], width, to + r * out.stride[0]);
    }
  }
}

// The same with queries, keys, values and weights rounded to bfloat16: two products in a lane at a
// time. Keys are a matrix [positions, D] of which each query is a row of x, values one of
// [D, positions].
void RunPackedBfloats(const CpuKernels& kernels, ConstHeads q, ConstHeads k, ConstHeads v,
                      int64_t first, int64_t length, int64_t h, float scale, Heads out) {
  const int64_t width = q.shape[2], lanes = kernels.panel_rows;
  const int64_t even_width = width + width % 2, even_length = length + length % 2;
  const int64_t key_panels = PanelCount(length, kernels), value_panels = PanelCount(width, kernels);
  const int64_t count = key_panels * lanes;  // positions, filled up
  const int64_t key_bytes = key_panels * lanes * even_width * 2;
  const int64_t value_bytes = value_panels * lanes * even_length * 2;
  auto* panels =
      static_cast<uint8_t*>(ThreadScratch(0, static_cast<size_t>(key_bytes + value_bytes)));
  // Queries and keys, rounded; what lies beyond the last key is multiplied, too, and not used.
  auto* rounded = static_cast<uint8_t*>(
      ThreadScratch(2, static_cast<size_t>((length + count) * even_width * 2)));
  uint8_t* keys = rounded + length * even_width * 2;
  kernels.round_bfloats(q.row(first) + h * q.stride[1], q.stride[0], length, width, rounded);
  kernels.round_bfloats(k.row(first) + h * k.stride[1], k.stride[0], length, width, keys);
  std::fill_n(keys + length * even_width * 2, (count - length) * even_width * 2, uint8_t{0});
  for (int64_t p = 0; p < key_panels; ++p) {
    kernels.pack[kPanelBf16](keys + p * lanes * even_width * 2, even_width * 2, even_width,
                             panels + p * lanes * even_width * 2, nullptr);
  }
  kernels.pair_values(v.row(first) + h * v.stride[1], v.stride[0], length, width,
                      panels + key_bytes);
  auto* scores = static_cast<float*>(
      ThreadScratch(1, static_cast<size_t>(kBfloatTaskQueries * (count * 4 + even_length * 2))));
  auto* weights = reinterpret_cast<uint8_t*>(scores + kBfloatTaskQueries * count);
  for (int64_t i = 0; i < length; i += kBfloatTaskQueries) {
    const int64_t rows = std::min(kBfloatTaskQueries, length - i);
    kernels.multiply_bfloats(rounded + i * even_width * 2, rows, panels, length, width,
                             {nullptr, scores, count, false, kNoActivation});
    float totals[kBfloatTaskQueries];
    for (int64_t r = 0; r < rows; ++r) {
      kernels.softmax_bfloats(scores + r * count, length, scale, weights + r * even_length * 2,
                              totals + r);
    }
    float* to = out.row(first + i) + h * out.stride[1];
    kernels.multiply_bfloats(weights, rows, panels + key_bytes, width, length,
                             {nullptr, to, out.stride[0], false, kNoActivation});
    for (int64_t r = 0; r < rows; ++r) {
      kernels.scale(1.0f / totals[r], width, to + r * out.stride[0]);
    }
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
  const FloatFormat format = FormatOf(layer);
  const int64_t element_bytes = layer.dtype == DType::kF16 ? 2 : 4;
  for (const KvSequence& sequence : sequences) {
    if (sequence.rows == 0) continue;
    // Page by page: no two threads write the same one.
    const int64_t first_page = sequence.first_position / kPageTokens;
    const int64_t end = sequence.first_position + sequence.rows;
    const int64_t pages = (end - 1) / kPageTokens + 1 - first_page;
    const int64_t grain = RowGrain(2 * layer.kv_heads * layer.head_width * kPageTokens);
    ctx.ParallelFor(pages, grain, [&](int64_t begin_page, int64_t end_page) {
      for (int64_t p = begin_page; p < end_page; ++p) {
        const int64_t page_start = (first_page + p) * kPageTokens;
        const int64_t from = std::max(page_start, sequence.first_position);
        const int64_t count = std::min(page_start + kPageTokens, end) - from;
        const int64_t t = sequence.first_row + from - sequence.first_position;
        const int32_t page = sequence.pages[static_cast<size_t>(first_page + p)];
        for (int64_t h = 0; h < layer.kv_heads; ++h) {
          const int64_t offset = layer.block(page, h) * element_bytes;
          kernels.store_keys(format, keys.row(t) + h * keys.stride[1], keys.stride[0], count,
                             layer.head_width, from - page_start,
                             static_cast<std::byte*>(layer.keys) + offset);
          kernels.store_values(format, values.row(t) + h * values.stride[1], values.stride[0],
                               count, layer.head_width, from - page_start,
                               static_cast<std::byte*>(layer.values) + offset);
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

  const PagedCall call{&ctx.kernels(), q, &layer, params, out};
  const int64_t task_rows = std::max<int64_t>(1, kTaskQueries / call.group());
  std::vector<PagedTask> tasks;
  int64_t products = 0;
  bool long_past = false;
  for (const KvSequence& sequence : sequences) {
    // Longest rows first: threads that finish early find short work left.
    for (int64_t first = (sequence.rows - 1) / task_rows * task_rows; first >= 0;
         first -= task_rows) {
      const int64_t rows = std::min(task_rows, sequence.rows - first);
      if (rows <= 0) break;
      for (int64_t h = 0; h < layer.kv_heads; ++h) tasks.push_back({&sequence, h, first, rows});
      products += rows * q.shape[1] * layer.head_width * (sequence.first_position + first + rows);
      long_past = long_past || call.end_block(tasks.back()) > call.first_block(tasks.back()) + 1;
    }
  }
  const auto count = static_cast<int64_t>(tasks.size());
  if (long_past && count <= kFewTasks) {
    RunPagedByBlocks(ctx, call, tasks);
    return OkStatus();
  }
  ctx.ParallelFor(count, products < kSerialProducts ? count : 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) RunPaged(call, tasks[static_cast<size_t>(i)]);
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
  const int64_t heads = q.shape[1];
  const auto sequences = static_cast<int64_t>(offsets.size()) - 1;
  const bool rounds = ctx.precision() == Precision::kInt8 || ctx.precision() == Precision::kBf16;
  const auto run =
      rounds && ctx.kernels().softmax_bfloats != nullptr ? RunPackedBfloats : RunPacked;
  ctx.ParallelFor(sequences * heads, 1, [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; ++task) {
      const auto b = static_cast<size_t>(task / heads);
      run(ctx.kernels(), q, k, v, offsets[b], offsets[b + 1] - offsets[b], task % heads, scale,
          out);
    }
  });
  return OkStatus();
}

}  // namespace footnote::kernels
