// Cosines and sines of the last few Rope calls: every layer of a model asks for the same ones.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace footnote::kernels {

// One table: rows of [cosines…, sines…] for each token, as CpuKernels::rotate_* wants them.
struct RopeTable {
  std::vector<int32_t> positions;
  std::vector<double> inverse_frequencies;
  float attention_factor = 0;
  bool interleaved = false;   // each angle twice, sines negative first
  std::vector<float> values;  // [tokens, 2 * width()]

  int64_t width() const {
    return static_cast<int64_t>(inverse_frequencies.size()) * (interleaved ? 2 : 1);
  }
};

class RopeCache {
 public:
  // The table for these arguments, computed in double when none of the kept ones is theirs. Valid
  // until the next call.
  const RopeTable& Get(std::span<const int32_t> positions,
                       std::span<const double> inverse_frequencies, float attention_factor,
                       bool interleaved);

 private:
  // Two, because a model may alternate between local and global frequencies.
  RopeTable tables_[2];
  int newest_ = 0;
};

}  // namespace footnote::kernels
