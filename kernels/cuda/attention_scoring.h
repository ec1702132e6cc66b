// AttentionParams as the tensor-core kernels want them. Host code of kernels/cuda.
#pragma once

#include <numbers>

#include "kernels/cuda/attention_tile.h"

namespace footnote::kernels::cuda {

inline Scoring ScoringOf(const AttentionParams& params) {
  constexpr double kLog2E = std::numbers::log2e;
  const bool capped = params.softcap > 0;
  Scoring scoring{};
  // Capped scores have the scale in them already.
  scoring.multiplier = static_cast<float>(capped ? kLog2E : kLog2E * params.scale);
  scoring.softcap = params.softcap;
  if (capped) {
    scoring.softcap_scale = static_cast<float>(2 * kLog2E * params.scale / params.softcap);
  }
  scoring.window = static_cast<int>(params.window);
  return scoring;
}

}  // namespace footnote::kernels::cuda
