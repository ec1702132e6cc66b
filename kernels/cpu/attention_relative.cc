// AttentionRelative: scores as in AttentionPacked (attention.cc), then what depends on how far
// query and key are apart is added to them, and the window cuts their rows.
//
// Products with the tables' rows are taken for all rows that occur in a sequence; from them each
// pair of query and key picks its own. A query's numbers go in one order, whatever tile it is in.
#include <algorithm>
#include <vector>

#include "kernels/cpu/check.h"
#include "kernels/cpu/kernel_table.h"
#include "kernels/cpu/thread_scratch.h"
#include "kernels/kv_pages.h"
#include "kernels/ops.h"

namespace footnote::kernels {
namespace {

constexpr std::string_view kName = "AttentionRelative";
constexpr int64_t kTaskQueries = 24;

int64_t RoundUp16(int64_t count) { return (count + 15) / 16 * 16; }

struct Call {
  const CpuKernels* kernels;
  ConstHeads q, k, v;
  std::span<const int32_t> positions;
  RelativeAttentionParams params;
  Heads out;
};

// Rows of the tables that pairs of a sequence use, [first, first + count), and which one a
// difference of positions does.
struct TableRows {
  int64_t first = 0, count = 0;  // count is a multiple of 16
  const int32_t* of_difference = nullptr;

  static TableRows Of(const RelativeScores& scores, int64_t most_apart) {
    const auto middle = static_cast<int64_t>(scores.rows.size() / 2);
    const auto used = scores.rows.subspan(static_cast<size_t>(middle - most_apart),
                                          static_cast<size_t>(2 * most_apart + 1));
    const auto [least, largest] = std::ranges::minmax(used);
    return {least, RoundUp16(largest - least + 1), scores.rows.data() + middle};
  }
};

// Rows [first, first + rows) of head h as pages that scores are taken against.
void StorePages(const CpuKernels& kernels, ConstHeads from, int64_t h, int64_t first, int64_t rows,
                float* to, const void** starts) {
  const int64_t width = from.shape[2];
  for (int64_t begin = 0; begin < rows; begin += kPageTokens) {
    const int64_t count = std::min(kPageTokens, rows - begin);
    if (count < kPageTokens) std::fill_n(to, kPageTokens * width, 0.0f);
    kernels.store_keys(kFloatF32, from.row(first + begin) + h * from.stride[1], from.stride[0],
                       count, width, 0, to);
    *starts++ = to;
    to += kPageTokens * width;
  }
}

// One head of one sequence.
class Task {
 public:
  Task(const Call& call, int64_t first, int64_t length, int64_t h)
      : call_(call), first_(first), length_(length), h_(h), count_(RoundUp16(length)) {
    if (call.params.scores == nullptr) return;
    const int32_t* p = call.positions.data() + first;
    rows_ = TableRows::Of(*call.params.scores, p[length - 1] - p[0]);
  }

  void Run();

 private:
  // rows x dot products of `x`'s rows with the used rows of `table`, to[r * rows_.count + row].
  void TimesTable(ConstHeads x, int64_t first, int64_t rows, ConstHeads table, float* to);
  // Adds the tables' part to scores of queries [i, i + rows) and keys [from, to).
  void AddRelative(int64_t i, int64_t rows, int64_t from, int64_t to);

  const Call& call_;
  const int64_t first_, length_, h_, count_;
  TableRows rows_;
  float* scores_ = nullptr;        // [kTaskQueries, count]
  float* table_pages_ = nullptr;   // [rows_.count, width]
  float* of_queries_ = nullptr;    // [kTaskQueries, rows_.count], products with keys' table
  float* of_keys_ = nullptr;       // [length, rows_.count], products with queries' table
  const void** starts_ = nullptr;  // of pages: keys, values, a table's
};

void Task::TimesTable(ConstHeads x, int64_t first, int64_t rows, ConstHeads table, float* to) {
  const void** pages = starts_ + 2 * count_ / kPageTokens;
  const int64_t stored = std::min(rows_.count, table.shape[0] - rows_.first);
  StorePages(*call_.kernels, table, h_, rows_.first, stored, table_pages_, pages);
  call_.kernels->score_pages(kFloatF32, x.row(first) + h_ * x.stride[1], x.stride[0], rows,
                             {pages, (stored + kPageTokens - 1) / kPageTokens}, x.shape[2], to,
                             rows_.count);
}

void Task::AddRelative(int64_t i, int64_t rows, int64_t from, int64_t to) {
  const RelativeScores& relative = *call_.params.scores;
  const int32_t* p = call_.positions.data() + first_;
  const bool biased = relative.bias.data != nullptr;
  for (int64_t j = from; j < to; ++j) {
    const float* of_key = of_keys_ == nullptr ? nullptr : of_keys_ + j * rows_.count;
    for (int64_t r = 0; r < rows; ++r) {
      const int64_t table_row = rows_.of_difference[p[i + r] - p[j]];
      const int64_t row = table_row - rows_.first;
      float& score = scores_[r * count_ + j];
      if (of_queries_ != nullptr) score += of_queries_[r * rows_.count + row];
      if (of_key != nullptr) score += of_key[row];
      if (biased) score = score * call_.params.scale + relative.bias.row(table_row)[h_];
    }
  }
}

void Task::Run() {
  const CpuKernels& kernels = *call_.kernels;
  const RelativeScores* relative = call_.params.scores;
  const int64_t width = call_.q.shape[2], pages = count_ / kPageTokens;
  const bool keys = relative != nullptr && relative->keys.data != nullptr;
  const bool queries = relative != nullptr && relative->queries.data != nullptr;
  const bool biased = relative != nullptr && relative->bias.data != nullptr;
  const int64_t table_floats = keys || queries ? rows_.count * width : 0;
  auto* memory = static_cast<float*>(
      ThreadScratch(0, static_cast<size_t>(count_ * width + kTaskQueries * count_ + table_floats +
                                           (keys ? kTaskQueries * rows_.count : 0) +
                                           (queries ? length_ * rows_.count : 0)) *
                           sizeof(float)));
  starts_ = static_cast<const void**>(
      ThreadScratch(1, static_cast<size_t>(2 * pages + rows_.count / kPageTokens) * sizeof(void*)));
  float* turned = memory;
  scores_ = turned + count_ * width;
  table_pages_ = scores_ + kTaskQueries * count_;
  float* rest = table_pages_ + table_floats;
  if (keys) of_queries_ = rest;
  if (queries) of_keys_ = rest + (keys ? kTaskQueries * rows_.count : 0);

  StorePages(kernels, call_.k, h_, first_, length_, turned, starts_);
  for (int64_t p = 0; p < pages; ++p) {
    starts_[pages + p] = call_.v.row(first_ + p * kPageTokens) + h_ * call_.v.stride[1];
  }
  if (queries) TimesTable(call_.k, first_, length_, relative->queries, of_keys_);
  const void** key_table_pages = starts_ + 2 * pages;
  int64_t stored = 0;
  if (keys) {
    stored = std::min(rows_.count, relative->keys.shape[0] - rows_.first);
    StorePages(kernels, relative->keys, h_, rows_.first, stored, table_pages_, key_table_pages);
  }
  const int32_t* p = call_.positions.data() + first_;
  const int64_t window = call_.params.window;
  int64_t from[kTaskQueries], to[kTaskQueries];
  int64_t next_from = 0, next_to = 0;  // both only rise from query to query
  for (int64_t i = 0; i < length_; i += kTaskQueries) {
    const int64_t rows = std::min(kTaskQueries, length_ - i);
    for (int64_t r = 0; r < rows; ++r) {
      while (window >= 0 && p[i + r] - p[next_from] > window) ++next_from;
      while (next_to < length_ && (window < 0 || p[next_to] - p[i + r] <= window)) ++next_to;
      from[r] = next_from;
      to[r] = next_to;
    }
    // What any of these queries sees, from the start of a page.
    const int64_t begin = from[0] / kPageTokens * kPageTokens, end = to[rows - 1];
    const int64_t seen_pages = (end - begin + kPageTokens - 1) / kPageTokens;
    const float* q = call_.q.row(first_ + i) + h_ * call_.q.stride[1];
    kernels.score_pages(kFloatF32, q, call_.q.stride[0], rows,
                        {starts_ + begin / kPageTokens, seen_pages}, width, scores_ + begin,
                        count_);
    if (keys) {
      kernels.score_pages(kFloatF32, q, call_.q.stride[0], rows,
                          {key_table_pages, (stored + kPageTokens - 1) / kPageTokens}, width,
                          of_queries_, rows_.count);
    }
    if (relative != nullptr) AddRelative(i, rows, from[0], end);
    float* result = call_.out.row(first_ + i) + h_ * call_.out.stride[1];
    float totals[kTaskQueries];
    for (int64_t r = 0; r < rows; ++r) {
      float largest;
      kernels.softmax(scores_ + r * count_ + begin, seen_pages * kPageTokens, from[r] - begin,
                      to[r] - begin, biased ? 1 : call_.params.scale, 0, &largest, totals + r);
      std::fill_n(result + r * call_.out.stride[0], width, 0.0f);
    }
    kernels.weigh_pages(kFloatF32, scores_, count_, rows, {starts_ + pages, pages},
                        call_.v.stride[0], from[0], end, width, result, call_.out.stride[0]);
    for (int64_t r = 0; r < rows; ++r) {
      kernels.scale(1.0f / totals[r], width, result + r * call_.out.stride[0]);
    }
  }
}

Status CheckTable(std::string_view name, ConstHeads table, ConstHeads q) {
  if (table.data == nullptr) return OkStatus();
  FOOTNOTE_RETURN_IF_ERROR(CheckView(kName, name, table));
  if (table.shape[1] == q.shape[1] && table.shape[2] == q.shape[2]) return OkStatus();
  return ShapeError(kName,
                    std::string(name) + " is " + ShapeText(table) + " but q is " + ShapeText(q));
}

// The tables fit q, and each row that differences up to `most_apart` name is in all of them.
Status CheckScores(const RelativeScores& scores, ConstHeads q, int64_t most_apart) {
  FOOTNOTE_RETURN_IF_ERROR(CheckTable("keys", scores.keys, q));
  FOOTNOTE_RETURN_IF_ERROR(CheckTable("queries", scores.queries, q));
  FOOTNOTE_RETURN_IF_ERROR(CheckView(kName, "bias", scores.bias));
  if (scores.bias.data != nullptr && scores.bias.shape[1] != q.shape[1]) {
    return ShapeError(kName, "bias is " + ShapeText(scores.bias) + " but q is " + ShapeText(q));
  }
  if (scores.rows.size() % 2 == 0 || static_cast<int64_t>(scores.rows.size() / 2) < most_apart) {
    return ShapeError(kName, "rows has " + std::to_string(scores.rows.size()) +
                                 " numbers; positions are up to " + std::to_string(most_apart) +
                                 " apart");
  }
  int64_t rows = INT64_MAX;
  if (scores.keys.data != nullptr) rows = std::min(rows, scores.keys.shape[0]);
  if (scores.queries.data != nullptr) rows = std::min(rows, scores.queries.shape[0]);
  if (scores.bias.data != nullptr) rows = std::min(rows, scores.bias.shape[0]);
  const auto used = scores.rows.subspan(scores.rows.size() / 2 - static_cast<size_t>(most_apart),
                                        static_cast<size_t>(2 * most_apart + 1));
  for (const int32_t row : used) {
    if (row < 0 || row >= rows) {
      return ShapeError(
          kName, "row " + std::to_string(row) + " is not in a table of " + std::to_string(rows));
    }
  }
  return OkStatus();
}

}  // namespace

Status AttentionRelative(Context& ctx, ConstHeads q, ConstHeads k, ConstHeads v,
                         std::span<const int64_t> offsets, std::span<const int32_t> positions,
                         const RelativeAttentionParams& params, Heads out) {
  FOOTNOTE_RETURN_IF_ERROR(CheckView(kName, "q", q));
  FOOTNOTE_RETURN_IF_ERROR(CheckView(kName, "k", k));
  FOOTNOTE_RETURN_IF_ERROR(CheckView(kName, "v", v));
  FOOTNOTE_RETURN_IF_ERROR(CheckView(kName, "out", out));
  FOOTNOTE_RETURN_IF_ERROR(CheckSameShape(kName, "k", k, "q", q));
  FOOTNOTE_RETURN_IF_ERROR(CheckSameShape(kName, "v", v, "q", q));
  FOOTNOTE_RETURN_IF_ERROR(CheckSameShape(kName, "out", out, "q", q));
  FOOTNOTE_RETURN_IF_ERROR(CheckLength(kName, "positions", positions.size(), q.shape[0]));
  if (!(params.scale > 0)) return ShapeError(kName, "scale must be > 0");
  if (offsets.empty() || offsets.front() != 0 || offsets.back() != q.shape[0] ||
      !std::ranges::is_sorted(offsets)) {
    return ShapeError(
        kName, "offsets must rise from 0 to the number of rows, " + std::to_string(q.shape[0]));
  }
  int64_t most_apart = 0;
  for (size_t b = 0; b + 1 < offsets.size(); ++b) {
    for (int64_t i = offsets[b] + 1; i < offsets[b + 1]; ++i) {
      const auto at = static_cast<size_t>(i);
      if (positions[at] <= positions[at - 1]) {
        return ShapeError(
            kName, "positions must rise within a sequence; row " + std::to_string(i) + " does not");
      }
    }
    if (offsets[b] == offsets[b + 1]) continue;
    most_apart =
        std::max<int64_t>(most_apart, int64_t{positions[static_cast<size_t>(offsets[b + 1] - 1)]} -
                                          positions[static_cast<size_t>(offsets[b])]);
  }
  if (params.scores != nullptr) {
    FOOTNOTE_RETURN_IF_ERROR(CheckScores(*params.scores, q, most_apart));
  }
  const Call call{&ctx.kernels(), q, k, v, positions, params, out};
  const int64_t heads = q.shape[1];
  const auto sequences = static_cast<int64_t>(offsets.size()) - 1;
  ctx.ParallelFor(sequences * heads, 1, [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; ++task) {
      const auto b = static_cast<size_t>(task / heads);
      if (offsets[b] == offsets[b + 1]) continue;
      Task(call, offsets[b], offsets[b + 1] - offsets[b], task % heads).Run();
    }
  });
  return OkStatus();
}

}  // namespace footnote::kernels
