// What the kernel tests share: random data, contexts for every instruction set, comparisons.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "common/thread_pool.h"
#include "kernels/context.h"
#include "kernels/reference/reference_ops.h"
#include "kernels/tensor.h"
#include "tests/testing/status_matchers.h"

namespace footnote::kernels::testing {

inline constexpr double kEps = std::numeric_limits<float>::epsilon();  // 2^-23

inline std::vector<float> RandomFloats(size_t count, uint32_t seed, float spread = 1.0f) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0.0f, spread);
  std::vector<float> values(count);
  for (float& value : values) value = normal(random);
  return values;
}

// A row-major [rows, columns] matrix whose rows lie `gap` elements apart; the gap and what lies
// behind hold a poison that must survive.
struct PaddedMatrix {
  PaddedMatrix(int64_t rows, int64_t columns, int64_t gap = 3)
      : rows(rows),
        columns(columns),
        stride(columns + gap),
        data(static_cast<size_t>(rows * stride + 8), kPoison) {}

  Matrix view() {
    Matrix matrix = Matrix::Of(data.data(), rows, columns);
    matrix.stride[0] = stride;
    return matrix;
  }
  void Fill(const std::vector<float>& values) {
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t c = 0; c < columns; ++c) {
        view().row(r)[c] = values[static_cast<size_t>(r * columns + c)];
      }
    }
  }
  std::vector<float> Values() {
    std::vector<float> values;
    for (int64_t r = 0; r < rows; ++r) {
      values.insert(values.end(), view().row(r), view().row(r) + columns);
    }
    return values;
  }
  // Padding untouched.
  bool Intact() const {
    for (size_t i = 0; i < data.size(); ++i) {
      const auto column = static_cast<int64_t>(i) % stride;
      const bool inside = static_cast<int64_t>(i) / stride < rows && column < columns;
      if (!inside && data[i] != kPoison) return false;
    }
    return true;
  }

  static constexpr float kPoison = -12345.0f;
  int64_t rows, columns, stride;
  std::vector<float> data;
};

// Where a block's float16 numbers lie, of the formats that have no encoder; empty for the others.
inline std::vector<size_t> HalfFields(DType dtype) {
  switch (dtype) {
    case DType::kQ4_K:
    case DType::kQ5_K:
      return {0, 2};
    case DType::kQ6_K:
      return {208};
    case DType::kQ2_K:
      return {80, 82};
    case DType::kQ3_K:
      return {108};
    case DType::kIQ4_NL:
    case DType::kIQ4_XS:
      return {0};
    default:
      return {};
  }
}

// Weight bytes of any format, with numbers of the size that trained models have. Where there is no
// encoder, random codes under small scales are as good.
struct OwnedWeight {
  OwnedWeight(DType dtype, int64_t rows, int64_t columns, uint32_t seed) {
    weight = {dtype, nullptr, rows, columns};
    bytes.resize(static_cast<size_t>(rows * weight.row_bytes()));
    weight.data = bytes.data();
    if (const std::vector<size_t> halves = HalfFields(dtype); !halves.empty()) {
      std::mt19937 random(seed);
      for (std::byte& each : bytes) each = static_cast<std::byte>(random() & 255);
      const int64_t block = BlockBytes(dtype);
      for (size_t b = 0; b < bytes.size(); b += static_cast<size_t>(block)) {
        for (const size_t at : halves) {
          // float16 scales near 2^-10: exponent bits 5.
          const uint16_t half = static_cast<uint16_t>(0x1400u | (random() & 0x83ffu));
          std::memcpy(bytes.data() + b + at, &half, 2);
        }
      }
    } else {
      const std::vector<float> values =
          RandomFloats(static_cast<size_t>(rows * columns), seed, 0.1f);
      EXPECT_OK(Quantize(dtype, values, bytes));
    }
  }
  Weight weight;
  std::vector<std::byte> bytes;
};

inline std::vector<DType> AllFormats() {
  return {
#define FOOTNOTE_FORMAT(enumerator, name, gguf_type, block_elements, block_bytes) DType::enumerator,
#include "kernels/quant/formats.def"
#undef FOOTNOTE_FORMAT
  };
}

// One test body for every supported instruction set.
class EveryIsa : public ::testing::TestWithParam<Isa> {
 protected:
  std::unique_ptr<Context> Make(Precision precision, ThreadPool* pool = nullptr) {
    auto context = Context::Create(pool, GetParam(), precision);
    EXPECT_OK(context);
    return std::move(context).value();
  }
  std::unique_ptr<Context> ctx_ = Make(Precision::kExact);
};

#define FOOTNOTE_EVERY_ISA(suite)                      \
  INSTANTIATE_TEST_SUITE_P(                            \
      On, suite, ::testing::ValuesIn(SupportedIsas()), \
      [](const ::testing::TestParamInfo<Isa>& info) { return std::string(IsaName(info.param)); })

// |got - wanted| <= relative * |wanted| + absolute, for each.
inline void ExpectNear(const std::vector<float>& got, const reference::Values& wanted,
                       double relative, double absolute) {
  ASSERT_EQ(got.size(), wanted.size());
  for (size_t i = 0; i < got.size(); ++i) {
    const double bound = relative * std::fabs(wanted[i]) + absolute;
    ASSERT_LE(std::fabs(got[i] - wanted[i]), bound)
        << "element " << i << ": got " << got[i] << ", wanted " << wanted[i];
  }
}

inline bool SameBits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

}  // namespace footnote::kernels::testing
