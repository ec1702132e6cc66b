// Views of tensors: a pointer, a shape, row strides. They own nothing and copy for free.
//
// Shapes are written [outer, …, inner], row-major; the innermost axis is contiguous. Plain arrays,
// so that nvcc takes this header.
#pragma once

#include <cstdint>
#include <type_traits>

#include "kernels/dtype.h"

namespace footnote::kernels {

template <typename T, int kRank>
struct TensorView {
  T* data = nullptr;
  int64_t shape[kRank] = {};
  int64_t stride[kRank] = {};  // in elements; stride[kRank - 1] is 1

  // Contiguous view. Shape as listed, outermost first.
  template <typename... Sizes>
  static TensorView Of(T* data, Sizes... sizes) {
    static_assert(sizeof...(Sizes) == kRank);
    TensorView view;
    view.data = data;
    const int64_t values[kRank] = {static_cast<int64_t>(sizes)...};
    int64_t step = 1;
    for (int axis = kRank - 1; axis >= 0; --axis) {
      view.shape[axis] = values[axis];
      view.stride[axis] = step;
      step *= values[axis];
    }
    return view;
  }

  // Start of row `index` of the outermost axis.
  T* row(int64_t index) const { return data + index * stride[0]; }

  // Rows [begin, begin + count) of the outermost axis.
  TensorView slice(int64_t begin, int64_t count) const {
    TensorView view = *this;
    view.data = row(begin);
    view.shape[0] = count;
    return view;
  }

  // A template, so that a view of constants has none (nvcc warns of a conversion to itself).
  template <typename U>
  requires(std::is_same_v<U, const T> && !std::is_const_v<T>) operator TensorView<U, kRank>()
      const {  // NOLINT: implicit by design
    TensorView<U, kRank> view;
    view.data = data;
    for (int axis = 0; axis < kRank; ++axis) {
      view.shape[axis] = shape[axis];
      view.stride[axis] = stride[axis];
    }
    return view;
  }
};

using Matrix = TensorView<float, 2>;
using ConstMatrix = TensorView<const float, 2>;
using Heads = TensorView<float, 3>;  // [T tokens, H heads, D head width]
using ConstHeads = TensorView<const float, 3>;

struct PackedWeight;  // kernels/packing.h

// A weight matrix as it lies in its file: [rows = outputs, columns = inputs], each row a run of
// blocks. `data` usually points into a MappedFile. Default: no weight.
struct Weight {
  DType dtype = DType::kF32;
  const void* data = nullptr;
  int64_t rows = 0;
  int64_t columns = 0;
  // The same matrix laid out for products on this CPU, if it was packed.
  const PackedWeight* packed = nullptr;
  // [columns], > 0, or null: how large the numbers are that each column is multiplied with, where
  // that is known. Rounding both sides to 8 bits by groups evens out the columns of a group.
  const float* column_spread = nullptr;

  explicit operator bool() const { return data != nullptr; }
  int64_t row_bytes() const { return RowBytes(dtype, columns); }
  const std::byte* row(int64_t index) const {
    return static_cast<const std::byte*>(data) + index * row_bytes();
  }
  // Rows [begin, begin + count): one part of a fused projection.
  Weight slice(int64_t begin, int64_t count) const {
    return {dtype, row(begin), count, columns, nullptr};
  }
};

}  // namespace footnote::kernels
