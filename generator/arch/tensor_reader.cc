#include "generator/arch/tensor_reader.h"

#include <cstring>

#include "kernels/dtype.h"

namespace footnote::generator {
namespace {

std::string ShapeText(const std::vector<int64_t>& shape) {
  std::string text = "[";
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    text += (axis == 0 ? "" : ", ") + std::to_string(shape[axis]);
  }
  return text + "]";
}

Status CheckShape(const WeightSource& source, const StoredTensor& tensor,
                  const std::vector<int64_t>& wanted) {
  if (tensor.shape == wanted) return OkStatus();
  return InvalidArgumentError(source.description() + ": tensor '" + tensor.name + "' has shape " +
                              ShapeText(tensor.shape) + " but the configuration asks for " +
                              ShapeText(wanted));
}

}  // namespace

StatusOr<kernels::Weight> TensorReader::Matrix(const std::string& name, int64_t rows,
                                               int64_t columns) {
  FOOTNOTE_ASSIGN_OR_RETURN(const StoredTensor* tensor, source_.Require(name));
  FOOTNOTE_RETURN_IF_ERROR(CheckShape(source_, *tensor, {rows, columns}));
  taken_.insert(name);
  return kernels::Weight{tensor->dtype, tensor->bytes.data(), rows, columns};
}

StatusOr<kernels::Weight> TensorReader::Table(const std::string& name, int64_t rows,
                                              int64_t columns) {
  FOOTNOTE_ASSIGN_OR_RETURN(const StoredTensor* tensor, source_.Require(name));
  if (rows != 1 || tensor->shape != std::vector<int64_t>{columns}) {
    return Matrix(name, rows, columns);
  }
  taken_.insert(name);
  return kernels::Weight{tensor->dtype, tensor->bytes.data(), rows, columns};
}

StatusOr<std::vector<float>> TensorReader::Floats(const std::string& name,
                                                  const std::vector<int64_t>& shape) {
  FOOTNOTE_ASSIGN_OR_RETURN(const StoredTensor* tensor, source_.Require(name));
  FOOTNOTE_RETURN_IF_ERROR(CheckShape(source_, *tensor, shape));
  taken_.insert(name);
  std::vector<float> values(static_cast<size_t>(tensor->elements()));
  if (Status status = kernels::Dequantize(tensor->dtype, tensor->bytes, values); !status.ok()) {
    return status.WithContext(source_.description() + ": tensor '" + name + "'");
  }
  return values;
}

StatusOr<std::vector<float>> TensorReader::Vector(const std::string& name, int64_t size) {
  return Floats(name, {size});
}

StatusOr<std::vector<float>> TensorReader::Values(const std::string& name, int64_t rows,
                                                  int64_t columns) {
  return Floats(name, {rows, columns});
}

StatusOr<std::vector<float>> TensorReader::VectorIf(bool present, const std::string& name,
                                                    int64_t size) {
  if (!present) return std::vector<float>();
  return Vector(name, size);
}

StatusOr<kernels::Weight> TensorReader::TiedHead(const std::string& name,
                                                 const kernels::Weight& embedding) {
  if (!Has(name)) return embedding;
  FOOTNOTE_ASSIGN_OR_RETURN(const kernels::Weight head,
                            Matrix(name, embedding.rows, embedding.columns));
  const bool same = head.dtype == embedding.dtype &&
                    std::memcmp(head.data, embedding.data,
                                static_cast<size_t>(head.rows * head.row_bytes())) == 0;
  return same ? embedding : head;
}

Status TensorReader::CheckAllTaken(std::span<const std::string_view> ignorable) const {
  for (const StoredTensor& tensor : source_.tensors()) {
    if (taken_.contains(tensor.name)) continue;
    bool ignored = false;
    for (const std::string_view part : ignorable) {
      ignored = ignored || tensor.name.find(part) != std::string::npos;
    }
    if (ignored) continue;
    return UnimplementedError(source_.description() + ": tensor '" + tensor.name + "' " +
                              ShapeText(tensor.shape) +
                              " has no place in this architecture, so the model computes something "
                              "that is not supported");
  }
  return OkStatus();
}

}  // namespace footnote::generator
