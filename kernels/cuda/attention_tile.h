// Device code that the attention kernels share: tiles of keys and values to shared memory, scores,
// online softmax, weighted sums, and rows of results. Included by kernels/cuda/attention_*.cu only.
//
// A warp holds kM tiles of 16 rows. Scores are kept as products q · k; probabilities are
// exp2(multiplier * (score - largest)), with log2(e) and the scale inside the multiplier.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <math_constants.h>

#include "kernels/cuda/instructions.h"
#include "kernels/cuda/mma.h"
#include "kernels/gpu_types.h"

namespace footnote::kernels::cuda {

// Host's AttentionParams as kernels want them.
struct Scoring {
  float multiplier;     // of scores, in the exponent of 2
  float softcap;        // 0: none
  float softcap_scale;  // 2 log2(e) scale / softcap
  int window;           // 0: none
};

// softcap * tanh(score * scale / softcap), from tanh x = 1 - 2 / (1 + e^2x): absolute error about
// 1e-7 softcap, unlike the instruction's 5e-4.
__device__ __forceinline__ float Softcapped(float score, const Scoring& scoring) {
  const float power = Exp2(score * scoring.softcap_scale);
  return scoring.softcap - __fdividef(2.0f * scoring.softcap, 1.0f + power);
}

// The warp's number, in a form that the compiler knows to be the same for all lanes.
__device__ __forceinline__ int WarpIndex() {
  return __shfl_sync(0xffffffffu, static_cast<int>(threadIdx.x) / 32, 0);
}

// 16 rows of kD halves to shared memory by one warp, `stride` elements apart (kStride, if that is
// not 0). Rows from `valid` on become zeros, so that what was never written (perhaps NaN) cannot
// reach a sum. `somewhere` is any valid address.
template <int kD, int kStride = 0>
__device__ __forceinline__ void LoadRows16(uint32_t to, const __half* from, int64_t stride,
                                           int valid, const __half* somewhere, int lane) {
  constexpr int kRuns = kD / 8;  // of 16 bytes in a row
  const auto place = [&](int i) {
    return TilePlace{(i * 32 + lane) / kRuns, (i * 32 + lane) % kRuns * 8};
  };
  const auto shared_place = [&](const TilePlace& at) {
    return to + static_cast<uint32_t>(at.row * (kD + kTilePad) + at.column) * 2;
  };
  if (valid >= 16 && kStride == kD) {  // one run of memory: constant distances
    const __half* own = from + lane * 8;
#pragma unroll
    for (int i = 0; i < kD / 16; ++i) CopyAsync16(shared_place(place(i)), own + i * 256);
  } else if (valid >= 16) {
#pragma unroll
    for (int i = 0; i < kD / 16; ++i) {
      const TilePlace at = place(i);
      CopyAsync16(shared_place(at), from + at.row * stride + at.column);
    }
  } else {
#pragma unroll 1  // rare; unrolled it would take registers from the rest
    for (int i = 0; i < kD / 16; ++i) {
      const TilePlace at = place(i);
      const bool exists = at.row < valid;
      CopyAsync16(shared_place(at), exists ? from + at.row * stride + at.column : somewhere,
                  exists);
    }
  }
}

__device__ __forceinline__ uint32_t PackHalves(float low, float high) {
  const __half2 both = __floats2half2_rn(low, high);
  return *reinterpret_cast<const uint32_t*>(&both);
}

template <int kD, int kM>
struct Sums {
  float values[kM][kD / 8][4];  // result tiles of 16 x 8
  float largest[kM][2];         // of rows lane / 4 and lane / 4 + 8
  float weights[kM][2];         // this lane's part of the sum of probabilities

  __device__ __forceinline__ void Clear() {
#pragma unroll
    for (int m = 0; m < kM; ++m) {
#pragma unroll
      for (int n = 0; n < kD / 8; ++n) {
#pragma unroll
        for (int i = 0; i < 4; ++i) values[m][n][i] = 0;
      }
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        largest[m][half] = -CUDART_INF_F;
        weights[m][half] = 0;
      }
    }
  }
  // Adds up the weights of the four lanes that share a row; all of them get the sum.
  __device__ __forceinline__ void FinishWeights() {
#pragma unroll
    for (int m = 0; m < kM; ++m) {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        weights[m][half] += __shfl_xor_sync(0xffffffffu, weights[m][half], 1);
        weights[m][half] += __shfl_xor_sync(0xffffffffu, weights[m][half], 2);
      }
    }
  }
};

// scores += queries · keys, with one k-step's A fragments given.
template <int kD, int kM, int kN>
__device__ __forceinline__ void AddScores(float (&scores)[kM][kN][4], const uint32_t (&a)[kM][4],
                                          uint32_t keys, int step) {
#pragma unroll
  for (int n = 0; n < kN / 2; ++n) {
    uint32_t b[4];
    LoadMatrices(b, keys + static_cast<uint32_t>(n * 16 * (kD + kTilePad) + step * 16) * 2);
#pragma unroll
    for (int m = 0; m < kM; ++m) {
      MultiplyAdd(scores[m][2 * n], a[m], b[0], b[1]);
      MultiplyAdd(scores[m][2 * n + 1], a[m], b[2], b[3]);
    }
  }
}

// -inf where a row must not see a key: behind its position, or at or before position - window.
// position_of(m, half): of row lane / 4 (half 0) or lane / 4 + 8 of tile m.
template <int kM, int kN, typename PositionOf>
__device__ __forceinline__ void MaskScores(float (&scores)[kM][kN][4], int first_key, int window,
                                           int lane, const PositionOf& position_of) {
#pragma unroll
  for (int m = 0; m < kM; ++m) {
#pragma unroll
    for (int n = 0; n < kN; ++n) {
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const int key = first_key + n * 8 + PlaceOfResult(lane, i).column;
        const int position = position_of(m, i / 2);
        const bool seen = key <= position && (window == 0 || key > position - window);
        if (!seen) scores[m][n][i] = -CUDART_INF_F;
      }
    }
  }
}

template <int kM, int kN>
__device__ __forceinline__ void CapScores(float (&scores)[kM][kN][4], const Scoring& scoring) {
#pragma unroll
  for (int m = 0; m < kM; ++m) {
#pragma unroll
    for (int n = 0; n < kN; ++n) {
#pragma unroll
      for (int i = 0; i < 4; ++i) scores[m][n][i] = Softcapped(scores[m][n][i], scoring);
    }
  }
}

// Scores become probabilities relative to the largest score so far; what was summed is rescaled.
template <int kD, int kM, int kN>
__device__ __forceinline__ void SoftmaxStep(Sums<kD, kM>& sums, float (&scores)[kM][kN][4],
                                            float multiplier) {
#pragma unroll
  for (int m = 0; m < kM; ++m) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      float largest = sums.largest[m][half];
#pragma unroll
      for (int n = 0; n < kN; ++n) {
        largest = fmaxf(largest, fmaxf(scores[m][n][2 * half], scores[m][n][2 * half + 1]));
      }
      largest = fmaxf(largest, __shfl_xor_sync(0xffffffffu, largest, 1));
      largest = fmaxf(largest, __shfl_xor_sync(0xffffffffu, largest, 2));
      // Nothing seen yet: any finite base gives zeros instead of -inf - -inf.
      const float base = (largest == -CUDART_INF_F ? 0.0f : largest) * multiplier;
      const float rescale = Exp2(fmaf(sums.largest[m][half], multiplier, -base));
      sums.largest[m][half] = largest;
      float weights = sums.weights[m][half] * rescale;
#pragma unroll
      for (int n = 0; n < kN; ++n) {
#pragma unroll
        for (int i = 2 * half; i < 2 * half + 2; ++i) {
          scores[m][n][i] = Exp2(fmaf(scores[m][n][i], multiplier, -base));
          weights += scores[m][n][i];
        }
      }
      sums.weights[m][half] = weights;
#pragma unroll
      for (int n = 0; n < kD / 8; ++n) {
        sums.values[m][n][2 * half] *= rescale;
        sums.values[m][n][2 * half + 1] *= rescale;
      }
    }
  }
}

// sums += probabilities (rounded to F16) · values.
template <int kD, int kM, int kN>
__device__ __forceinline__ void AddValues(Sums<kD, kM>& sums, const float (&p)[kM][kN][4],
                                          uint32_t values) {
#pragma unroll
  for (int step = 0; step < kN / 2; ++step) {
    uint32_t a[kM][4];
#pragma unroll
    for (int m = 0; m < kM; ++m) {
      // The result tiles of keys 16 step … + 7 and + 8 … + 15 are the halves of A.
      a[m][0] = PackHalves(p[m][2 * step][0], p[m][2 * step][1]);
      a[m][1] = PackHalves(p[m][2 * step][2], p[m][2 * step][3]);
      a[m][2] = PackHalves(p[m][2 * step + 1][0], p[m][2 * step + 1][1]);
      a[m][3] = PackHalves(p[m][2 * step + 1][2], p[m][2 * step + 1][3]);
    }
#pragma unroll
    for (int n = 0; n < kD / 16; ++n) {
      uint32_t b[4];
      LoadMatricesTransposed(
          b, values + static_cast<uint32_t>(step * 16 * (kD + kTilePad) + n * 16) * 2);
#pragma unroll
      for (int m = 0; m < kM; ++m) {
        MultiplyAdd(sums.values[m][2 * n], a[m], b[0], b[1]);
        MultiplyAdd(sums.values[m][2 * n + 1], a[m], b[2], b[3]);
      }
    }
  }
}

__device__ __forceinline__ void Store(float* to, float value) { *to = value; }
__device__ __forceinline__ void Store(__half* to, float value) { *to = __float2half_rn(value); }
__device__ __forceinline__ void Store(__nv_bfloat16* to, float value) {
  *to = __float2bfloat16_rn(value);
}
// Two neighbours, the first at an even column.
__device__ __forceinline__ void StorePair(float* to, float a, float b) {
  *reinterpret_cast<float2*>(to) = make_float2(a, b);
}
__device__ __forceinline__ void StorePair(__half* to, float a, float b) {
  *reinterpret_cast<__half2*>(to) = __floats2half2_rn(a, b);
}
__device__ __forceinline__ void StorePair(__nv_bfloat16* to, float a, float b) {
  *reinterpret_cast<__nv_bfloat162*>(to) = __floats2bfloat162_rn(a, b);
}

// f(pointer to column `column` of row `row`), typed by the matrix.
template <typename F>
__device__ __forceinline__ void WithElement(const GpuMatrix& matrix, int64_t row, int64_t column,
                                            F&& f) {
  const int64_t at = row * matrix.stride + column;
  if (matrix.dtype == DType::kF16) {
    f(static_cast<__half*>(matrix.data) + at);
  } else if (matrix.dtype == DType::kBF16) {
    f(static_cast<__nv_bfloat16*>(matrix.data) + at);
  } else {
    f(static_cast<float*>(matrix.data) + at);
  }
}

// Zeros in columns [column, column + width) of rows [begin, end), by a whole block.
__device__ __forceinline__ void ZeroRows(const GpuMatrix& out, int64_t begin, int64_t end,
                                         int64_t column, int width) {
  for (int64_t row = begin; row < end; ++row) {
    for (int d = threadIdx.x; d < width; d += blockDim.x) {
      WithElement(out, row, column + d, [](auto* to) { Store(to, 0.0f); });
    }
  }
}

}  // namespace footnote::kernels::cuda
