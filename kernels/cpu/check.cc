#include "kernels/cpu/check.h"

#include <algorithm>

namespace footnote::kernels {

Status ShapeError(std::string_view operation, std::string_view message) {
  return InvalidArgumentError(std::string(operation) + ": " + std::string(message));
}

Status CheckLength(std::string_view operation, std::string_view name, size_t length,
                   int64_t wanted) {
  if (static_cast<int64_t>(length) == wanted) return OkStatus();
  return ShapeError(operation, std::string(name) + " has " + std::to_string(length) +
                                   " elements but " + std::to_string(wanted) + " are needed");
}

Status CheckWeight(std::string_view operation, const Weight& w) {
  if (w.data != nullptr && w.rows > 0 && w.columns > 0 && w.columns % BlockElements(w.dtype) == 0) {
    return OkStatus();
  }
  return ShapeError(operation,
                    "the weight is [" + std::to_string(w.rows) + ", " + std::to_string(w.columns) +
                        "] " + std::string(DTypeName(w.dtype)) +
                        (w.data == nullptr ? " without data" : "") +
                        "; rows must be whole blocks of " + std::to_string(BlockElements(w.dtype)));
}

int64_t RowGrain(int64_t width) {
  return std::max<int64_t>(1, 16384 / std::max<int64_t>(width, 1));
}

}  // namespace footnote::kernels
