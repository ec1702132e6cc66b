// Rows of embedding tables: alone, or summed and normalised as a BERT begins.
#include <cuda_runtime.h>

#include "kernels/cuda/elementwise.h"
#include "kernels/cuda/norm_work.h"
#include "kernels/cuda/overlap.h"

namespace footnote::kernels::cuda {
namespace {

constexpr int kThreads = 256;

// A thread for each run of 4 of the output.
template <bool kVector, typename T>
__global__ void __launch_bounds__(kThreads)
    EmbedKernel(const T* table, int64_t table_rows, const int32_t* ids, float scale, bool add,
                float* out, int64_t out_stride, int64_t rows, int columns, int runs) {
  WaitForEarlierWork();
  LetLaterWorkBegin();
  const int64_t index = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  const int64_t row = index / runs;
  if (row >= rows) return;
  const int k = static_cast<int>(index - row * runs) * 4;
  const int64_t id = ids == nullptr ? 0 : ids[row];
  float4 v = make_float4(0, 0, 0, 0);
  if (id >= 0 && id < table_rows) {
    v = Scaled(LoadRun<kVector>(table + id * columns, k, columns), scale);
  }
  float* to = out + row * out_stride;
  if (add) v = Sum(LoadRun<kVector>(to, k, columns), v);
  StoreRun<kVector>(to, k, columns, v);
}

template <typename T>
int Embed(const GpuWeight& table, const int32_t* ids, float scale, bool add, const GpuMatrix& out,
          const LaunchOn& on) {
  const int64_t runs = (out.columns + 3) / 4;
  const int64_t blocks = (out.rows * runs + kThreads - 1) / kThreads;
  if (blocks > 0x7fffffff) return cudaErrorInvalidValue;
  const bool vector = InRunsOf(out, 4) && Aligned(table.data, 4 * sizeof(T));
  const auto kernel = vector ? EmbedKernel<true, T> : EmbedKernel<false, T>;
  return Launch(kernel, static_cast<unsigned>(blocks), kThreads, 0, on,
                static_cast<const T*>(table.data), table.rows, ids, scale, add,
                static_cast<float*>(out.data), out.stride, out.rows, static_cast<int>(out.columns),
                static_cast<int>(runs));
}

// One of the three tables; data null: nothing.
template <typename T>
struct Table {
  const T* data;
  int64_t rows;
  const int32_t* ids;  // null: row 0
};

// v += the row that belongs to `row`.
template <bool kVector, int kRuns, typename T>
__device__ __forceinline__ void AddRow(const Table<T>& table, int64_t row, int first, int columns,
                                       float4 (&v)[kRuns]) {
  if (table.data == nullptr) return;
  const int64_t id = table.ids == nullptr ? 0 : table.ids[row];
  if (id < 0 || id >= table.rows) return;
#pragma unroll
  for (int r = 0; r < kRuns; ++r) {
    v[r] = Sum(v[r], LoadRun<kVector>(table.data + id * columns, first + r * 128, columns));
  }
}

template <int kRuns, bool kVector, typename T>
__global__ void __launch_bounds__(kWarpNormThreads, 3)  // 80 registers: fewer spill
    EmbedSumNormKernel(Table<T> tokens, Table<T> types, Table<T> positions, int64_t rows,
                       NormWork work) {
  WaitForEarlierWork();
  LetLaterWorkBegin();
  const int64_t row = static_cast<int64_t>(blockIdx.x) * (kWarpNormThreads / 32) + threadIdx.x / 32;
  if (row >= rows) return;  // whole warps
  const int first = threadIdx.x % 32 * 4;
  float4 v[kRuns] = {};
  AddRow<kVector>(tokens, row, first, work.columns, v);
  AddRow<kVector>(types, row, first, work.columns, v);
  AddRow<kVector>(positions, row, first, work.columns, v);
  NormaliseAndStore<kVector>(v, first, 128, work, row, WarpSum());
}

template <typename T>
int EmbedSumNorm(const EmbedSumNormWork& work, const CheckedNorm& checked, const LaunchOn& on) {
  const auto table = [](const GpuWeight& w, const int32_t* ids) {
    return Table<T>{static_cast<const T*>(w.data), w.rows, ids};
  };
  constexpr int64_t kRows = kWarpNormThreads / 32;
  const int64_t blocks = (work.rows + kRows - 1) / kRows;
  if (blocks > 0x7fffffff) return cudaErrorInvalidValue;
  bool vector = checked.vector;
  for (const GpuWeight* w : {&work.tokens, &work.types, &work.positions}) {
    vector = vector && Aligned(w->data, 4 * sizeof(T));
  }
  const auto launch = [&](auto kernel) {
    return Launch(kernel, static_cast<unsigned>(blocks), kWarpNormThreads, 0, on,
                  table(work.tokens, work.token_ids), table(work.types, work.type_ids),
                  table(work.positions, work.position_ids), work.rows, checked.work);
  };
  const int64_t columns = work.tokens.columns;
  if (!vector) return launch(EmbedSumNormKernel<8, false, T>);
  if (columns <= 128) return launch(EmbedSumNormKernel<1, true, T>);
  if (columns <= 384) return launch(EmbedSumNormKernel<3, true, T>);
  if (columns <= 768) return launch(EmbedSumNormKernel<6, true, T>);
  return launch(EmbedSumNormKernel<8, true, T>);
}

}  // namespace

int LaunchEmbedPlain(const GpuWeight& table, const int32_t* ids, float scale, bool add,
                     GpuMatrix out, void* stream) {
  if (!IsMatrix(out, DType::kF32) || !table || table.rows < 1 || table.columns != out.columns ||
      out.columns > 0x7ffffff0) {
    return cudaErrorInvalidValue;
  }
  if (out.rows == 0) return cudaSuccess;
  const auto on = OnStream(stream);
  switch (table.dtype) {
    case DType::kF32:
      return Embed<float>(table, ids, scale, add, out, on);
    case DType::kF16:
      return Embed<__half>(table, ids, scale, add, out, on);
    case DType::kBF16:
      return Embed<__nv_bfloat16>(table, ids, scale, add, out, on);
    default:
      return cudaErrorInvalidValue;
  }
}

int LaunchEmbedSumNorm(const EmbedSumNormWork& work, void* stream) {
  const int64_t columns = work.tokens.columns;
  if (!work.tokens || work.token_ids == nullptr || work.rows < 0 || columns < 1 ||
      columns > kWarpNormColumns || (work.positions && work.position_ids == nullptr)) {
    return cudaErrorInvalidValue;
  }
  for (const GpuWeight* w : {&work.types, &work.positions}) {
    if (*w && (w->dtype != work.tokens.dtype || w->columns != columns)) {
      return cudaErrorInvalidValue;
    }
  }
  const CheckedNorm checked = CheckNorm(work.norm, work.rows, columns, work.out, work.rounded);
  if (!checked.valid) return cudaErrorInvalidValue;
  if (work.rows == 0) return cudaSuccess;
  const auto on = OnStream(stream);
  switch (work.tokens.dtype) {
    case DType::kF32:
      return EmbedSumNorm<float>(work, checked, on);
    case DType::kF16:
      return EmbedSumNorm<__half>(work, checked, on);
    case DType::kBF16:
      return EmbedSumNorm<__nv_bfloat16>(work, checked, on);
    default:
      return cudaErrorInvalidValue;
  }
}

}  // namespace footnote::kernels::cuda
