// A norm's parameters. Private to the generator room.
#pragma once

#include <vector>

namespace footnote::generator {

// [W] each. Default: no norm.
struct NormWeights {
  std::vector<float> weight;  // as it is multiplied: a file's "weight - 1" has the 1 added
  std::vector<float> bias;    // may be empty

  explicit operator bool() const { return !weight.empty(); }
};

}  // namespace footnote::generator
