#include "kernels/cuda/ceilings.h"

#include <algorithm>
#include <vector>

#include "kernels/cuda/bandwidth.h"
#include "kernels/cuda/checked.h"
#include "kernels/cuda/fill.h"

namespace footnote::kernels::cuda {
namespace {

constexpr size_t kMostBytes = size_t{4} << 30;
// A product of this many rows, columns and inputs fills every card.
constexpr int64_t kProductSize = 8192;
constexpr int kRuns = 5;

Status MeasureProduct(Products& products, void* buffer, cudaStream_t stream, double* rate) {
  constexpr int64_t n = kProductSize;
  auto* numbers = static_cast<uint16_t*>(buffer);
  FOOTNOTE_RETURN_IF_ERROR(StatusOf(LaunchFill(numbers, 2 * n * n, stream), "filling matrices"));
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
  Status status = StatusOf(cudaMemsetAsync(buffer, 0x3c, bytes, static_cast<cudaStream_t>(stream)),
                           "measurements");
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
