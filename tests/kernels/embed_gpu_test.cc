// CUDA embeddings against the reference.
#include "kernels/cuda/elementwise.h"
#include "tests/kernels/gpu_matrix.h"
#include "tests/kernels/testing.h"

namespace footnote::kernels {
namespace {

#ifdef FOOTNOTE_HAVE_CUDA
using testing::DeviceBuffer;
using testing::DeviceMatrix;
using testing::IntsOf;
using testing::kEps;
using testing::OwnedWeight;
using testing::RandomFloats;

constexpr DType kPlain[] = {DType::kF32, DType::kF16, DType::kBF16};

// A table on the host and on the device.
struct Table {
  Table(DType dtype, int64_t rows, int64_t columns, uint32_t seed)
      : host(dtype, rows, columns, seed), device(host.bytes) {}
  GpuWeight weight() const {
    return {host.weight.dtype, device.data(), host.weight.rows, host.weight.columns};
  }
  OwnedWeight host;
  DeviceBuffer device;
};

TEST(EmbedGpu, AgreesWithTheReferenceAndAdds) {
  if (const std::string why = testing::WhyNoGpu(); !why.empty()) GTEST_SKIP() << why;
  for (const DType dtype : kPlain) {
    for (const int64_t k : {1, 7, 100, 384, 576, 640, 4096}) {
      for (const int64_t gap : {8, 3}) {
        SCOPED_TRACE(std::string(DTypeName(dtype)) + " K " + std::to_string(k) + " gap " +
                     std::to_string(gap));
        const Table table(dtype, 19, k, 3);
        const std::vector<int32_t> ids = {18, 0, 5, 5, 11};
        const DeviceBuffer dids(ids);
        const DeviceMatrix out(DType::kF32, 5, k, gap);
        ASSERT_EQ(
            cuda::LaunchEmbedPlain(table.weight(), IntsOf(dids), 1.5f, false, out.view(), nullptr),
            0);
        const reference::Values wanted = reference::EmbedRows(table.host.weight, ids, 1.5f);
        testing::ExpectNear(out.Values(), wanted, kEps, 1e-30);
        ASSERT_EQ(cuda::LaunchEmbedPlain(table.weight(), nullptr, 1.0f, true, out.view(), nullptr),
                  0);
        reference::Values sum = reference::EmbedRows(table.host.weight, {{0, 0, 0, 0, 0}}, 1.0f);
        for (size_t i = 0; i < sum.size(); ++i) sum[i] += wanted[i];
        testing::ExpectNear(out.Values(), sum, kEps, 2 * kEps);
      }
    }
  }
}

TEST(EmbedGpu, GivesZerosForIdsOutsideTheTable) {
  if (const std::string why = testing::WhyNoGpu(); !why.empty()) GTEST_SKIP() << why;
  const Table table(DType::kF16, 3, 64, 3);
  const DeviceBuffer ids(std::vector<int32_t>{-1, 3});
  const DeviceMatrix out(DType::kF32, 2, 64);
  ASSERT_EQ(cuda::LaunchEmbedPlain(table.weight(), IntsOf(ids), 1, false, out.view(), nullptr), 0);
  EXPECT_EQ(out.Values(), std::vector<float>(128, 0.0f));
}

TEST(EmbedGpu, SumsAndNormalisesAsABertBegins) {
  if (const std::string why = testing::WhyNoGpu(); !why.empty()) GTEST_SKIP() << why;
  for (const DType dtype : kPlain) {
    for (const int64_t k : {7, 24, 100, 128, 384, 576, 768, 1020, 1024}) {
      SCOPED_TRACE(std::string(DTypeName(dtype)) + " K " + std::to_string(k));
      constexpr int64_t kRows = 11;
      const Table tokens(dtype, 40, k, 1), types(dtype, 2, k, 2), positions(dtype, 13, k, 3);
      std::vector<int32_t> token_ids, type_ids, position_ids;
      for (int32_t t = 0; t < kRows; ++t) {
        token_ids.push_back(39 - 3 * t);
        type_ids.push_back(t % 2);
        position_ids.push_back(2 + t);
      }
      const std::vector<float> weight = RandomFloats(static_cast<size_t>(k), 4);
      const std::vector<float> bias = RandomFloats(static_cast<size_t>(k), 5);
      const DeviceBuffer dtokens(token_ids), dtypes(type_ids), dpositions(position_ids);
      const DeviceBuffer dw(weight), db(bias);
      for (const bool with_types : {true, false}) {
        const DeviceMatrix out(DType::kF32, kRows, k), rounded(DType::kF16, kRows, k);
        cuda::EmbedSumNormWork work;
        work.tokens = tokens.weight();
        work.positions = positions.weight();
        work.types = types.weight();
        work.token_ids = IntsOf(dtokens);
        work.position_ids = IntsOf(dpositions);
        work.type_ids = with_types ? IntsOf(dtypes) : nullptr;
        work.norm = {GpuNorm::Kind::kLayer, dw.floats(), db.floats(), 0, 1e-12f};
        work.rows = kRows;
        work.out = out.view();
        work.rounded = rounded.view();
        ASSERT_EQ(cuda::LaunchEmbedSumNorm(work, nullptr), 0);
        if (!with_types) type_ids.assign(kRows, 0);
        const reference::Values parts[] = {
            reference::EmbedRows(tokens.host.weight, token_ids, 1),
            reference::EmbedRows(types.host.weight, type_ids, 1),
            reference::EmbedRows(positions.host.weight, position_ids, 1)};
        std::vector<float> sums;
        for (size_t i = 0; i < parts[0].size(); ++i) {
          sums.push_back(static_cast<float>(parts[0][i] + parts[1][i] + parts[2][i]));
        }
        const reference::Values wanted =
            reference::LayerNorm(ConstMatrix::Of(sums.data(), kRows, k), weight, bias, 1e-12f);
        const std::vector<float> got = out.Values();
        // Numbers of 0.17 and of mean near 0; sums of three round twice, here and in `sums`.
        testing::ExpectNear(got, wanted, 40 * kEps, 80 * kEps);
        EXPECT_EQ(rounded.Values(), testing::RoundedTo(DType::kF16, got));
      }
    }
  }
}

TEST(EmbedGpu, RefusesWhatItDoesNotTake) {
  if (const std::string why = testing::WhyNoGpu(); !why.empty()) GTEST_SKIP() << why;
  const Table table(DType::kF16, 3, 64, 3), quantised(DType::kQ8_0, 3, 64, 3);
  const DeviceBuffer ids(std::vector<int32_t>{0});
  const DeviceMatrix out(DType::kF32, 1, 64), half(DType::kF16, 1, 64), other(DType::kF32, 1, 72);
  const auto embed = [&](const GpuWeight& w, const DeviceMatrix& to) {
    return cuda::LaunchEmbedPlain(w, IntsOf(ids), 1, false, to.view(), nullptr);
  };
  EXPECT_NE(embed(quantised.weight(), out), 0);
  EXPECT_NE(embed(table.weight(), half), 0);
  EXPECT_NE(embed(table.weight(), other), 0);
  EXPECT_NE(embed({}, out), 0);
  EXPECT_EQ(embed(table.weight(), out), 0);
}
#else
TEST(EmbedGpu, NeedsABuildWithCuda) { GTEST_SKIP() << testing::WhyNoGpu(); }
#endif

}  // namespace
}  // namespace footnote::kernels
