#include "kernels/cuda/ceilings.h"

#include <cuda_bf16.h>

#include <algorithm>
#include <vector>

#include "kernels/cuda/bandwidth.h"
#include "kernels/cuda/checked.h"

namespace footnote::kernels::cuda {
namespace {

constexpr size_t kMostBytes = size_t{4} << 30;
// A product of this many rows, columns and inputs fills every card.
constexpr int64_t kProductSize = 8192;
constexpr int kRuns = 5;

// Numbers in [-1, 1) that look random: a product of zeros runs faster than one of data.
__global__ void FillKernel(__nv_bfloat16* to, int64_t count) {
  const int64_t step = static_cast<int64_t>(gridDim.x) * blockDim.x;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < count;
       i += step) {
    uint32_t h = static_cast<uint32_t>(i) * 2654435761u;
    h = (h ^ (h >> 15)) * 2246822519u;
    h ^= h >> 13;
    to[i] = __float2bfloat16(static_cast<float>(h & 0xffffu) / 32768.0f - 1.0f);
  }
}

Status MeasureProduct(Products& products, void* buffer, cudaStream_t stream, double* rate) {
  constexpr int64_t n = kProductSize;
  auto* numbers = static_cast<__nv_bfloat16*>(buffer);
  FillKernel<<<1024, 256, 0, stream>>>(numbers, 2 * n * n);
  FOOTNOTE_RETURN_IF_ERROR(StatusOf(cudaGetLastError(), "filling matrices"));
  GpuProduct product;
  product.w = {DType::kBF16, numbers, n, n};
  product.out = GpuMatrix::Of(numbers + 2 * n * n, DType::kBF16, n, n);
  const GpuMatrix x = GpuMatrix::Of(numbers + n * n, DType::kBF16, n, n);
  cudaEvent_t begin = nullptr, end = nullptr;
  FOOTNOTE_RETURN_IF_ERROR(StatusOf(cudaEventCreate(&begin), "an event"));
  FOOTNOTE_RETURN_IF_ERROR(StatusOf(cudaEventCreate(&end), "an event"));
  std::vector<float> times;
  Status status;
  for (int run = 0; run <= kRuns && status.ok(); ++run) {
    cudaEventRecord(begin, stream);
    status = StatusOf(products.Run(nullptr, x, std::span(&product, 1)), "a large product");
    cudaEventRecord(end, stream);
    if (status.ok()) status = StatusOf(cudaEventSynchronize(end), "a large product");
    float ms = 0;
    cudaEventElapsedTime(&ms, begin, end);
    if (run > 0) times.push_back(ms);  // the first loads the kernel
  }
  cudaEventDestroy(begin);
  cudaEventDestroy(end);
  FOOTNOTE_RETURN_IF_ERROR(status);
  std::sort(times.begin(), times.end());
  *rate = 2.0 * n * n * n / (1e-3 * static_cast<double>(times[times.size() / 2]));
  return OkStatus();
}

}  // namespace

StatusOr<Gpu::Ceilings> Measure(Products& products, void* stream) {
  size_t free = 0, total = 0;
  FOOTNOTE_RETURN_IF_ERROR(StatusOf(cudaMemGetInfo(&free, &total), "the GPU's free memory"));
  const size_t bytes = std::min(kMostBytes, free / 2) / (1 << 20) * (1 << 20);
  if (bytes < size_t{3} * kProductSize * kProductSize * 2) {
    return ResourceExhaustedError("the GPU has too little free memory to measure its ceilings: " +
                                  std::to_string(free) + " bytes");
  }
  void* buffer = nullptr;
  FOOTNOTE_RETURN_IF_ERROR(StatusOf(cudaMalloc(&buffer, bytes), "memory for measurements"));
  Gpu::Ceilings ceilings;
  Status status = StatusOf(
      cudaMemsetAsync(buffer, 0x3c, bytes, static_cast<cudaStream_t>(stream)), "measurements");
  if (status.ok()) {
    status = StatusOf(MeasureReadBandwidth(buffer, bytes, stream, &ceilings.read_bytes_per_second),
                      "measuring reads");
  }
  if (status.ok()) {
    status = StatusOf(MeasureCopyBandwidth(buffer, bytes, stream, &ceilings.bytes_per_second),
                      "measuring copies");
  }
  if (status.ok()) {
    status = MeasureProduct(products, buffer, static_cast<cudaStream_t>(stream),
                            &ceilings.operations_per_second);
  }
  cudaFree(buffer);
  FOOTNOTE_RETURN_IF_ERROR(status);
  return ceilings;
}

}  // namespace footnote::kernels::cuda
