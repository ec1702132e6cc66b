// Rope, and the cache of its angles.
#include <algorithm>
#include <cmath>

#include "kernels/cpu/check.h"
#include "kernels/cpu/kernel_table.h"
#include "kernels/cpu/rope_cache.h"
#include "kernels/ops.h"

namespace footnote::kernels {

const RopeTable& RopeCache::Get(std::span<const int32_t> positions,
                                std::span<const double> inverse_frequencies, float attention_factor,
                                bool interleaved) {
  for (int i = 0; i < 2; ++i) {
    const RopeTable& table = tables_[i];
    if (table.attention_factor == attention_factor && table.interleaved == interleaved &&
        !table.values.empty() && std::ranges::equal(table.positions, positions) &&
        std::ranges::equal(table.inverse_frequencies, inverse_frequencies)) {
      newest_ = i;
      return table;
    }
  }
  newest_ = 1 - newest_;
  RopeTable& table = tables_[newest_];
  table.positions.assign(positions.begin(), positions.end());
  table.inverse_frequencies.assign(inverse_frequencies.begin(), inverse_frequencies.end());
  table.attention_factor = attention_factor;
  table.interleaved = interleaved;
  const size_t half = inverse_frequencies.size();
  const auto width = static_cast<size_t>(table.width());
  table.values.resize(positions.size() * 2 * width);
  for (size_t t = 0; t < positions.size(); ++t) {
    float* cosines = table.values.data() + t * 2 * width;
    float* sines = cosines + width;
    for (size_t i = 0; i < half; ++i) {
      const double angle = positions[t] * inverse_frequencies[i];
      const auto cosine = static_cast<float>(std::cos(angle) * attention_factor);
      const auto sine = static_cast<float>(std::sin(angle) * attention_factor);
      if (interleaved) {
        cosines[2 * i] = cosines[2 * i + 1] = cosine;
        sines[2 * i] = -sine;
        sines[2 * i + 1] = sine;
      } else {
        cosines[i] = cosine;
        sines[i] = sine;
      }
    }
  }
  return table;
}

Status Rope(Context& ctx, std::span<const int32_t> positions, const RopeParams& params, Heads x) {
  constexpr std::string_view kName = "Rope";
  FOOTNOTE_RETURN_IF_ERROR(CheckView(kName, "x", x));
  FOOTNOTE_RETURN_IF_ERROR(CheckLength(kName, "positions", positions.size(), x.shape[0]));
  const auto half = static_cast<int64_t>(params.inverse_frequencies.size());
  if (2 * half > x.shape[2]) {
    return ShapeError(kName, std::to_string(2 * half) + " rotated elements exceed the head width " +
                                 std::to_string(x.shape[2]));
  }
  if (half == 0 || x.shape[0] == 0) return OkStatus();
  const bool interleaved = params.pairing == RopePairing::kInterleaved;
  const RopeTable& table = ctx.rope_cache().Get(positions, params.inverse_frequencies,
                                                params.attention_factor, interleaved);
  const auto rotate = interleaved ? ctx.kernels().rotate_interleaved : ctx.kernels().rotate_halves;
  ctx.ParallelFor(x.shape[0], RowGrain(x.shape[1] * x.shape[2]), [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      const float* cosines = table.values.data() + t * 2 * table.width();
      for (int64_t h = 0; h < x.shape[1]; ++h) {
        rotate(cosines, cosines + table.width(), half, x.row(t) + h * x.stride[1]);
      }
    }
  });
  return OkStatus();
}

}  // namespace footnote::kernels
