// Shape checks shared by the operations; each names the operation and both shapes.
#pragma once

#include <string>
#include <string_view>

#include "kernels/context.h"
#include "kernels/tensor.h"

namespace footnote::kernels {

template <typename T, int kRank>
std::string ShapeText(const TensorView<T, kRank>& view) {
  std::string text = "[";
  for (int axis = 0; axis < kRank; ++axis) {
    text += (axis > 0 ? ", " : "") + std::to_string(view.shape[axis]);
  }
  return text + "]";
}

// "RmsNorm: out is [3, 4] but x is [3, 5]".
Status ShapeError(std::string_view operation, std::string_view message);

// OK when both views have the same shape and contiguous inner rows.
template <typename T, typename U, int kRank>
Status CheckSameShape(std::string_view operation, std::string_view a_name,
                      const TensorView<T, kRank>& a, std::string_view b_name,
                      const TensorView<U, kRank>& b) {
  for (int axis = 0; axis < kRank; ++axis) {
    if (a.shape[axis] != b.shape[axis]) {
      return ShapeError(operation, std::string(a_name) + " is " + ShapeText(a) + " but " +
                                       std::string(b_name) + " is " + ShapeText(b));
    }
  }
  return OkStatus();
}

// OK when the innermost axis is contiguous and there is data for a shape that is not empty.
template <typename T, int kRank>
Status CheckView(std::string_view operation, std::string_view name,
                 const TensorView<T, kRank>& view) {
  bool empty = false;
  for (int axis = 0; axis < kRank; ++axis) {
    if (view.shape[axis] < 0) {
      return ShapeError(operation, std::string(name) + " is " + ShapeText(view));
    }
    empty = empty || view.shape[axis] == 0;
  }
  if (!empty && (view.data == nullptr || view.stride[kRank - 1] != 1)) {
    return ShapeError(operation, std::string(name) + " " + ShapeText(view) +
                                     " has no data or its innermost axis is not contiguous");
  }
  return OkStatus();
}

// OK when `length` is `wanted`.
Status CheckLength(std::string_view operation, std::string_view name, size_t length,
                   int64_t wanted);

// OK when the weight has data, a shape and rows of whole blocks.
Status CheckWeight(std::string_view operation, const Weight& w);

// Rows per part of a parallel loop over rows of `width` elements: below some 16,384 elements of
// simple work, waking a thread costs more than it saves.
int64_t RowGrain(int64_t width);

}  // namespace footnote::kernels
