// Kernels that begin while others end: passes of a small decoder give the same bits whether the
// host waits after every operation, after none, or replays a captured graph.
//
// All layers share one cache and all matrices, so that each operation overwrites what the ones
// before it have only just read.
#include <cmath>
#include <functional>

#include "kernels/gpu.h"
#include "kernels/quant/half.h"
#include "tests/kernels/gpu_testing.h"
#include "tests/kernels/testing.h"

namespace footnote::kernels {
namespace {

#ifdef FOOTNOTE_HAVE_CUDA
using namespace testing;  // NOLINT: this file is about its contents

constexpr int64_t kWidth = 256, kHeads = 4, kKvHeads = 2, kHeadWidth = 64, kInner = 512;
constexpr int64_t kVocabulary = 3000, kLayers = 12, kPages = 64, kPositions = 1024;

struct Passes {
  explicit Passes(DType weights) {
    StatusOr<std::unique_ptr<Gpu>> opened = OpenGpu(0);
    if (!opened.ok()) ADD_FAILURE() << opened.status().ToString();
    gpu = *std::move(opened);
    const auto upload = [&](int64_t rows, int64_t columns, uint32_t seed) {
      OwnedWeight w(weights, rows, columns, seed);
      StatusOr<GpuWeight> up = gpu->Upload(std::span(&w.weight, 1), DType::kBF16);
      EXPECT_TRUE(up.ok());
      return *up;
    };
    table = upload(kVocabulary, kWidth, 1);
    qkv = upload((kHeads + 2 * kKvHeads) * kHeadWidth, kWidth, 2);
    output = upload(kWidth, kHeads * kHeadWidth, 3);
    gate = upload(kInner, kWidth, 4);
    up = upload(kInner, kWidth, 5);
    down = upload(kWidth, kInner, 6);
    norm.weight = Copied(RandomFloats(kWidth, 7));
    norm.weight_bias = 1;
    norm.eps = 1e-5f;

    // Rows of sequences of 600, 37 and 1 positions.
    const int64_t rows = 3;
    ids = Copied(std::vector<int32_t>{5, 2999, 17});
    sequences.first_row = Copied(std::vector<int32_t>{0, 1, 2, 3});
    sequences.lengths = Copied(std::vector<int32_t>{600, 37, 1});
    sequences.positions = Copied(std::vector<int32_t>{599, 36, 0});
    sequences.row_sequence = Copied(std::vector<int32_t>{0, 1, 2});
    std::vector<int32_t> pages(3 * 40, 0);
    for (int32_t i = 0; i < 38; ++i) pages[static_cast<size_t>(i)] = 37 - i;
    for (int32_t i = 0; i < 3; ++i) pages[static_cast<size_t>(40 + i)] = 40 + i;
    pages[80] = 50;
    sequences.pages = Copied(pages);
    sequences.pages_stride = 40;
    sequences.count = sequences.rows = rows;
    sequences.most_rows = 1;
    sequences.most_keys = 640;
    const size_t elements = kPages * kKvHeads * kPageTokens * kHeadWidth;
    const auto halves = [&](uint32_t seed) {
      std::vector<uint16_t> bits;
      for (const float v : RandomFloats(elements, seed)) bits.push_back(HalfFromFloat(v));
      return const_cast<uint16_t*>(Copied(bits));
    };
    layer = {DType::kF16, halves(8), halves(9), kPages, kKvHeads, kHeadWidth};

    rope.projected = Matrix(DType::kF32, rows, qkv.rows);
    rope.heads = kHeads;
    std::vector<float> cosines, sines;
    for (int64_t p = 0; p < kPositions; ++p) {
      for (int64_t i = 0; i < kHeadWidth / 2; ++i) {
        const double angle = static_cast<double>(p) * std::pow(1e4, -static_cast<double>(i) / 32);
        cosines.push_back(static_cast<float>(std::cos(angle)));
        sines.push_back(static_cast<float>(std::sin(angle)));
      }
    }
    rope.rope = {RopePairing::kHalves, Copied(cosines), Copied(sines), kPositions, kHeadWidth};
    rope.query_norm = rope.key_norm = Copied(std::vector<float>(kHeadWidth, 1.0f));
    rope.norm_eps = 1e-5f;
    rope.queries = Matrix(DType::kF16, rows, kHeads * kHeadWidth);
    x = Matrix(DType::kF32, rows, kWidth);
    attended = Matrix(DType::kF32, rows, kHeads * kHeadWidth);
    inner = Matrix(DType::kF32, rows, kInner);
    normed = Matrix(DType::kF32, rows, kWidth);
    logits = Matrix(DType::kF32, rows, kVocabulary);
    best = static_cast<int32_t*>(Memory(rows * 4));
    values = static_cast<float*>(Memory(rows * 8 * 4));
    value_ids = static_cast<int32_t*>(Memory(rows * 8 * 4));
  }
  ~Passes() {
    for (void* each : memory) gpu->Free(each);
  }

  void* Memory(int64_t bytes) {
    StatusOr<void*> allocated = gpu->Allocate(static_cast<size_t>(bytes));
    EXPECT_TRUE(allocated.ok());
    memory.push_back(*allocated);
    return *allocated;
  }
  template <typename T>
  const T* Copied(const std::vector<T>& host) {
    void* to = Memory(static_cast<int64_t>(host.size() * sizeof(T)));
    EXPECT_TRUE(gpu->CopyIn(to, host.data(), host.size() * sizeof(T)).ok());
    return static_cast<const T*>(to);
  }
  GpuMatrix Matrix(DType dtype, int64_t rows, int64_t columns) {
    return GpuMatrix::Of(Memory(rows * columns * BlockBytes(dtype)), dtype, rows, columns);
  }

  Status Pass(bool waits) {
    const auto then = [&](const Status& status) {
      return status.ok() && waits ? gpu->Synchronize() : status;
    };
    const auto product = [&](const GpuNorm* n, const GpuMatrix& from, const GpuWeight& w,
                             const GpuMatrix& to, bool add) {
      GpuProduct p;
      p.w = w;
      p.out = to;
      p.add = add;
      return then(gpu->Products(n, from, std::span(&p, 1)));
    };
    FOOTNOTE_RETURN_IF_ERROR(then(gpu->EmbedRows(table, ids, 1.5f, x)));
    for (int64_t i = 0; i < kLayers; ++i) {
      FOOTNOTE_RETURN_IF_ERROR(product(&norm, x, qkv, rope.projected, false));
      FOOTNOTE_RETURN_IF_ERROR(then(gpu->RopeAndStore(rope, sequences, layer)));
      FOOTNOTE_RETURN_IF_ERROR(
          then(gpu->Attention(rope.queries, sequences, layer, {0.125f, 0, 0}, attended)));
      FOOTNOTE_RETURN_IF_ERROR(product(nullptr, attended, output, x, true));
      GpuGatedProduct gated;
      gated.gate = gate;
      gated.up = up;
      gated.out = inner;
      FOOTNOTE_RETURN_IF_ERROR(then(gpu->GatedProduct(&norm, x, gated)));
      FOOTNOTE_RETURN_IF_ERROR(product(nullptr, inner, down, x, true));
      FOOTNOTE_RETURN_IF_ERROR(then(gpu->Norm(norm, x, normed, {})));
      FOOTNOTE_RETURN_IF_ERROR(then(gpu->Norm(norm, normed, x, {})));
    }
    FOOTNOTE_RETURN_IF_ERROR(product(nullptr, x, table, logits, false));
    FOOTNOTE_RETURN_IF_ERROR(then(gpu->ArgMax(logits, nullptr, best)));
    return then(gpu->TopK(logits, 8, values, value_ids));
  }

  // What a pass left, as bits.
  std::vector<int32_t> Results() {
    std::vector<int32_t> all(static_cast<size_t>(3 * (kWidth + 1 + 8)));
    int32_t* next = all.data();
    EXPECT_TRUE(gpu->CopyOut(next, x.data, 3 * kWidth * 4).ok());
    EXPECT_TRUE(gpu->CopyOut(next + 3 * kWidth, best, 3 * 4).ok());
    EXPECT_TRUE(gpu->CopyOut(next + 3 * (kWidth + 1), value_ids, 3 * 8 * 4).ok());
    return all;
  }

  std::unique_ptr<Gpu> gpu;
  std::vector<void*> memory;
  GpuWeight table, qkv, output, gate, up, down;
  GpuNorm norm;
  GpuSequences sequences;
  GpuKvLayer layer;
  GpuRopeAndStore rope;
  GpuMatrix x, attended, inner, normed, logits;
  const int32_t* ids;
  int32_t *best, *value_ids;
  float* values;
};

TEST(OverlapGpu, PassesGiveTheSameBitsHoweverTheyAreLaunched) {
  if (const std::string why = WhyNoGpu(); !why.empty()) GTEST_SKIP() << why;
  for (const DType weights : {DType::kBF16, DType::kQ8_0}) {
    SCOPED_TRACE(DTypeName(weights));
    Passes passes(weights);
    ASSERT_TRUE(passes.Pass(true).ok());
    const std::vector<int32_t> wanted = passes.Results();
    float first;
    std::memcpy(&first, wanted.data(), 4);
    EXPECT_TRUE(std::isfinite(first));
    for (int i = 0; i < 20; ++i) {
      ASSERT_TRUE(passes.Pass(false).ok());
      if (i % 4 != 3) continue;
      ASSERT_EQ(passes.Results(), wanted) << "enqueued, pass " << i;
    }
    const StatusOr<int> graph = passes.gpu->Capture([&] { return passes.Pass(false); });
    ASSERT_TRUE(graph.ok()) << graph.status().ToString();
    for (int i = 0; i < 20; ++i) {
      ASSERT_TRUE(passes.gpu->Replay(*graph).ok());
      if (i % 4 != 3) continue;
      ASSERT_EQ(passes.Results(), wanted) << "captured, pass " << i;
    }
  }
}
#else
TEST(OverlapGpu, NeedsABuildWithCuda) { GTEST_SKIP() << testing::WhyNoGpu(); }
#endif

}  // namespace
}  // namespace footnote::kernels
