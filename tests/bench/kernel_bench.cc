// kernel_bench [FORMAT] [ROWS] [COLUMNS] [TOKENS] [THREADS]: rate of one packed product, on
// matrices that fit the caches and on ones that do not. kernel_bench read [THREADS]: rate of
// reading memory. A tool for those who change kernels; users have `footnote bench`.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "kernels/ops.h"
#include "kernels/packing.h"

namespace footnote::kernels {
namespace {

double Seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

void Run(DType dtype, int64_t rows, int64_t columns, int64_t tokens, int threads, int64_t copies) {
  ThreadPool pool(threads);
  const Isa isa = *DefaultIsa();
  auto ctx = *Context::Create(&pool, isa, Precision::kFast);
  std::vector<std::vector<std::byte>> bytes;
  std::vector<Weight> weights;
  std::mt19937 random(1);
  for (int64_t i = 0; i < copies; ++i) {
    Weight w{dtype, nullptr, rows, columns};
    bytes.emplace_back(static_cast<size_t>(rows * w.row_bytes()));
    for (std::byte& each : bytes.back()) each = static_cast<std::byte>(random() & 0x3f);
    w.data = bytes.back().data();
    weights.push_back(w);
  }
  std::vector<Weight*> list;
  for (Weight& w : weights) list.push_back(&w);
  auto result = PackedWeights::Pack(list, isa, PlainWeights::kAsStored, &pool);
  if (!result.ok()) {
    std::fprintf(stderr, "%s\n", result.status().message().c_str());
    return;
  }
  const auto packed = std::move(result).value();
  std::vector<float> x(static_cast<size_t>(tokens * columns), 0.5f);
  for (float& v : x) v = static_cast<float>(random() % 1000) / 1000.0f;
  std::vector<float> out(static_cast<size_t>(tokens * rows));
  double best = 1e9;
  for (int round = 0; round < 5; ++round) {
    const double start = Seconds();
    int64_t calls = 0;
    do {
      for (const Weight& w : weights) {
        (void)MatMul(*ctx, ConstMatrix::Of(x.data(), tokens, columns), w, {},
                     Matrix::Of(out.data(), tokens, rows));
        ++calls;
      }
    } while (Seconds() - start < 0.1);
    best = std::min(best, (Seconds() - start) / static_cast<double>(calls));
  }
  const auto products = static_cast<double>(rows * columns * tokens);
  const auto size = static_cast<double>(packed->bytes()) / static_cast<double>(copies);
  std::printf(
      "%-5s %6ld x %6ld, %4ld tokens, %d threads, %3ld copies: %8.1f us %8.1f GMAC/s %7.1f GB/s\n",
      std::string(DTypeName(dtype)).c_str(), rows, columns, tokens, threads, copies, best * 1e6,
      products / best / 1e9, size / best / 1e9);
}

// What memory gives to threads that only read: the ceiling of decoding.
void RunRead(int threads) {
  std::vector<uint64_t> memory(size_t{1} << 27, 1);  // 1 GiB
  ThreadPool pool(threads);
  std::vector<uint64_t> sums(static_cast<size_t>(threads) * 8);
  double best = 1e9;
  for (int round = 0; round < 10; ++round) {
    const double start = Seconds();
    pool.ParallelFor(threads, 1, [&](int64_t begin, int64_t end) {
      for (int64_t t = begin; t < end; ++t) {
        const size_t share = memory.size() / static_cast<size_t>(threads);
        const uint64_t* from = memory.data() + static_cast<size_t>(t) * share;
        uint64_t sum[8] = {};
        for (size_t i = 0; i + 8 <= share; i += 8) {
          for (size_t lane = 0; lane < 8; ++lane) sum[lane] += from[i + lane];
        }
        for (size_t lane = 0; lane < 8; ++lane) sums[static_cast<size_t>(t) * 8] += sum[lane];
      }
    });
    best = std::min(best, Seconds() - start);
  }
  const double gib = static_cast<double>(memory.size() * sizeof(uint64_t)) / 1e9;
  std::printf("reading memory, %d threads: %.1f GB/s\n", threads, gib / best);
}

}  // namespace
}  // namespace footnote::kernels

int main(int argc, char** argv) {
  using namespace footnote::kernels;
  const auto number = [&](int i, int64_t otherwise) {
    return argc > i ? static_cast<int64_t>(std::atoll(argv[i])) : otherwise;
  };
  if (argc > 1 && std::string(argv[1]) == "read") {
    RunRead(static_cast<int>(number(2, 2)));
    return 0;
  }
  for (const DType dtype : {
#define FOOTNOTE_FORMAT(enumerator, name, gguf_type, block_elements, block_bytes) DType::enumerator,
#include "kernels/quant/formats.def"
#undef FOOTNOTE_FORMAT
       }) {
    if (argc > 1 && std::string(argv[1]) != "all" && DTypeName(dtype) != argv[1]) continue;
    const int64_t rows = number(2, 1536), columns = number(3, 1536), tokens = number(4, 256);
    const int threads = static_cast<int>(number(5, 2));
    Run(dtype, rows, columns, tokens, threads, 1);
    if (tokens <= 16) Run(dtype, rows, columns, tokens, threads, 64);
  }
  return 0;
}
