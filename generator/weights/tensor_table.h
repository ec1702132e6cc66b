// Tensors by name, for every kind of source.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/status.h"
#include "generator/weights/weight_source.h"

namespace footnote::generator {

class TensorTable {
 public:
  // Errors: DATA_LOSS when the name is taken.
  Status Add(StoredTensor tensor);
  // Remembers a tensor that is there in a format nobody reads: `format` is its name in the file.
  Status AddUnsupported(std::string name, std::string format);

  const std::vector<StoredTensor>& tensors() const { return tensors_; }
  const StoredTensor* Find(std::string_view name) const;
  // `description` names the file in errors.
  StatusOr<const StoredTensor*> Optional(std::string_view name,
                                         const std::string& description) const;
  StatusOr<const StoredTensor*> Require(std::string_view name,
                                        const std::string& description) const;

 private:
  std::vector<StoredTensor> tensors_;
  std::map<std::string, size_t, std::less<>> index_;
  std::map<std::string, std::string, std::less<>> unsupported_;
};

}  // namespace footnote::generator
