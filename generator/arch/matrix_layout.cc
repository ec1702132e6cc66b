#include "generator/arch/matrix_layout.h"

#include <cassert>
#include <cstring>
#include <utility>

namespace footnote::generator {
namespace {

kernels::Weight NewMatrix(kernels::DType dtype, int64_t rows, int64_t columns,
                          OwnedMatrices& owned) {
  auto memory = std::make_shared<std::vector<std::byte>>(
      static_cast<size_t>(rows * kernels::RowBytes(dtype, columns)));
  owned.push_back(memory);
  return {dtype, memory->data(), rows, columns};
}

}  // namespace

kernels::Weight GatherRows(const kernels::Weight& w, int64_t first, int64_t count, int64_t stride,
                           OwnedMatrices& owned) {
  assert(first + count <= stride && w.rows % stride == 0);
  const int64_t groups = w.rows / stride;
  const kernels::Weight gathered = NewMatrix(w.dtype, groups * count, w.columns, owned);
  std::byte* to = owned.back()->data();
  const auto group_bytes = static_cast<size_t>(count * w.row_bytes());
  for (int64_t group = 0; group < groups; ++group, to += group_bytes) {
    std::memcpy(to, w.row(group * stride + first), group_bytes);
  }
  return gathered;
}

std::vector<float> GatherElements(const std::vector<float>& values, int64_t first, int64_t count,
                                  int64_t stride) {
  assert(first + count <= stride && static_cast<int64_t>(values.size()) % stride == 0);
  std::vector<float> gathered;
  for (auto group = values.begin(); group != values.end(); group += stride) {
    gathered.insert(gathered.end(), group + first, group + first + count);
  }
  return gathered;
}

kernels::Weight Transpose(const kernels::Weight& w, OwnedMatrices& owned) {
  assert(kernels::BlockElements(w.dtype) == 1);
  const kernels::Weight transposed = NewMatrix(w.dtype, w.columns, w.rows, owned);
  std::byte* to = owned.back()->data();
  const auto element = static_cast<size_t>(kernels::BlockBytes(w.dtype));
  const auto row_bytes = static_cast<size_t>(transposed.row_bytes());
  // By rows of the source: each is read once, in order.
  for (int64_t row = 0; row < w.rows; ++row) {
    const std::byte* from = w.row(row);
    std::byte* column = to + static_cast<size_t>(row) * element;
    for (int64_t i = 0; i < w.columns; ++i, from += element, column += row_bytes) {
      std::memcpy(column, from, element);
    }
  }
  return transposed;
}

}  // namespace footnote::generator
