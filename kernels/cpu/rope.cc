// Rope, and the cache of its angles.
#include <algorithm>
#include <cmath>

#include "kernels/cpu/check.h"
#include "kernels/cpu/rope_cache.h"
#include "kernels/ops.h"

namespace footnote::kernels {

const RopeTable& RopeCache::Get(std::span<const int32_t> positions,
                                std::span<const double> inverse_frequencies,
                                float attention_factor) {
  for (int i = 0; i < 2; ++i) {
    const RopeTable& table = tables_[i];
    if (table.attention_factor == attention_factor && !table.values.empty() &&
        std::ranges::equal(table.positions, positions) &&
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
  const size_t half = inverse_frequencies.size();
  table.values.resize(positions.size() * 2 * half);
  for (size_t t = 0; t < positions.size(); ++t) {
    float* row = table.values.data() + t * 2 * half;
    for (size_t i = 0; i < half; ++i) {
      const double angle = positions[t] * inverse_frequencies[i];
      row[i] = static_cast<float>(std::cos(angle) * attention_factor);
      row[half + i] = static_cast<float>(std::sin(angle) * attention_factor);
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
  const RopeTable& table =
      ctx.rope_cache().Get(positions, params.inverse_frequencies, params.attention_factor);
  const bool halves = params.pairing == RopePairing::kHalves;
  ctx.ParallelFor(x.shape[0], RowGrain(x.shape[1] * x.shape[2]), [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      const float* cosines = table.values.data() + t * 2 * half;
      const float* sines = cosines + half;
      for (int64_t h = 0; h < x.shape[1]; ++h) {
        float* head = x.row(t) + h * x.stride[1];
        for (int64_t i = 0; i < half; ++i) {
          float& first = head[halves ? i : 2 * i];
          float& second = head[halves ? i + half : 2 * i + 1];
          const float a = first, b = second;
          first = a * cosines[i] - b * sines[i];
          second = b * cosines[i] + a * sines[i];
        }
      }
    }
  });
  return OkStatus();
}

}  // namespace footnote::kernels
