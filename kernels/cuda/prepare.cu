// x made ready for products.
#include "kernels/cuda/prepare.h"

namespace footnote::kernels::cuda {
namespace {

constexpr int kThreads = 256;

__global__ void __launch_bounds__(kThreads)
    RoundKernel(const __grid_constant__ InputRows x, uint8_t* to) {
  __shared__ float parts[kThreads / 32];
  WaitForEarlierWork();
  LetLaterWorkBegin();
  const int t = static_cast<int>(blockIdx.x);
  const RowScaling scaling = ScalingOfRow<kThreads>(x, t, parts);
  RoundRow<kThreads>(x, t, scaling, to + t * RoundedRowBytes(x.columns));
}

__global__ void __launch_bounds__(kThreads)
    StageKernel(const __grid_constant__ InputRows x, float* to) {
  __shared__ float parts[kThreads / 32];
  WaitForEarlierWork();
  LetLaterWorkBegin();
  const int t = static_cast<int>(blockIdx.x);
  const RowScaling scaling = ScalingOfRow<kThreads>(x, t, parts);
  StageRow<kThreads>(x, t, scaling, to + int64_t{t} * StagedColumns(x.columns));
}

__device__ __forceinline__ uint32_t RoundedBits(DType type, float v) {
  if (type == DType::kF16) return __half_as_ushort(RoundedHalf(v));
  return __bfloat16_as_ushort(__float2bfloat16_rn(v));
}

// Eight neighbouring columns from 8 * piece, normalised; 0 behind K.
__device__ __forceinline__ void LoadPiece(const InputRows& x, int64_t row,
                                          const RowScaling& scaling, int piece, float (&v)[8]) {
  const int begin = 8 * piece;
  if (begin + 8 <= x.columns) {
    const float4 a = LoadInput4(x, row + begin), b = LoadInput4(x, row + begin + 4);
    v[0] = a.x, v[1] = a.y, v[2] = a.z, v[3] = a.w;
    v[4] = b.x, v[5] = b.y, v[6] = b.z, v[7] = b.w;
  } else {
#pragma unroll
    for (int i = 0; i < 8; ++i) v[i] = begin + i < x.columns ? LoadInput(x, row + begin + i) : 0.0f;
  }
#pragma unroll
  for (int i = 0; i < 8; ++i) {
    if (begin + i < x.columns) v[i] = Normalised(x, scaling, begin + i, v[i]);
  }
}

__device__ __forceinline__ uint4 RoundedPiece(DType type, const float (&v)[8]) {
  uint32_t words[4];
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    words[i] = RoundedBits(type, v[2 * i]) | RoundedBits(type, v[2 * i + 1]) << 16;
  }
  return {words[0], words[1], words[2], words[3]};
}

__global__ void __launch_bounds__(kThreads)
    FragmentKernel(const __grid_constant__ InputRows x, DType type, bool by_groups, int tiles,
                   uint4* to) {
  __shared__ float parts[kThreads / 32];
  WaitForEarlierWork();
  LetLaterWorkBegin();
  const int t = static_cast<int>(blockIdx.x);
  const bool inside = t < x.tokens;  // the same for the whole block
  RowScaling scaling;
  if (inside) scaling = ScalingOfRow<kThreads>(x, t, parts);
  const int pieces = Chunks(x.columns) * (kChunkColumns / 8);
  for (int piece = static_cast<int>(threadIdx.x); piece < pieces; piece += kThreads) {
    uint4 rounded = {0, 0, 0, 0};
    if (inside && 8 * piece < x.columns) {
      float v[8];
      LoadPiece(x, t * x.stride, scaling, piece, v);
      rounded = RoundedPiece(type, v);
    }
    to[FragmentAt(by_groups, tiles, t, piece)] = rounded;
  }
}

__global__ void __launch_bounds__(kThreads)
    ConvertKernel(const __grid_constant__ InputRows x, DType type, int64_t stride, void* to) {
  __shared__ float parts[kThreads / 32];
  WaitForEarlierWork();
  LetLaterWorkBegin();
  const int64_t t = blockIdx.x;
  const RowScaling scaling = ScalingOfRow<kThreads>(x, static_cast<int>(t), parts);
  for (int piece = static_cast<int>(threadIdx.x); piece < stride / 8; piece += kThreads) {
    float v[8] = {0, 0, 0, 0, 0, 0, 0, 0};
    if (8 * piece < x.columns) LoadPiece(x, t * x.stride, scaling, piece, v);
    const int64_t at = t * stride + 8 * piece;
    if (type == DType::kF32) {
      auto* out = reinterpret_cast<float4*>(static_cast<float*>(to) + at);
      out[0] = {v[0], v[1], v[2], v[3]};
      out[1] = {v[4], v[5], v[6], v[7]};
    } else {
      *reinterpret_cast<uint4*>(static_cast<uint16_t*>(to) + at) = RoundedPiece(type, v);
    }
  }
}

bool Takes(const InputRows& x) {
  return x.data != nullptr && x.tokens > 0 && x.columns > 0 && x.stride >= x.columns &&
         x.stride % 8 == 0 && reinterpret_cast<uintptr_t>(x.data) % 16 == 0 &&
         (x.dtype == DType::kF32 || x.dtype == DType::kF16 || x.dtype == DType::kBF16);
}

}  // namespace

int LaunchRoundRows(const InputRows& x, uint8_t* to, const LaunchOn& on) {
  if (!Takes(x) || x.columns % 32 != 0) return cudaErrorInvalidValue;
  return Launch(RoundKernel, static_cast<unsigned>(x.tokens), kThreads, 0, on, x, to);
}

int LaunchStageRows(const InputRows& x, float* to, const LaunchOn& on) {
  if (!Takes(x)) return cudaErrorInvalidValue;
  return Launch(StageKernel, static_cast<unsigned>(x.tokens), kThreads, 0, on, x, to);
}

int LaunchFragments(const InputRows& x, DType type, bool by_groups, int tiles, void* to,
                    const LaunchOn& on) {
  if (!Takes(x) || x.tokens > 8 * tiles || (type != DType::kF16 && type != DType::kBF16)) {
    return cudaErrorInvalidValue;
  }
  return Launch(FragmentKernel, static_cast<unsigned>(8 * tiles), kThreads, 0, on, x, type,
                by_groups, tiles, static_cast<uint4*>(to));
}

int LaunchConvertRows(const InputRows& x, DType type, int64_t stride, void* to,
                      const LaunchOn& on) {
  if (!Takes(x) || stride % 8 != 0 || stride < x.columns ||
      (type != DType::kF32 && type != DType::kF16 && type != DType::kBF16)) {
    return cudaErrorInvalidValue;
  }
  return Launch(ConvertKernel, static_cast<unsigned>(x.tokens), kThreads, 0, on, x, type, stride,
                to);
}

}  // namespace footnote::kernels::cuda
