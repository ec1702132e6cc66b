// Numbers with their columns as one integer that orders as a choice between them must: by value,
// then the lower column first. Runs on the host in its tests.
#pragma once

#include <stdint.h>

#include "kernels/quant/half.h"

namespace footnote::kernels::cuda {

// Larger is better; 0 is no candidate. NaN is none; both zeros are equal.
[[maybe_unused]] FOOTNOTE_HOST_DEVICE static inline uint64_t SelectKey(float value,
                                                                       uint32_t column) {
  if (value != value) return 0;
  const uint32_t bits = BitsFromFloat(value + 0.0f);  // -0 + 0 is +0
  const uint32_t ordered = bits >> 31 ? ~bits : bits | 0x80000000u;
  return static_cast<uint64_t>(ordered) << 32 | (0xffffffffu - column);
}

[[maybe_unused]] FOOTNOTE_HOST_DEVICE static inline uint32_t SelectColumn(uint64_t key) {
  return 0xffffffffu - static_cast<uint32_t>(key);
}

// A threshold (> 0) that k of the keys reach, no more and no fewer, where `reached(threshold)` says
// how many do; 0 when there are fewer than k. Keys differ from each other. The answer is one bit of
// the k-th largest key after the other, until it tells the k-th from the next.
#ifdef __CUDACC__
#pragma nv_exec_check_disable
#endif
template <typename Reached>
FOOTNOTE_HOST_DEVICE inline uint64_t ThresholdOfLargest(int k, const Reached& reached) {
  uint64_t threshold = 0;
  for (int bit = 63; bit >= 0; --bit) {
    const uint64_t higher = threshold | uint64_t{1} << bit;
    const int count = reached(higher);
    if (count >= k) threshold = higher;
    if (count == k) break;
  }
  return threshold;
}

}  // namespace footnote::kernels::cuda
