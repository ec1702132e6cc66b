// Times CUDA's attention at the shapes of real work: microseconds a call, and the share of memory's
// or the tensor cores' rate it stands for.
//
// usage: gpu_attention
// Layers of keys and values are cycled through, 400 MB of them, so that decode reads memory and not
// the second-level cache.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <functional>
#include <random>
#include <vector>

#include "kernels/cuda/attention.h"
#include "kernels/cuda/memory.h"
#include "kernels/device.h"
#include "kernels/quant/half.h"

namespace footnote::kernels {
namespace {

void Check(int error) {
  if (error == 0) return;
  std::fprintf(stderr, "gpu_attention: %s\n", cuda::ErrorText(error));
  std::exit(1);
}

// Random halves of the size that trained models have; zeros would draw less power and flatter.
void* Halves(int64_t count) {
  static const std::vector<uint16_t> pattern = [] {
    std::mt19937 random(1);
    std::normal_distribution<float> normal;
    std::vector<uint16_t> values(1 << 22);
    for (uint16_t& value : values) value = HalfFromFloat(normal(random));
    return values;
  }();
  void* data = nullptr;
  Check(cuda::Allocate(static_cast<size_t>(count) * 2, &data));
  const auto size = static_cast<int64_t>(pattern.size());
  for (int64_t at = 0; at < count; at += size) {
    Check(cuda::CopyIn(static_cast<char*>(data) + at * 2, pattern.data(),
                       static_cast<size_t>(std::min(size, count - at)) * 2));
  }
  return data;
}

const int32_t* Numbers(const std::vector<int32_t>& values) {
  void* data = nullptr;
  Check(cuda::Allocate(values.size() * 4, &data));
  Check(cuda::CopyIn(data, values.data(), values.size() * 4));
  return static_cast<const int32_t*>(data);
}

// Microseconds of launch(i), over calls enough for 50 ms.
double Time(const std::function<int(int)>& launch) {
  for (int i = 0; i < 3; ++i) Check(launch(i));
  Check(cuda::Synchronize());
  for (int calls = 8;; calls *= 4) {
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < calls; ++i) Check(launch(i));
    Check(cuda::Synchronize());
    const double us =
        std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begin).count();
    if (us > 5e4) return us / calls;
  }
}

void Paged(int64_t count, int64_t rows, int64_t length, int64_t heads, int64_t kv_heads,
           int64_t width) {
  const int64_t pages_each = (length + kPageTokens - 1) / kPageTokens;
  const int64_t pages = count * pages_each, elements = pages * kv_heads * kPageTokens * width;
  const auto layers = static_cast<int>(std::clamp<int64_t>(400'000'000 / (elements * 4), 1, 64));
  std::vector<GpuKvLayer> layer;
  for (int i = 0; i < layers; ++i) {
    layer.push_back({DType::kF16, Halves(elements), Halves(elements), pages, kv_heads, width});
  }
  std::vector<int32_t> first = {0}, lengths, table, positions, row_sequence;
  for (int64_t p = 0; p < pages; ++p) table.push_back(static_cast<int32_t>(p));
  std::shuffle(table.begin(), table.end(), std::mt19937(2));
  for (int64_t b = 0; b < count; ++b) {
    first.push_back(static_cast<int32_t>((b + 1) * rows));
    lengths.push_back(static_cast<int32_t>(length));
    for (int64_t i = 0; i < rows; ++i) {
      positions.push_back(static_cast<int32_t>(length - rows + i));
      row_sequence.push_back(static_cast<int32_t>(b));
    }
  }
  GpuSequences sequences = {Numbers(first),
                            Numbers(lengths),
                            Numbers(table),
                            Numbers(positions),
                            Numbers(row_sequence),
                            pages_each,
                            count,
                            count * rows,
                            rows,
                            length};
  const int64_t columns = heads * width;
  const GpuMatrix q =
      GpuMatrix::Of(Halves(count * rows * columns), DType::kF16, count * rows, columns);
  const GpuMatrix out =
      GpuMatrix::Of(Halves(count * rows * columns), DType::kF16, count * rows, columns);
  const AttentionParams params = {1 / std::sqrt(static_cast<float>(width)), 0, 0};
  const size_t bytes = cuda::AttentionScratchBytes(heads, sequences, layer[0], params);
  void* scratch = nullptr;
  Check(cuda::Allocate(std::max<size_t>(bytes, 256), &scratch));
  void* counters = nullptr;
  const std::vector<unsigned> zeros(cuda::kAttentionCounters, 0);
  Check(cuda::Allocate(zeros.size() * sizeof(unsigned), &counters));
  Check(cuda::CopyIn(counters, zeros.data(), zeros.size() * sizeof(unsigned)));
  const double us = Time([&](int i) {
    return cuda::LaunchAttention(q, sequences, layer[static_cast<size_t>(i % layers)], params, out,
                                 scratch, static_cast<unsigned*>(counters), nullptr);
  });
  const double keys_seen = static_cast<double>(rows) *
                           (static_cast<double>(length) - 0.5 * static_cast<double>(rows - 1));
  const double flops = 4.0 * static_cast<double>(count * heads * width) * keys_seen;
  std::printf(
      "%-8s batch %3ld  rows %5ld  keys %6ld  heads %ld/%ld x %3ld  %9.1f us  %7.1f GB/s  %6.1f "
      "TFLOP/s  scratch %.1f MB\n",
      rows > 8 ? "prefill" : "decode", static_cast<long>(count), static_cast<long>(rows),
      static_cast<long>(length), static_cast<long>(heads), static_cast<long>(kv_heads),
      static_cast<long>(width), us, static_cast<double>(elements) * 4 / us / 1e3, flops / us / 1e6,
      static_cast<double>(bytes) / 1e6);
  std::fflush(stdout);
  for (const GpuKvLayer& each : layer) {
    cuda::Free(each.keys);
    cuda::Free(each.values);
  }
  cuda::Free(q.data);
  cuda::Free(out.data);
  cuda::Free(scratch);
}

void Packed(int64_t count, int64_t rows, int64_t heads, int64_t width) {
  const int64_t all = heads * width, total = count * rows;
  std::vector<int32_t> offsets;
  for (int64_t b = 0; b <= count; ++b) offsets.push_back(static_cast<int32_t>(b * rows));
  GpuPackedAttention work;
  work.projected = GpuMatrix::Of(Halves(total * 3 * all), DType::kF16, total, 3 * all);
  work.out = GpuMatrix::Of(Halves(total * all), DType::kF16, total, all);
  work.offsets = Numbers(offsets);
  work.sequences = count;
  work.most_rows = rows;
  work.heads = heads;
  work.head_width = width;
  work.scale = 1 / std::sqrt(static_cast<float>(width));
  const double us = Time([&](int) { return cuda::LaunchAttentionPacked(work, nullptr); });
  std::printf(
      "packed   %5ld x %3ld rows  heads %ld x %ld  %9.1f us  %7.1f GB/s  %6.1f TFLOP/s  "
      "%.0f M rows/s\n",
      static_cast<long>(count), static_cast<long>(rows), static_cast<long>(heads),
      static_cast<long>(width), us, static_cast<double>(total * all) * 8 / us / 1e3,
      4.0 * static_cast<double>(total * rows * all) / us / 1e6, static_cast<double>(total) / us);
  std::fflush(stdout);
  cuda::Free(work.projected.data);
  cuda::Free(work.out.data);
}

int Main() {
  const GpuReport report = FindGpus();
  if (report.gpus.empty() || !report.gpus.front().usable) {
    std::fprintf(stderr, "gpu_attention: no usable GPU\n");
    return 1;
  }
  std::printf("%s\n", report.gpus.front().name.c_str());
  for (const int64_t keys : {1024, 8192, 32768}) Paged(1, 1, keys, 32, 8, 128);
  for (const int64_t keys : {1024, 8192}) Paged(64, 1, keys, 32, 8, 128);
  Paged(1, 1, 8192, 32, 32, 128);
  Paged(1, 1, 8192, 14, 2, 64);
  Paged(1, 4, 8192, 32, 8, 128);
  for (const int64_t rows : {2048, 8192}) Paged(1, rows, rows, 32, 8, 128);
  Paged(4, 2048, 2048, 32, 8, 128);
  Paged(1, 2048, 2048, 14, 2, 64);
  Paged(1, 512, 8192, 32, 8, 128);
  Packed(8192, 128, 12, 32);
  Packed(2048, 512, 12, 32);
  Packed(1, 20, 12, 32);
  return 0;
}

}  // namespace
}  // namespace footnote::kernels

int main() { return footnote::kernels::Main(); }
