// Takes tensors out of a weight file by name, checks their shapes, and remembers which were taken,
// so that a tensor nobody asked for (a bias, an extra norm) is an error and not silently ignored.
//
// Private to the generator room. Threads: one.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/status.h"
#include "generator/weights/weight_source.h"
#include "kernels/tensor.h"

namespace footnote::generator {

class TensorReader {
 public:
  explicit TensorReader(const WeightSource& source) : source_(source) {}

  bool Has(std::string_view name) const { return source_.Find(name) != nullptr; }

  // A matrix that stays in the mapping. Errors: NOT_FOUND, UNIMPLEMENTED (its number format),
  // INVALID_ARGUMENT when its shape is not [rows, columns].
  StatusOr<kernels::Weight> Matrix(const std::string& name, int64_t rows, int64_t columns);

  // As Matrix; a single row may also be stored as a vector, as llama.cpp's converter leaves it.
  StatusOr<kernels::Weight> Table(const std::string& name, int64_t rows, int64_t columns);

  // A vector of `size`, converted to float32. Errors: as Matrix.
  StatusOr<std::vector<float>> Vector(const std::string& name, int64_t size);

  // A small matrix, converted to float32. Errors: as Matrix.
  StatusOr<std::vector<float>> Values(const std::string& name, int64_t rows, int64_t columns);

  // As Vector, but empty when `present` is false.
  StatusOr<std::vector<float>> VectorIf(bool present, const std::string& name, int64_t size);

  // The head of a model whose configuration ties it to `embedding`: that, unless tensor `name` is
  // there too with other values, which transformers then prefers to the configuration.
  StatusOr<kernels::Weight> TiedHead(const std::string& name, const kernels::Weight& embedding);

  // OK when every tensor was taken or its name contains one of `ignorable`. Errors: UNIMPLEMENTED
  // names the first that was not.
  Status CheckAllTaken(std::span<const std::string_view> ignorable) const;
  Status CheckAllTaken(std::initializer_list<std::string_view> ignorable) const {
    return CheckAllTaken(std::span(ignorable.begin(), ignorable.size()));
  }

 private:
  StatusOr<std::vector<float>> Floats(const std::string& name, const std::vector<int64_t>& shape);

  const WeightSource& source_;
  std::set<std::string, std::less<>> taken_;
};

}  // namespace footnote::generator
