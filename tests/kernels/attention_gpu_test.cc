// CUDA attention over pages, and packed, against the reference; at sizes too large for it, against
// the plain kernel.
#include <cmath>

#include "tests/kernels/attention_gpu_testing.h"

namespace footnote::kernels {
namespace {

#ifdef FOOTNOTE_HAVE_CUDA
using namespace testing;  // NOLINT: this file is about its contents

constexpr int64_t kWidths[] = {64, 80, 96, 112, 128, 256};

AttentionParams Params(int64_t width, float softcap = 0, int64_t window = 0) {
  return {1 / std::sqrt(static_cast<float>(width)), softcap, window};
}

class AttentionGpu : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const std::string why = WhyNoGpu(); !why.empty()) GTEST_SKIP() << why;
  }
};
using AttentionGpuDecode = AttentionGpu;
using AttentionGpuPrefill = AttentionGpu;
using AttentionGpuPlain = AttentionGpu;
using AttentionGpuPacked = AttentionGpu;

void CheckHalf(const AttentionBatch& batch) {
  SCOPED_TRACE(Describe(batch));
  const std::vector<float> got = batch.Run();
  ExpectHalfNear(got, batch.Wanted());
  EXPECT_TRUE(kEmulated || SameBits(got, batch.Run())) << "another run, other bits";
}

TEST_F(AttentionGpuDecode, AgreesWithTheReferenceOverWidthsAndRows) {
  for (const int64_t width : kWidths) {
    for (const int64_t rows : Some<int64_t>({1, 2, 3, 5, 8}, {1, 5})) {
      const AttentionShape shape = {6, 2, width};
      CheckHalf(AttentionBatch(
          shape, {{rows, 290}, {rows, rows}, {rows, 0}, {1, 16}, {rows, 33}, {rows, 129}},
          Params(width), 1 + static_cast<uint32_t>(rows), 1, 3));
    }
  }
}

TEST_F(AttentionGpuDecode, AgreesWithTheReferenceOverGroups) {
  for (const int64_t group : {1, 2, 3, 4, 7, 8, 16, 71}) {
    const int64_t kv_heads = group > 8 ? 1 : 2;
    for (const int64_t rows : {1, 4}) {
      CheckHalf(AttentionBatch({group * kv_heads, kv_heads, 64}, {{rows, 150}, {rows, 17}, {1, 1}},
                               Params(64), 7));
    }
  }
}

TEST_F(AttentionGpuDecode, AgreesWithTheReferenceOverWindowsAndCaps) {
  for (const int64_t width : Some<int64_t>({64, 128, 256}, {64})) {
    for (const int64_t window : Some<int64_t>({0, 1, 5, 16, 17, 100, 1000}, {1, 17, 100})) {
      for (const float softcap : Some({0.0f, 2.0f, 50.0f}, {0.0f, 2.0f})) {
        CheckHalf(AttentionBatch({4, 1, width}, {{1, 300}, {6, 170}, {2, 2}, {8, 40}},
                                 Params(width, softcap, window), 9));
      }
    }
  }
}

// A beginning that all sequences share, read for all at once; as the plain reading of it has it.
TEST_F(AttentionGpuDecode, ReadsASharedBeginningOnce) {
  struct Shared {
    AttentionShape shape;
    std::vector<NewRows> list;
    int64_t keys;
    float softcap = 0;
    int64_t tail = 0;
  };
  const std::vector<NewRows> many(40, NewRows{1, 180});
  for (const Shared& each :
       {Shared{{8, 2, 128}, {{1, 250}, {1, 161}, {3, 175}, {1, 0}, {8, 400}}, 160, 0, 2},
        Shared{{6, 6, 64}, {{1, 17}, {1, 40}, {2, 18}}, 16}, Shared{{4, 2, 80}, many, 128},
        Shared{{71, 1, 64}, {{1, 100}, {2, 98}, {1, 300}}, 96, 3},
        Shared{{6, 2, 96}, {{1, 530}, {1, 529}, {1, 0}}, 528},
        Shared{{2, 1, 112}, {{5, 70}, {5, 330}}, 64, 20},
        Shared{{4, 1, 256}, {{1, 200}, {4, 180}, {0, 0}, {7, 200}}, 176, 5, 1}}) {
    if (kEmulated && each.keys > 200) continue;
    AttentionBatch batch(each.shape, each.list, Params(each.shape.width, each.softcap), 21, 1,
                         each.tail, each.keys);
    CheckHalf(batch);
    const std::vector<float> shared = batch.Run();
    batch.host.shared_keys = 0;
    const std::vector<float> separate = batch.Run();
    ExpectHalfNear(shared, reference::Values(separate.begin(), separate.end()));
  }
  // Windows, long passes and single sequences take no notice.
  CheckHalf(AttentionBatch({4, 2, 64}, {{1, 100}, {2, 99}}, Params(64, 0, 200), 22, 1, 0, 64));
  CheckHalf(AttentionBatch({4, 2, 64}, {{1, 100}, {20, 120}}, Params(64), 23, 1, 0, 64));
  CheckHalf(AttentionBatch({4, 2, 64}, {{1, 100}}, Params(64), 24, 1, 0, 64));
}

// More pages than one look-up of page numbers gives a warp, in one split: 600 blocks of work.
TEST_F(AttentionGpuDecode, StreamsLongSequencesInOneSplit) {
  std::vector<NewRows> list(600, NewRows{1, 3});
  list[7] = {1, 2500};
  const AttentionBatch batch({2, 2, 64}, list, Params(64), 3);
  SCOPED_TRACE("600 sequences, one of 2500 keys");
  ExpectHalfNear(batch.Run(), batch.Wanted());
}

TEST_F(AttentionGpuPrefill, AgreesWithTheReferenceOverWidthsAndRows) {
  for (const int64_t width : kWidths) {
    for (const int64_t rows : Some<int64_t>({9, 33, 64, 130}, {33, 130})) {
      CheckHalf(AttentionBatch({2, 1, width}, {{rows, rows}}, Params(width), 2));
      // Chunks behind a cached prefix.
      CheckHalf(AttentionBatch({2, 2, width}, {{rows, rows + 77}}, Params(width), 3, 1, 5));
    }
  }
}

TEST_F(AttentionGpuPrefill, AgreesWithTheReferenceOverWindowsAndCaps) {
  for (const int64_t width : Some<int64_t>({64, 128, 256}, {64})) {
    for (const int64_t window : Some<int64_t>({1, 7, 64, 65, 100, 1000}, {1, 65})) {
      for (const float softcap : {0.0f, 3.0f}) {
        CheckHalf(AttentionBatch({2, 1, width}, {{140, 225}}, Params(width, softcap, window), 4));
      }
    }
  }
}

TEST_F(AttentionGpuPrefill, TakesBatchesOfBothKinds) {
  for (const int64_t width : kWidths) {
    for (const int64_t window : Some<int64_t>({0, 50}, {50})) {
      CheckHalf(AttentionBatch(
          {6, 2, width},
          {{1, 200}, {70, 70}, {12, 0}, {3, 90}, {0, 40}, {2, 0}, {8, 8}, {9, 150}, {1, 1}},
          Params(width, 0, window), 5, 1, 20));
    }
  }
}

TEST_F(AttentionGpu, KeepsLargeScoresFinite) {
  for (const int64_t rows : {1, 40}) {
    const AttentionBatch batch({2, 1, 128}, {{rows, 140}}, Params(128), 6, 30);
    SCOPED_TRACE(Describe(batch));
    const std::vector<float> got = batch.Run();
    const reference::Values wanted = batch.Wanted();
    for (size_t i = 0; i < got.size(); ++i) {
      // Scores near 10^4 are off by 10^-3 or so, and with them ratios of probabilities.
      ASSERT_NEAR(got[i], wanted[i], 1e-2) << "element " << i;
    }
  }
}

TEST_F(AttentionGpu, RoundsItsOutputAsAsked) {
  for (const int64_t rows : {2, 40}) {
    const AttentionBatch batch({4, 2, 96}, {{rows, 200}, {rows, 50}}, Params(96), 8);
    SCOPED_TRACE(Describe(batch));
    ExpectHalfNear(batch.Run(false, DType::kF16), batch.Wanted(), 1.0 / 2048);
    ExpectHalfNear(batch.Run(false, DType::kBF16), batch.Wanted(), 1.0 / 256);
    const std::vector<float> once = batch.Run();
    std::vector<float> rounded = batch.Run(false, DType::kF16);
    for (size_t i = 0; i < once.size(); ++i) {
      ASSERT_EQ(rounded[i], FloatFromHalf(HalfFromFloat(once[i])));
    }
  }
}

TEST_F(AttentionGpuPlain, IsExactInFloat32) {
  for (const int64_t width : Some<int64_t>({24, 33, 64, 128, 256}, {24, 33, 256})) {
    for (const AttentionParams& params :
         {Params(width), Params(width, 3), Params(width, 0, 20), Params(width, 5, 70)}) {
      const AttentionBatch batch({3, 1, width, DType::kF32},
                                 {{1, 300}, {5, 0}, {20, 41}, {9, 9}, {2, 100}}, params, 11, 1, 4);
      SCOPED_TRACE(Describe(batch));
      // As the CPU's tests have it: scores of D terms, sums of L values.
      const std::vector<float> got = batch.Run();
      ExpectNear(got, batch.Wanted(), 0, 60 * kEps);
      EXPECT_TRUE(kEmulated || SameBits(got, batch.Run()));
    }
  }
}

TEST_F(AttentionGpuPlain, TakesOddWidthsInHalf) {
  for (const int64_t width : {24, 33, 72, 192}) {
    const AttentionBatch batch({4, 2, width}, {{1, 100}, {20, 41}, {4, 0}}, Params(width, 0, 30),
                               12, 1, 2);
    SCOPED_TRACE(Describe(batch));
    ExpectNear(batch.Run(), batch.Wanted(), 0, 60 * kEps);
  }
}

// Sizes of real work: all tiles, waves and splits.
TEST_F(AttentionGpu, AgreesWithThePlainKernelAtSize) {
  if (kEmulated) GTEST_SKIP() << "takes minutes in the emulation";
  struct Big {
    AttentionShape shape;
    std::vector<NewRows> list;
    int64_t window;
  };
  for (const Big& big :
       {Big{{32, 8, 128}, {{1, 6000}}, 0}, Big{{32, 8, 128}, {{8, 3001}}, 1024},
        Big{{8, 8, 64}, {{1, 5000}, {1, 100}, {4, 1999}}, 0}, Big{{71, 1, 64}, {{3, 1500}}, 0},
        Big{{8, 2, 128}, {{700, 1100}}, 0}, Big{{4, 4, 80}, {{513, 513}, {1, 800}}, 200},
        Big{{4, 1, 256}, {{300, 1000}}, 333}}) {
    const AttentionBatch batch(big.shape, big.list, Params(big.shape.width, 0, big.window), 13);
    SCOPED_TRACE(Describe(batch));
    const std::vector<float> plain = batch.Run(true);
    ExpectHalfNear(batch.Run(), reference::Values(plain.begin(), plain.end()));
  }
}

TEST_F(AttentionGpu, RefusesShapesItDoesNotTake) {
  const DeviceBuffer some(1 << 16);
  GpuSequences sequences;
  sequences.count = 1;
  sequences.rows = 1;
  sequences.most_rows = 1;
  sequences.most_keys = 16;
  sequences.pages_stride = 1;
  const GpuKvLayer layer = {DType::kF16, some.data(), some.data(), 1, 2, 64};
  const GpuMatrix q = GpuMatrix::Of(some.data(), DType::kF16, 1, 256);
  const GpuMatrix out = GpuMatrix::Of(some.data(), DType::kF32, 1, 256);
  const AttentionParams params = Params(64);
  const auto launch = [&](const GpuMatrix& queries, const GpuSequences& s, const GpuKvLayer& l,
                          const AttentionParams& p, const GpuMatrix& to) {
    return cuda::LaunchAttention(queries, s, l, p, to, nullptr, nullptr, nullptr);
  };
  GpuMatrix wrong = q;
  wrong.dtype = DType::kF32;
  EXPECT_NE(launch(wrong, sequences, layer, params, out), 0);
  wrong = q;
  wrong.columns = wrong.stride = 192;  // 3 heads for 2 KV heads
  EXPECT_NE(launch(wrong, sequences, layer, params, out), 0);
  GpuSequences many = sequences;
  many.most_keys = 17;  // more than the page table holds
  EXPECT_NE(launch(q, many, layer, params, out), 0);
  GpuKvLayer wide = layer;
  wide.head_width = 264;
  EXPECT_NE(launch(q, sequences, wide, params, out), 0);
  EXPECT_NE(launch(q, sequences, layer, {0, 0, 0}, out), 0);
  EXPECT_NE(launch(q, sequences, layer, {1, 0, -1}, out), 0);
  wrong = out;
  wrong.dtype = DType::kQ8_0;
  EXPECT_NE(launch(q, sequences, layer, params, wrong), 0);
}

// Packed sequences: [T, 3 H D] in rows that lie 8 elements apart.
void CheckPacked(DType dtype, DType out_dtype, int64_t heads, int64_t width,
                 const std::vector<int64_t>& lengths) {
  std::vector<int64_t> offsets = {0};
  int64_t most = 0;
  for (const int64_t length : lengths) {
    offsets.push_back(offsets.back() + length);
    most = std::max(most, length);
  }
  const int64_t rows = offsets.back(), all = heads * width;
  SCOPED_TRACE(std::to_string(heads) + " heads of " + std::to_string(width) + ", " +
               std::to_string(lengths.size()) + " sequences, at most " + std::to_string(most));
  const std::vector<float> q = HalfNumbers(Size(rows * all), 1, 1),
                           k = HalfNumbers(Size(rows * all), 2, 1),
                           v = HalfNumbers(Size(rows * all), 3, AttentionBatch::kValueSpread);
  const int64_t stride = (3 * all + 7) / 8 * 8 + 8;
  std::vector<float> projected(Size(rows * stride), NAN);
  for (int64_t t = 0; t < rows; ++t) {
    std::copy_n(q.begin() + t * all, all, projected.begin() + t * stride);
    std::copy_n(k.begin() + t * all, all, projected.begin() + t * stride + all);
    std::copy_n(v.begin() + t * all, all, projected.begin() + t * stride + 2 * all);
  }
  const std::vector<int32_t> offsets32(offsets.begin(), offsets.end());
  const DeviceBuffer d_projected(Encoded(projected, dtype)), d_offsets(offsets32);
  const int64_t out_stride = (all + 7) / 8 * 8;
  GpuPackedAttention work;
  work.projected = GpuMatrix::Of(d_projected.data(), dtype, rows, 3 * all);
  work.projected.stride = stride;
  work.offsets = static_cast<const int32_t*>(d_offsets.data());
  work.sequences = static_cast<int64_t>(lengths.size());
  work.most_rows = most;
  work.heads = heads;
  work.head_width = width;
  work.scale = 1 / std::sqrt(static_cast<float>(width));
  const auto run = [&] {
    const DeviceBuffer d_out(Size(rows * out_stride * BlockBytes(out_dtype)));
    work.out = GpuMatrix::Of(d_out.data(), out_dtype, rows, all);
    work.out.stride = out_stride;
    EXPECT_EQ(cuda::LaunchAttentionPacked(work, nullptr), 0);
    const std::vector<float> padded = Decoded(d_out, out_dtype);
    std::vector<float> result;
    for (int64_t t = 0; t < rows; ++t) {
      result.insert(result.end(), padded.begin() + t * out_stride,
                    padded.begin() + t * out_stride + all);
    }
    return result;
  };
  const std::vector<float> got = run();
  const auto heads_of = [&](const std::vector<float>& x) {
    return ConstHeads::Of(x.data(), rows, heads, width);
  };
  const reference::Values wanted =
      reference::AttentionPacked(heads_of(q), heads_of(k), heads_of(v), offsets, work.scale);
  if (dtype == DType::kF32) {
    ExpectNear(got, wanted, 0, 60 * kEps);
  } else {
    ExpectHalfNear(got, wanted, out_dtype == DType::kF16 ? 1.0 / 2048 : 0);
  }
  EXPECT_TRUE(kEmulated || SameBits(got, run()));
}

TEST_F(AttentionGpuPacked, AgreesWithTheReference) {
  for (const int64_t width : Some<int64_t>({32, 64, 128}, {64, 128})) {
    CheckPacked(DType::kF16, DType::kF16, 3, width, {1, 17, 64, 5, 0, 33, 16, 2});
    CheckPacked(DType::kF16, DType::kF16, 3, width, {128, 1, 65, 200, 63, 129, 15});
    CheckPacked(DType::kF16, DType::kF32, 2, width, {300, 7});
  }
}

TEST_F(AttentionGpuPacked, AgreesWithTheReferenceInFloat32AndOddWidths) {
  for (const int64_t width : Some<int64_t>({24, 32, 33, 80}, {24, 33})) {
    CheckPacked(DType::kF32, DType::kF32, 3, width, {1, 17, 64, 0, 90});
    CheckPacked(DType::kF16, DType::kF32, 2, width, {40, 3});
  }
}

TEST_F(AttentionGpu, CopiesWholePages) {
  const int64_t pages = 5, elements = 3 * kPageTokens * 40;
  const std::vector<float> keys = HalfNumbers(Size(pages * elements), 1, 1),
                           values = HalfNumbers(Size(pages * elements), 2, 1);
  for (const DType dtype : {DType::kF16, DType::kF32}) {
    const DeviceBuffer d_keys(Encoded(keys, dtype)), d_values(Encoded(values, dtype));
    const GpuKvLayer layer = {dtype, d_keys.data(), d_values.data(), pages, 3, 40};
    EXPECT_EQ(cuda::LaunchCopyPage(layer, 1, 4, nullptr), 0);
    EXPECT_NE(cuda::LaunchCopyPage(layer, 1, 5, nullptr), 0);
    std::vector<float> wanted_keys = keys, wanted_values = values;
    std::copy_n(keys.begin() + elements, elements, wanted_keys.begin() + 4 * elements);
    std::copy_n(values.begin() + elements, elements, wanted_values.begin() + 4 * elements);
    EXPECT_EQ(Decoded(d_keys, dtype), wanted_keys);
    EXPECT_EQ(Decoded(d_values, dtype), wanted_values);
  }
}
#else
TEST(AttentionGpu, NeedsABuildWithCuda) { GTEST_SKIP() << testing::WhyNoGpu(); }
#endif

}  // namespace
}  // namespace footnote::kernels
