#include "generator/weights/tensor_table.h"

#include <utility>

#include "common/text/utf8.h"
#include "generator/weights/byte_cursor.h"

namespace footnote::generator {

std::string Shown(std::string_view name) {
  constexpr size_t kLongest = 200;
  std::string shown = "\"";
  const std::string valid = ReplaceInvalidUtf8(name.substr(0, Utf8Floor(name, kLongest)));
  for (const char byte : valid) {
    shown.push_back(static_cast<unsigned char>(byte) < 0x20 || byte == 0x7F ? '?' : byte);
  }
  if (name.size() > kLongest) shown += "…";
  return shown + "\"";
}

Status TensorTable::Add(StoredTensor tensor) {
  if (unsupported_.contains(tensor.name) || !index_.emplace(tensor.name, tensors_.size()).second) {
    return DataLossError("tensor " + Shown(tensor.name) + " is there twice");
  }
  tensors_.push_back(std::move(tensor));
  return OkStatus();
}

Status TensorTable::AddUnsupported(std::string name, std::string format) {
  if (index_.contains(name) || unsupported_.contains(name)) {
    return DataLossError("tensor " + Shown(name) + " is there twice");
  }
  unsupported_.emplace(std::move(name), std::move(format));
  return OkStatus();
}

const StoredTensor* TensorTable::Find(std::string_view name) const {
  const auto found = index_.find(name);
  return found == index_.end() ? nullptr : &tensors_[found->second];
}

StatusOr<const StoredTensor*> TensorTable::Optional(std::string_view name,
                                                    const std::string& description) const {
  const auto unsupported = unsupported_.find(name);
  if (unsupported != unsupported_.end()) {
    return UnimplementedError(description + ": tensor " + Shown(name) + " has the format " +
                              unsupported->second + ", which is not supported");
  }
  return Find(name);
}

StatusOr<const StoredTensor*> TensorTable::Require(std::string_view name,
                                                   const std::string& description) const {
  FOOTNOTE_ASSIGN_OR_RETURN(const StoredTensor* tensor, Optional(name, description));
  if (tensor == nullptr) {
    return NotFoundError(description + " has no tensor " + Shown(name));
  }
  return tensor;
}

}  // namespace footnote::generator
