// Matrices of any plain dtype on the device whose rows lie apart: gaps and what lies behind hold a
// poison that must survive, and so do rows that nothing wrote.
#pragma once

#include <cmath>
#include <cstring>
#include <vector>

#include "kernels/gpu_types.h"
#include "kernels/quant/half.h"
#include "tests/kernels/gpu_testing.h"

namespace footnote::kernels::testing {

#ifdef FOOTNOTE_HAVE_CUDA
inline float FloatOf(DType dtype, uint16_t bits) {
  return dtype == DType::kF16 ? FloatFromHalf(bits) : FloatFromBfloat(bits);
}

// Numbers as a matrix of the dtype holds them.
inline std::vector<float> RoundedTo(DType dtype, std::vector<float> values) {
  if (dtype == DType::kF32) return values;
  for (float& v : values) {
    v = FloatOf(dtype, dtype == DType::kF16 ? HalfFromFloat(v) : BfloatFromFloat(v));
  }
  return values;
}

class DeviceMatrix {
 public:
  // gap: elements between rows. begin: elements before the first, to misalign it.
  DeviceMatrix(DType dtype, int64_t rows, int64_t columns, int64_t gap = 8, int64_t begin = 0)
      : matrix_{nullptr, dtype, rows, columns, columns + gap},
        begin_(begin),
        bytes_(static_cast<size_t>((begin + rows * (columns + gap)) * BlockBytes(dtype))),
        buffer_((bytes_ + 3) / 4 * 4) {
    matrix_.data = static_cast<char*>(buffer_.data()) + begin * BlockBytes(dtype);
  }
  DeviceMatrix(DType dtype, int64_t rows, int64_t columns, const std::vector<float>& values,
               int64_t gap = 8, int64_t begin = 0)
      : DeviceMatrix(dtype, rows, columns, gap, begin) {
    std::vector<std::byte> host(bytes_, std::byte{0xa5});
    for (int64_t i = 0; i < rows * columns; ++i) {
      const float value = values[static_cast<size_t>(i)];
      std::byte* to = host.data() + ByteOf(i / columns, i % columns);
      const uint16_t half = dtype == DType::kF16 ? HalfFromFloat(value) : BfloatFromFloat(value);
      if (dtype == DType::kF32) {
        std::memcpy(to, &value, 4);
      } else {
        std::memcpy(to, &half, 2);
      }
    }
    EXPECT_EQ(cuda::CopyIn(buffer_.data(), host.data(), host.size()), 0);
  }

  const GpuMatrix& view() const { return matrix_; }

  // [rows, columns]; fails the test when a gap or what lies behind was written.
  std::vector<float> Values() const {
    const std::vector<float> words = buffer_.Floats();
    std::vector<std::byte> host(words.size() * 4);
    std::memcpy(host.data(), words.data(), host.size());
    std::vector<float> values;
    std::vector<bool> inside(host.size());
    for (int64_t i = 0; i < matrix_.rows * matrix_.columns; ++i) {
      const size_t at = ByteOf(i / matrix_.columns, i % matrix_.columns);
      float value;
      uint16_t half;
      if (matrix_.dtype == DType::kF32) {
        std::memcpy(&value, &host[at], 4);
      } else {
        std::memcpy(&half, &host[at], 2);
        value = FloatOf(matrix_.dtype, half);
      }
      values.push_back(value);
      for (int64_t b = 0; b < BlockBytes(matrix_.dtype); ++b)
        inside[at + static_cast<size_t>(b)] = true;
    }
    size_t written = 0;
    for (size_t i = 0; i < host.size(); ++i) written += !inside[i] && host[i] != std::byte{0xa5};
    EXPECT_EQ(written, 0u) << "bytes outside the rows were written";
    return values;
  }

 private:
  size_t ByteOf(int64_t row, int64_t column) const {
    return static_cast<size_t>((begin_ + row * matrix_.stride + column) *
                               BlockBytes(matrix_.dtype));
  }

  GpuMatrix matrix_;
  int64_t begin_;
  size_t bytes_;
  DeviceBuffer buffer_;
};

// Whole numbers on the device.
inline std::vector<int32_t> Ints(const DeviceBuffer& buffer) {
  const std::vector<float> words = buffer.Floats();
  std::vector<int32_t> ints(words.size());
  std::memcpy(ints.data(), words.data(), 4 * ints.size());
  return ints;
}
inline int32_t* IntsOf(const DeviceBuffer& buffer) { return static_cast<int32_t*>(buffer.data()); }
#endif

}  // namespace footnote::kernels::testing
