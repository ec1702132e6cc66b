// Rows of weights as numbers. A thread decodes 16 neighbours of a quantised row (half a group: what
// shares a step in every format), or eight of a plain one.
#include "kernels/cuda/dequantize.h"

#include <cuda_runtime.h>

#include "kernels/cuda/overlap.h"
#include "kernels/cuda/row_output.h"
#include "kernels/cuda/weight_layout.h"

namespace footnote::kernels::cuda {
namespace {

constexpr int kThreads = 256;

struct Work {
  const uint8_t* w;
  int64_t row_bytes, rows;
  int columns;
  int parts;  // of a row
  const int32_t* ids;
  int64_t count;
  float scale;
  bool add;
  GpuMatrix out;
};

// Which row and part of it this thread takes; false: none.
__device__ bool TakePart(const Work& work, int64_t* row, int64_t* i, int* part) {
  const int64_t index = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  *i = index / work.parts;
  *part = static_cast<int>(index % work.parts);
  if (*i >= work.count) return false;
  *row = work.ids == nullptr ? *i : work.ids[*i];
  *row = *row < 0 ? 0 : *row >= work.rows ? work.rows - 1 : *row;
  return true;
}

// Elements at…at + kCount - 1 of the output, of which `inside` exist.
template <int kCount>
__device__ void StoreRun(const Work& work, int64_t at, int inside, float (&v)[kCount]) {
#pragma unroll
  for (int e = 0; e < kCount; ++e) v[e] *= work.scale;
  if (inside < kCount || work.add) {
#pragma unroll
    for (int e = 0; e < kCount; ++e) {
      if (e >= inside) continue;
      if (work.add) v[e] += static_cast<const float*>(work.out.data)[at + e];
      StoreRounded(work.out.data, work.out.dtype, at + e, v[e]);
    }
    return;
  }
  if (work.out.dtype == DType::kF32) {
    auto* to = reinterpret_cast<float4*>(static_cast<float*>(work.out.data) + at);
#pragma unroll
    for (int q = 0; q < kCount / 4; ++q) {
      to[q] = {v[4 * q], v[4 * q + 1], v[4 * q + 2], v[4 * q + 3]};
    }
    return;
  }
  auto* to = reinterpret_cast<uint4*>(static_cast<uint16_t*>(work.out.data) + at);
  const bool half = work.out.dtype == DType::kF16;
#pragma unroll
  for (int q = 0; q < kCount / 8; ++q) {
    uint32_t words[4];
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const float a = v[8 * q + 2 * i], b = v[8 * q + 2 * i + 1];
      words[i] = half ? __half_as_ushort(RoundedHalf(a)) |
                            static_cast<uint32_t>(__half_as_ushort(RoundedHalf(b))) << 16
                      : __bfloat16_as_ushort(__float2bfloat16_rn(a)) |
                            static_cast<uint32_t>(__bfloat16_as_ushort(__float2bfloat16_rn(b)))
                                << 16;
    }
    to[q] = {words[0], words[1], words[2], words[3]};
  }
}

template <typename Layout>
__global__ void __launch_bounds__(kThreads) QuantisedKernel(const __grid_constant__ Work work) {
  WaitForEarlierWork();
  LetLaterWorkBegin();
  int64_t row, i;
  int part;
  if (!TakePart(work, &row, &i, &part)) return;
  const int g = part / 2, half = part % 2;
  const Codes codes =
      Layout::Unpack(Layout::Load(work.w + row * work.row_bytes, work.columns / kGroup, g));
  const float step = half == 0 ? codes.step[0] : codes.step[1];
  const float offset = half == 0 ? codes.offset[0] : codes.offset[1];
  float v[16];
#pragma unroll
  for (int w = 0; w < 4; ++w) {
    const uint32_t word = half == 0 ? codes.low[w] : codes.high[w];
#pragma unroll
    for (int b = 0; b < 4; ++b) {
      const int code = static_cast<int8_t>((word >> (8 * b)) & 255u);
      v[4 * w + b] = fmaf(step, static_cast<float>(code), offset);
    }
  }
  StoreRun<16>(work, i * work.out.stride + g * kGroup + half * 16, 16, v);
}

__global__ void __launch_bounds__(kThreads)
    PlainKernel(const __grid_constant__ Work work, DType dtype) {
  WaitForEarlierWork();
  LetLaterWorkBegin();
  int64_t row, i;
  int part;
  if (!TakePart(work, &row, &i, &part)) return;
  const int begin = 8 * part, inside = min(8, work.columns - begin);
  const int64_t at = row * work.columns + begin;
  float v[8] = {0, 0, 0, 0, 0, 0, 0, 0};
#pragma unroll
  for (int e = 0; e < 8; ++e) {
    if (e >= inside) continue;
    if (dtype == DType::kF32) {
      v[e] = reinterpret_cast<const float*>(work.w)[at + e];
    } else if (dtype == DType::kF16) {
      v[e] = __half2float(reinterpret_cast<const __half*>(work.w)[at + e]);
    } else {
      v[e] = __bfloat162float(reinterpret_cast<const __nv_bfloat16*>(work.w)[at + e]);
    }
  }
  StoreRun<8>(work, i * work.out.stride + begin, inside, v);
}

}  // namespace

int LaunchDequantizeRows(const GpuWeight& w, const int32_t* ids, int64_t count, float scale,
                         bool add, GpuMatrix out, void* stream) {
  const bool quantised = IsQuantised(w.dtype);
  if (!w || w.rows < 1 || w.columns < 1 || w.columns > 0x3fffffff || count < 0 ||
      w.columns % BlockElements(w.dtype) != 0 || (ids == nullptr && count > w.rows) ||
      out.columns != w.columns || out.rows < count || out.stride < out.columns ||
      out.stride % 8 != 0 || reinterpret_cast<uintptr_t>(out.data) % 16 != 0 ||
      IsQuantised(out.dtype) || (add && out.dtype != DType::kF32)) {
    return cudaErrorInvalidValue;
  }
  if (count == 0) return cudaSuccess;
  const int columns = static_cast<int>(w.columns);
  const int parts = quantised ? columns / 16 : (columns + 7) / 8;
  const int64_t blocks = (count * parts + kThreads - 1) / kThreads;
  if (blocks > 0x7fffffff) return cudaErrorInvalidValue;
  const Work work = {static_cast<const uint8_t*>(w.data),
                     LaidRowBytes(w.dtype, w.columns),
                     w.rows,
                     columns,
                     parts,
                     ids,
                     count,
                     scale,
                     add,
                     out};
  const auto grid = static_cast<unsigned>(blocks);
  const auto on = OnStream(stream);
  if (!quantised) return Launch(PlainKernel, grid, kThreads, 0, on, work, w.dtype);
  return WithLayout(w.dtype, static_cast<int>(cudaErrorInvalidValue), [&](auto layout) -> int {
    return Launch(QuantisedKernel<decltype(layout)>, grid, kThreads, 0, on, work);
  });
}

}  // namespace footnote::kernels::cuda
