// CUDA's RopeAndStore against the reference: norm, rotation, rounding, and where keys and values
// go.
#include <cmath>

#include "tests/kernels/attention_gpu_testing.h"

namespace footnote::kernels {
namespace {

#ifdef FOOTNOTE_HAVE_CUDA
using namespace testing;  // NOLINT: this file is about its contents

struct RopeCase {
  int64_t heads, kv_heads, width, rotated;
  RopePairing pairing;
  bool query_norm, key_norm;
  DType input, cache;
  bool two_tables = false;  // sequences known to be longer than 100 turn by the second
};

constexpr int64_t kPositions = 3000;
constexpr float kFactor = 1.25f;

void Check(const RopeCase& c) {
  SCOPED_TRACE(std::to_string(c.heads) + "/" + std::to_string(c.kv_heads) + " heads of " +
               std::to_string(c.width) + ", rotated " + std::to_string(c.rotated) +
               (c.pairing == RopePairing::kHalves ? " halves" : " interleaved") + ", norms " +
               std::to_string(c.query_norm) + std::to_string(c.key_norm) + ", from " +
               std::string(DTypeName(c.input)) + " to " + std::string(DTypeName(c.cache)));
  // Sequences of 3, 20, 2 (padding) and 1 rows, then 4 rows of nobody.
  const std::vector<int32_t> first_row = {0, 3, 23, 25, 26}, lengths = {3, 50, 0, 2900};
  std::vector<int32_t> positions = {0, 1, 2}, row_sequence = {0, 0, 0};
  for (int32_t i = 0; i < 20; ++i) positions.push_back(30 + i), row_sequence.push_back(1);
  positions.insert(positions.end(), {-1, -1, 2899, -1, 7, 0, -1});  // behind the end: any
  row_sequence.insert(row_sequence.end(), {2, 2, 3, 0, 0, 0, 0});
  const auto rows = static_cast<int64_t>(positions.size());
  const int64_t stride_of_pages = 182;
  std::vector<int32_t> pages(4 * Size(stride_of_pages), -1);
  const auto page_of = [&](int64_t b, int64_t position) -> int32_t& {
    return pages[Size(b * stride_of_pages + position / kPageTokens)];
  };
  page_of(0, 0) = 4;
  page_of(1, 30) = 2;
  page_of(1, 32) = 0;
  page_of(1, 49) = 5;
  page_of(3, 2899) = 1;
  const int64_t page_count = 7;

  const int64_t all = (c.heads + 2 * c.kv_heads) * c.width, q_columns = c.heads * c.width;
  const int64_t stride = (all + 7) / 8 * 8 + 8, q_stride = (q_columns + 7) / 8 * 8 + 8;
  std::vector<float> x = RandomFloats(Size(rows * stride), 5);
  for (float& each : x) {
    if (c.input == DType::kF16) each = FloatFromHalf(HalfFromFloat(each));
    if (c.input == DType::kBF16) each = FloatFromBfloat(BfloatFromFloat(each));
  }
  x[Size(3 * stride)] = 60000;  // turned or normed it may overflow F16
  x[Size(3 * stride + q_columns + c.kv_heads * c.width)] = c.input == DType::kF16 ? 65504 : 1e6f;
  if (c.input == DType::kBF16) {
    for (float& each : x) each = FloatFromBfloat(BfloatFromFloat(each));
  }
  const std::vector<float> q_norm = RandomFloats(Size(c.width), 6),
                           k_norm = RandomFloats(Size(c.width), 7);
  std::vector<double> frequencies;
  for (int64_t i = 0; i < c.rotated / 2; ++i) {
    frequencies.push_back(
        std::pow(10000.0, -2.0 * static_cast<double>(i) / static_cast<double>(c.rotated)));
  }
  std::vector<double> slower;
  for (const double frequency : frequencies) slower.push_back(frequency / 3);
  std::vector<float> cosines, sines;
  for (const auto& table : {frequencies, slower}) {
    for (int64_t p = 0; p < kPositions; ++p) {
      for (const double frequency : table) {
        const double angle = static_cast<double>(p) * frequency;
        cosines.push_back(static_cast<float>(std::cos(angle) * kFactor));
        sines.push_back(static_cast<float>(std::sin(angle) * kFactor));
      }
    }
  }
  // The second sequence has more of its prompt to come.
  const std::vector<int32_t> known_lengths = {100, 120, 0, 2900};

  const int64_t cache_elements = page_count * c.kv_heads * kPageTokens * c.width;
  const auto cache_bytes = Size(cache_elements * BlockBytes(c.cache));
  const DeviceBuffer d_x(Encoded(x, c.input)), d_q(Size(rows * q_stride * BlockBytes(c.cache))),
      d_keys(cache_bytes), d_values(cache_bytes), d_cos(cosines), d_sin(sines), d_q_norm(q_norm),
      d_k_norm(k_norm), d_first(first_row), d_lengths(lengths), d_positions(positions),
      d_row_sequence(row_sequence), d_pages(pages), d_known(known_lengths);
  GpuRopeAndStore work;
  work.projected = GpuMatrix::Of(d_x.data(), c.input, rows, all);
  work.projected.stride = stride;
  work.heads = c.heads;
  work.rope = {c.pairing,  d_cos.floats(), d_sin.floats(),
               kPositions, c.rotated,      c.two_tables ? 100 : 0};
  work.query_norm = c.query_norm ? d_q_norm.floats() : nullptr;
  work.key_norm = c.key_norm ? d_k_norm.floats() : nullptr;
  work.norm_weight_bias = 0.5f;
  work.norm_eps = 1e-5f;
  work.queries = GpuMatrix::Of(d_q.data(), c.cache, rows, q_columns);
  work.queries.stride = q_stride;
  GpuSequences sequences;
  sequences.first_row = static_cast<const int32_t*>(d_first.data());
  sequences.lengths = static_cast<const int32_t*>(d_lengths.data());
  sequences.positions = static_cast<const int32_t*>(d_positions.data());
  sequences.row_sequence = static_cast<const int32_t*>(d_row_sequence.data());
  if (c.two_tables) sequences.known_lengths = static_cast<const int32_t*>(d_known.data());
  sequences.pages = static_cast<const int32_t*>(d_pages.data());
  sequences.pages_stride = stride_of_pages;
  sequences.count = 4;
  sequences.rows = rows;
  sequences.most_rows = 20;
  sequences.most_keys = 2900;
  const GpuKvLayer layer = {c.cache,    d_keys.data(), d_values.data(),
                            page_count, c.kv_heads,    c.width};
  ASSERT_EQ(cuda::LaunchRopeAndStore(work, sequences, layer, nullptr), 0);
  ASSERT_EQ(cuda::Synchronize(), 0);

  const std::vector<float> q = Decoded(d_q, c.cache);
  std::vector<float> keys = Decoded(d_keys, c.cache), values = Decoded(d_values, c.cache);
  const float poison = AttentionBatch::PoisonOf(c.cache);
  // float32: a norm, a table entry, two products; F16 half a last place more, and saturation.
  const auto near = [&](float got, double wanted, double size) {
    double limit = 16 * kEps * size;
    if (c.cache == DType::kF16) {
      wanted = std::clamp(wanted, -65504.0, 65504.0);
      limit += std::fabs(wanted) / 2048 + 1e-7;
    }
    return std::fabs(got - wanted) <= limit;
  };
  for (int64_t t = 0; t < rows; ++t) {
    const bool padding = t >= 26 || positions[Size(t)] < 0;
    for (int64_t h = 0; h < c.heads + 2 * c.kv_heads; ++h) {
      const float* from = x.data() + t * stride + h * c.width;
      const bool is_query = h < c.heads, is_value = h >= c.heads + c.kv_heads;
      std::vector<float> head(from, from + c.width);
      if (is_query ? c.query_norm : !is_value && c.key_norm) {
        const reference::Values normed =
            reference::RmsNorm(ConstMatrix::Of(head.data(), 1, c.width), is_query ? q_norm : k_norm,
                               0.5f, work.norm_eps);
        std::copy(normed.begin(), normed.end(), head.begin());
      }
      reference::Values wanted(head.begin(), head.end());
      if (!is_value && !padding) {
        const bool second = c.two_tables && known_lengths[Size(row_sequence[Size(t)])] > 100;
        wanted = reference::Rope({positions.data() + t, 1},
                                 {c.pairing, second ? slower : frequencies, kFactor},
                                 ConstHeads::Of(head.data(), 1, 1, c.width));
      }
      double size = 0;
      for (const float v : head) size = std::max(size, 2.0 * std::fabs(v));
      for (int64_t d = 0; d < c.width; ++d) {
        if (is_query) {
          const float got = q[Size(t * q_stride + h * c.width + d)];
          ASSERT_TRUE(padding ? got == 0 : near(got, wanted[Size(d)], size))
              << "row " << t << " query head " << h << " element " << d << ": got " << got
              << ", wanted " << wanted[Size(d)];
        } else if (!padding) {
          const int64_t position = positions[Size(t)];
          const int64_t kv_head = (h - c.heads) % c.kv_heads;
          const int64_t at =
              ((page_of(row_sequence[Size(t)], position) * c.kv_heads + kv_head) * kPageTokens +
               position % kPageTokens) *
                  c.width +
              d;
          float& got = (is_value ? values : keys)[Size(at)];
          ASSERT_TRUE(near(got, wanted[Size(d)], size))
              << "row " << t << " head " << h << " element " << d << ": got " << got << ", wanted "
              << wanted[Size(d)];
          got = poison;  // seen: what is left must be what was there before
        }
      }
    }
    for (int64_t d = q_columns; d < q_stride; ++d) ASSERT_EQ(q[Size(t * q_stride + d)], poison);
  }
  for (size_t i = 0; i < keys.size(); ++i) {
    ASSERT_EQ(keys[i], poison) << "key element " << i << " written for no row";
    ASSERT_EQ(values[i], poison) << "value element " << i << " written for no row";
  }
}

TEST(RopeStoreGpu, AgreesWithTheReference) {
  if (const std::string why = WhyNoGpu(); !why.empty()) GTEST_SKIP() << why;
  constexpr auto kHalves = RopePairing::kHalves, kInterleaved = RopePairing::kInterleaved;
  constexpr DType kF32 = DType::kF32, kF16 = DType::kF16, kBF16 = DType::kBF16;
  for (const RopeCase& c : {
           RopeCase{6, 2, 64, 64, kHalves, false, false, kF32, kF16},
           RopeCase{6, 2, 64, 64, kInterleaved, false, false, kF32, kF16},
           RopeCase{4, 1, 128, 128, kHalves, true, true, kF32, kF16},
           RopeCase{4, 1, 128, 128, kHalves, true, true, kBF16, kF16},
           RopeCase{4, 4, 128, 64, kInterleaved, true, false, kF16, kF16},
           RopeCase{5, 1, 80, 32, kHalves, false, true, kF16, kF16},
           RopeCase{3, 3, 96, 96, kHalves, false, false, kBF16, kF32},
           RopeCase{2, 1, 256, 256, kHalves, true, true, kF32, kF32},
           RopeCase{2, 2, 24, 24, kHalves, true, true, kBF16, kF16},
           RopeCase{3, 1, 252, 252, kHalves, true, true, kF16, kF16},
           RopeCase{5, 1, 80, 80, kHalves, true, false, kF32, kF16},
           RopeCase{2, 1, 260, 260, kHalves, true, true, kF32, kF16},
           RopeCase{2, 2, 24, 12, kHalves, false, false, kF32, kF16},
           RopeCase{2, 2, 24, 6, kHalves, true, true, kF32, kF32},
           RopeCase{3, 1, 33, 10, kInterleaved, true, true, kF16, kF16},
           RopeCase{3, 1, 33, 20, kHalves, false, false, kF32, kF16},
           RopeCase{71, 1, 64, 64, kHalves, false, false, kF32, kF16},
           RopeCase{12, 12, 64, 0, kHalves, false, false, kF32, kF16},
           RopeCase{6, 2, 96, 96, kHalves, false, false, kF32, kF16, true},
           RopeCase{6, 2, 96, 72, kHalves, false, false, kF32, kF32, true},
       }) {
    Check(c);
  }
}
#else
TEST(RopeStoreGpu, NeedsABuildWithCuda) { GTEST_SKIP() << testing::WhyNoGpu(); }
#endif

}  // namespace
}  // namespace footnote::kernels
